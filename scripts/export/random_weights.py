"""Random weights under which every layer of a network matters for its answers.

Keras' own initial weights let most networks answer the same for every picture, or let the activations overflow. The comparison with
ONNX would then pass whatever the graph computes. Here batch norms get the statistics of pictures, so that each layer's activations
stay near a deviation of 1, and the last layer is scaled so that the answers differ from picture to picture and none is certain.
"""

import numpy

from . import calibration, common, preprocess
from .describe import upright

# Pictures derived from each of these. The other sample pictures are the same in other formats.
NAMES, PICTURES, SEED = ("chelsea.png", "coffee.jpg", "rocket.jpg"), 3, 4
# The deviation of the logits over the pictures. The first of 1000 labels then has 0.007 to 0.05, where 1000 labels that are all alike
# have 0.001. A graph that computes something else is off by about as much. A wider spread would widen the rounding as well: behind
# random weights all pictures look much alike, and the scale that tells them apart enlarges whatever differs.
SPREAD = 0.75


def randomise(model, preprocess_input, side):
    import tensorflow

    random = numpy.random.default_rng(SEED)
    batch = preprocess_input(numpy.stack(list(pictures(side))))
    for layer in layers(model):
        shake(layer, random)
    # In training, with a momentum of 0, a batch norm keeps the statistics of the batch.
    momenta = [(layer, layer.momentum) for layer in layers(model) if type(layer).__name__ == "BatchNormalization"]
    for layer, _ in momenta:
        layer.momentum = 0.0
    if momenta:
        # A graph drops the activations that it has used, which are gigabytes in the large networks.
        tensorflow.function(lambda: model(batch, training=True))()
    for layer, momentum in momenta:
        layer.momentum = momentum
    spread(model, batch)


def pictures(side):
    for path in (common.PICTURES / name for name in NAMES):
        for image in [upright(path), *calibration.derived(path, PICTURES, SEED)]:
            yield preprocess.pixels(image, preprocess.RGB, (side, side), "bicubic", preprocess.STRETCH, None)


def layers(model):
    return model._flatten_layers(include_self=False)


def shake(layer, random):
    """Moves the weights off the neutral values that Keras gives them: a scale of 1, a shift of 0, ConvNeXt's branches near 0."""
    for weight in layer.trainable_weights if not getattr(layer, "layers", None) else []:
        kind = weight.name.split("/")[-1]
        if kind == "gamma":
            low, high = (0.8, 1.2) if type(layer).__name__ != "LayerScale" else (0.1, 0.3)
        elif kind in ("beta", "bias"):
            low, high = -0.1, 0.1
        else:
            continue
        weight.assign(random.uniform(low, high, weight.shape).astype(numpy.float32))


def spread(model, batch):
    """Scales the classifier so that each logit has a mean of 0 and a deviation of `SPREAD` over the pictures."""
    import keras

    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    activation, last.activation = last.activation, keras.activations.linear
    try:
        inner = keras.Model(model.inputs, last.output)
        # One at a time, because the large networks' activations are large.
        logits = numpy.concatenate([inner(picture[None], training=False).numpy().reshape(1, -1) for picture in batch])
    finally:
        last.activation = activation
    mean, deviation = logits.mean(0), max(float(logits.std(0).mean()), 1e-12)
    kernel, bias = last.get_weights()
    last.set_weights([kernel * (SPREAD / deviation), (bias - mean) * (SPREAD / deviation)])
