"""Class activation maps: the second output of a model, compared with NumPy's sums over Keras' own layers."""

import numpy
import onnx
import pytest

from export import activation, agreement, common, pipeline, quantise
from export.common import Failure
from export.convert import concrete, convert, load_keras
from export.describe import Description, properties

keras = load_keras()
layers = keras.layers

SHAPE, LABELS = (1, 20, 28, 3), 6


def network(dense, end=layers.GlobalAveragePooling2D, between=None):
    keras.utils.set_random_seed(7)
    inlet = keras.Input(SHAPE[1:])
    features = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(layers.Rescaling(1 / 255)(inlet))
    pooled = end()(layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(features))
    return keras.Model(inlet, dense(between(pooled) if between else pooled))


def converted(model):
    return convert(concrete(lambda picture: model(picture, training=False), SHAPE))


def maps(proto, tensor, count):
    session = agreement.session(proto.SerializeToString())
    return session.run(None, {"input": tensor, activation.INPUT: numpy.array([count], numpy.int64)})


@pytest.fixture
def pixels():
    return numpy.random.default_rng(3).uniform(0, 255, SHAPE).astype(numpy.float32)


@pytest.mark.parametrize("last", ["softmax", "sigmoid"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_maps_are_those_of_keras_layers(pixels, last, bias):
    model = network(layers.Dense(LABELS, last, use_bias=bias))
    proto = converted(model)
    assert activation.add(proto) == (5, 7)
    onnx.checker.check_model(proto, full_check=True)
    probabilities, found = maps(proto, pixels.transpose(0, 3, 1, 2), LABELS)
    labels = numpy.argsort(probabilities[0])[::-1]
    expected = activation.weighted(*activation.of_keras(model, lambda it: it)(pixels), labels)
    assert found.shape == (LABELS, 5, 7) and numpy.abs(found - expected).max() < 1e-5
    # A label's logit is the mean of its map, plus the bias.
    logits = keras.Model(model.inputs, model.layers[-2].output)(pixels).numpy() @ model.layers[-1].kernel.numpy()
    assert numpy.abs(found.mean((1, 2)) - logits[0, labels]).max() < 1e-5


def test_without_a_number_there_is_no_map_and_the_same_answer(pixels):
    proto = converted(network(layers.Dense(LABELS, "softmax")))
    tensor = pixels.transpose(0, 3, 1, 2)
    before = agreement.answers(proto.SerializeToString(), [tensor])
    activation.add(proto)
    probabilities, found = agreement.session(proto.SerializeToString()).run(None, {"input": tensor})
    assert found.shape == (0, 5, 7) and (probabilities == before).all()


def test_equal_probabilities_have_the_order_of_an_answer(pixels):
    """The later label is first, as in `describe.top` and in the server."""
    model = network(layers.Dense(LABELS, "softmax", kernel_initializer="zeros"))
    kernel = numpy.zeros((12, LABELS), numpy.float32)
    kernel[0, 1] = kernel[1, 4] = 1
    model.layers[-1].set_weights([kernel * 0, numpy.zeros(LABELS)])
    proto = converted(model)
    activation.add(proto)
    (weights,) = [it for it in proto.graph.initializer if list(it.dims) == [12, LABELS]]
    # The maps alone see these weights, so that all probabilities stay equal.
    chosen = next(node for node in proto.graph.node if node.op_type == "Gather")
    chosen.input[0] = "marked"
    proto.graph.initializer.append(onnx.numpy_helper.from_array(numpy.arange(LABELS, dtype=numpy.float32) * (kernel * 0 + 1), "marked"))
    _, found = maps(proto, pixels.transpose(0, 3, 1, 2), LABELS)
    sums = found.sum((1, 2))
    assert (sums[:-1] > sums[1:]).all() and sums[-1] == 0, sums


def test_models_that_end_otherwise_have_none():
    dense = lambda: layers.Dense(LABELS, "softmax")
    for model in (
        network(dense(), end=layers.Flatten),
        network(dense(), end=layers.GlobalMaxPooling2D),
        network(dense(), between=layers.Dense(9, "relu")),
        network(dense(), between=layers.LayerNormalization()),
    ):
        assert activation.add(converted(model)) is None


def test_dropout_before_the_last_layer_does_not_matter():
    assert activation.add(converted(network(layers.Dense(LABELS, "softmax"), between=layers.Dropout(0.5)))) == (5, 7)


def test_the_export_compares_the_maps(efficientnet_lite0):
    path = efficientnet_lite0 / "efficientnet-lite0.onnx"
    fields = properties(path)
    assert (fields["glimpse.activation_rows"], fields["glimpse.activation_columns"]) == ("7", "7")
    description = Description.of(fields)
    with pytest.raises(Failure, match="The maps differ from the original's"):
        pipeline.check_maps(description, [1e-6, 2e-4])
    with pytest.raises(Failure, match="The maps differ"):
        pipeline.check_maps(description, [float("nan")])


def test_maps_in_int8_are_near_those_in_float(efficientnet_lite0):
    path = efficientnet_lite0 / "efficientnet-lite0.onnx"
    description = Description.of(properties(path))
    tensors = [description.tensor(description.pixels(picture)) for picture in common.pictures()[:4]]
    proto = quantise.quantise(onnx.load(path), tensors)
    for tensor in tensors:
        both = [maps(it, tensor, 1) for it in (proto, onnx.load(path))]
        assert both[0][0].argmax() == both[1][0].argmax()
        (ours,), (theirs,) = (found.reshape(1, -1) for _, found in both)
        assert numpy.corrcoef(ours, theirs)[0, 1] > 0.95
