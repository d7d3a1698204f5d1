"""Models of users, made here, exported as a user does it and compared with Keras by the export itself."""

import json

import numpy
import onnx
import pytest

import export_model
from export import calibration, common, convert, pipeline, quantise
from export.common import Failure
from export.convert import load_keras
from export.describe import Description, properties
from exporter import is_one_sentence, run

keras = load_keras()
layers = keras.layers

NAMES = ["blue", "green", "red", "gray", "white"]


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """Lets the kernels of the small networks here go through the conversion as those of large networks do."""
    monkeypatch.setattr(convert, "LARGE", 30)


def network(start, outputs, activation):
    """A small network with what most have: padding, strides, batch norm, pooling, flatten."""
    inner = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(start)
    inner = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(12, 3)(inner)))
    inner = layers.Flatten()(layers.MaxPooling2D()(inner))
    return layers.Dense(outputs, activation)(inner)


def model(shape, outputs, activation, scaling=None):
    keras.utils.set_random_seed(5)
    inlet = keras.Input(shape)
    made = keras.Model(inlet, network(scaling(inlet) if scaling else inlet, outputs, activation))
    for layer in made.layers:
        if isinstance(layer, layers.BatchNormalization):
            random = numpy.random.default_rng(1)
            layer.set_weights([random.uniform(low, 1.5, layer.gamma.shape) for low in (0.5, -0.5, -0.5, 0.5)])
    return made


@pytest.fixture
def exported(tmp_path, capsys):
    """Exports a model and returns its properties and what was printed."""

    def export(made, names, *arguments, file="made.keras"):
        path = tmp_path / file
        if not isinstance(made, (str, bytes)):
            made.save(path) if path.suffix else made.export(path, verbose=False)
        (tmp_path / "labels.txt").write_text("\n".join(names))
        folder = tmp_path / "out"
        known = ["--keras", str(path), "--labels", str(tmp_path / "labels.txt"), "--output-dir", str(folder)]
        output = export_model.run([*known, *map(str, arguments)])
        export.printed = capsys.readouterr().out
        export.output = output
        graph = onnx.load(output)
        onnx.checker.check_model(graph, full_check=True)
        ((shape,), (answer,)) = ([[side.dim_value for side in it.type.tensor_type.shape.dim] for it in put] for put in (graph.graph.input[:1], graph.graph.output[:1]))
        assert answer == [1, len(names)]
        assert export.printed.count("no probability differs by more than") == 1
        export.shape, export.operators = shape, [node.op_type for node in graph.graph.node]
        return {key.removeprefix("glimpse."): value for key, value in properties(output).items()}

    return export


def test_a_plain_model_with_a_picture_that_is_not_square(exported):
    fields = exported(model((32, 48, 3), 3, "softmax"), NAMES[:3], "--scaling", "tf", "--name", "My Model", "--licence", "MIT")
    assert exported.output.name == "my-model.onnx" and exported.shape == [1, 3, 32, 48]
    assert (fields["name"], fields["version"], fields["licence"], fields["source"]) == ("My Model", "48 x 32", "MIT", "made.keras")
    assert (fields["input_width"], fields["input_height"], fields["input_layout"]) == ("48", "32", "NCHW")
    assert (fields["input_mean"], fields["input_std"]) == ("[127.5, 127.5, 127.5]", "[127.5, 127.5, 127.5]")
    assert (fields["input_resize"], fields["output"]) == ("tensorflow-bilinear", "softmax")
    assert json.loads(fields["labels"]) == NAMES[:3]
    assert "scaling inside   none" in exported.printed and "(the default: --kernel names another)" in exported.printed
    assert "Serve it with: glimpse --model " in exported.printed


def test_an_unchanged_model_is_not_exported_again(tmp_path, capsys):
    path = tmp_path / "made.keras"
    model((16, 16, 3), 3, "softmax", layers.Rescaling(1 / 255)).save(path)
    command = ["--keras", str(path), "--labels", str(write(tmp_path, NAMES[:3])), "--output-dir", str(tmp_path)]
    for arguments, again in (([], False), ([], True), (["--kernel", "box"], False), (["--kernel", "box"], True)):
        export_model.run([*command, *arguments])
        assert ("made: made.onnx is up to date." in capsys.readouterr().out) == again
    write(tmp_path, reversed(NAMES[:3]))
    export_model.run([*command, "--kernel", "box"])
    assert "exporting" in capsys.readouterr().out


def test_a_sequential_model_with_augmentation_rescaling_and_logits(exported):
    made = keras.Sequential([
        keras.Input((24, 24, 3)),
        keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)]),
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(6, 3, activation="relu"),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4),
    ])  # fmt: skip
    fields = exported(made, NAMES[:4], "--kernel", "nearest", "--resize", "crop-to-aspect")
    assert (fields["input_mean"], fields["input_std"]) == ("[0.0, 0.0, 0.0]", "[1.0, 1.0, 1.0]")
    assert (fields["input_resize"], fields["input_window"]) == ("nearest", "crop-to-aspect")
    assert "scaling inside   (pixel - 127.5) / 127.5" in exported.printed and "a softmax is added" in exported.printed
    assert "Transpose" not in exported.operators


def normalization():
    layer = layers.Normalization()
    layer.adapt(numpy.random.default_rng(0).uniform(0, 255, (40, 8, 8, 3)).astype(numpy.float32))
    return layer


@pytest.mark.parametrize("scaling, inside", [
    (normalization(), "(pixel - (12"),
    (layers.Normalization(mean=[100, 110, 120], variance=[3600, 3600, 3600]), "(pixel - (100, 110, 120)) / 60"),
    (lambda pixels: keras.applications.resnet.preprocess_input(pixels), "(pixel - (103.939, 116.779, 123.68)) / 1"),
    (lambda pixels: pixels / 127.5 - 1, "(pixel - 127.5) / 127.5"),
    (lambda pixels: 1 - pixels / 255, "(pixel - 255) / -255"),
])  # fmt: skip
@pytest.mark.parametrize("file", ["made.keras", "made"])
def test_scalings_inside_are_found_in_files_and_in_saved_models(exported, scaling, inside, file):
    fields = exported(model((24, 24, 3), 3, "softmax", scaling), NAMES[:3], file=file)
    assert f"scaling inside   {inside}" in exported.printed
    assert fields["input_std"] == "[1.0, 1.0, 1.0]"


def test_a_batch_norm_of_scaled_pixels_is_no_scaling(tmp_path):
    inlet = keras.Input((16, 16, 3))
    norm = layers.BatchNormalization()
    made = keras.Model(inlet, layers.Dense(3)(layers.Flatten()(norm(inlet))))
    norm.set_weights([numpy.full(3, value, numpy.float32) for value in (1, 0, 0.5, 0.06)])
    failing(made, tmp_path, NAMES[:3], "say what it was trained on with --scaling")


def test_a_scaling_outside_of_one_inside_is_a_warning(exported):
    exported(model((24, 24, 3), 3, "softmax", layers.Rescaling(1 / 255)), NAMES[:3], "--scaling", "0,255")
    assert "warning: --scaling 0,255 scales the pixels, and so does the model itself: (pixel - 0) / 255." in exported.printed


def test_gray_pictures_in_an_h5_file(exported):
    fields = exported(model((28, 28, 1), 5, "softmax"), NAMES, "--scaling", "tf", "--kernel", "box", file="digits.h5")
    assert exported.shape == [1, 1, 28, 28] and exported.output.name == "digits.onnx"
    assert (fields["input_colours"], fields["input_mean"], fields["input_std"]) == ("GRAY", "[127.5]", "[127.5]")


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_output_for_two_labels(exported, activation):
    fields = exported(model((24, 24, 3), 1, activation, layers.Rescaling(1 / 255)), NAMES[:2])
    assert fields["output"] == "softmax" and "output_threshold" not in fields
    assert "[1 - p, p]" in exported.printed


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_several_labels(exported, activation):
    fields = exported(model((24, 24, 3), 5, activation, layers.Rescaling(1 / 255)), NAMES, "--threshold", 0.4)
    assert (fields["output"], fields["output_threshold"]) == ("sigmoid", "0.4")


def test_the_threshold_is_a_half_by_default_and_one_label_is_enough(exported):
    fields = exported(model((24, 24, 3), 1, "sigmoid", layers.Rescaling(1 / 255)), NAMES[:1])
    assert (fields["output"], fields["output_threshold"]) == ("sigmoid", "0.5")


def test_a_saved_model_with_logits(exported):
    fields = exported(model((24, 32, 3), 4, None, layers.Rescaling(1 / 255)), NAMES[:4], "--colours", "BGR", file="saved")
    assert (fields["input_colours"], fields["input_width"], fields["input_height"]) == ("BGR", "32", "24")
    assert len(fields["weights_sha256"]) == 64


def test_an_open_size_and_caffes_scaling(exported):
    inlet = keras.Input((None, None, 3))
    made = keras.Model(inlet, layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(inlet))))
    fields = exported(made, NAMES[:3], "--scaling", "caffe", "--size", "40x30", "--resize", "short-side 64, crop 40x30", "--kernel", "bilinear")
    assert (fields["input_colours"], json.loads(fields["input_mean"])) == ("BGR", [103.939, 116.779, 123.68])
    assert (fields["input_window"], fields["input_shorter_side"]) == ("centre-crop", "64")
    assert exported.shape == [1, 3, 30, 40]


def test_channels_first(exported):
    inlet = keras.Input((3, 20, 24))
    inner = layers.GlobalAveragePooling2D(data_format="channels_first")(layers.Conv2D(4, 3, data_format="channels_first", activation="relu")(inlet))
    fields = exported(keras.Model(inlet, layers.Dense(3)(inner)), NAMES[:3], "--scaling", "torch")
    assert exported.shape == [1, 3, 20, 24] and fields["input_layout"] == "NCHW"
    assert "channels first" in exported.printed


def test_a_model_without_convolutions_keeps_the_channels_last(exported):
    inlet = keras.Input((12, 16, 3))
    fields = exported(keras.Model(inlet, layers.Dense(3, "softmax")(layers.Flatten()(inlet))), NAMES[:3], "--scaling", "1,2,3,4,5,6")
    assert exported.shape == [1, 12, 16, 3] and fields["input_layout"] == "NHWC" and "Transpose" not in exported.operators
    assert (json.loads(fields["input_mean"]), json.loads(fields["input_std"])) == ([1, 2, 3], [4, 5, 6])


def test_an_input_of_whole_numbers(exported):
    inlet = keras.Input((16, 16, 3), dtype="uint8")
    exported(keras.Model(inlet, network(layers.Rescaling(1 / 255)(inlet), 3, "softmax")), NAMES[:3], "--kernel", "bilinear")
    assert "scaling inside   (pixel - 0) / 255" in exported.printed


def test_groups_and_gelu(exported):
    """Grouped convolutions, which Keras compiles with XLA, and the exact GELU, for which ONNX has no operator of that name."""
    inlet = keras.Input((16, 16, 3))
    inner = layers.Conv2D(8, 3, groups=4)(layers.Conv2D(8, 3, activation="gelu")(layers.Rescaling(1 / 255)(inlet)))
    exported(keras.Model(inlet, layers.Dense(3)(layers.LayerNormalization()(layers.GlobalAveragePooling2D()(inner)))), NAMES[:3])
    assert {"Erf", "Conv"} <= set(exported.operators)


@pytest.mark.parametrize("pooling", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_zeros_around_negative_values_stay_zeros(exported, pooling):
    """ONNX Runtime would merge the zeros into the pooling, which then leaves them out."""
    inlet = keras.Input((16, 16, 3))
    negative = layers.Conv2D(4, 3, bias_initializer=keras.initializers.Constant(-9.0))(layers.Rescaling(1 / 255)(inlet))
    exported(keras.Model(inlet, layers.Dense(3)(layers.Flatten()(pooling(3, 2)(layers.ZeroPadding2D(1)(negative))))), NAMES[:3])
    assert "Pad" in exported.operators


def test_a_loop_and_large_weights(exported):
    inlet = keras.Input((8, 8, 3))
    rows = layers.Reshape((8, 24))(layers.Rescaling(1 / 255)(inlet))
    exported(keras.Model(inlet, layers.Dense(3)(layers.LSTM(8)(rows))), NAMES[:3])
    assert "Loop" in exported.operators


def failing(made, folder, names, sentence, *arguments, file="made.keras"):
    path = folder / file
    if made is not None:
        made.save(path) if path.suffix else made.export(path, verbose=False)
    (folder / "labels.txt").write_text("\n".join(names))
    with pytest.raises(Failure) as failure:
        export_model.run(["--keras", str(path), "--labels", str(folder / "labels.txt"), "--output-dir", str(folder / "out"), *arguments])
    assert sentence in str(failure.value) and "\n" not in str(failure.value)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("shape, outputs, activation, names, sentence, arguments", [
    ((24, 24, 3), 3, "softmax", 3, "say what it was trained on with --scaling", []),
    ((24, 24, 3), 3, "softmax", 5, "has 5 labels, but made.keras has 3 outputs", ["--scaling", "tf"]),
    ((24, 24, 3), 1, "sigmoid", 3, "has 3 labels, but made.keras has 1 output.", ["--scaling", "tf"]),
    ((24, 24, 3), 1, "softmax", 2, "which is 1 for every picture", ["--scaling", "tf"]),
    ((24, 24, 3), 3, "relu", 3, "ends with Relu", ["--scaling", "tf"]),
    ((24, 24, 3), 3, "tanh", 3, "ends with Tanh", ["--scaling", "tf"]),
    ((24, 24, 3), 3, "softmax", 3, "--threshold is for models", ["--scaling", "tf", "--threshold", "0.5"]),
    ((24, 24, 3), 3, "softmax", 3, "--colours GRAY is 1 channels, but made.keras reads 3", ["--scaling", "tf", "--colours", "GRAY"]),
    ((24, 24, 3), 3, "softmax", 3, "which --colours RGB contradicts", ["--scaling", "caffe", "--colours", "RGB"]),
    ((24, 24, 3), 3, "softmax", 3, "is none of tf", ["--scaling", "keras"]),
    ((24, 24, 3), 3, "softmax", 3, "is none of tf", ["--scaling", "1,2,3"]),
    ((24, 24, 3), 3, "softmax", 3, "a deviation of zero or less", ["--scaling", "0,0"]),
    ((24, 24, 3), 3, "softmax", 3, "--size 32x24 contradicts made.keras, which reads 24 x 24", ["--scaling", "tf", "--size", "32x24"]),
    ((24, 24, 3), 3, "softmax", 3, "crops to 32 x 32, but the model reads 24 x 24", ["--scaling", "tf", "--resize", "short-side 40, crop 32"]),
    ((24, 24, 3), 3, "softmax", 3, "is the file of a model of the list", ["--scaling", "tf", "--name", "VGG16"]),
    ((24, 24, 3), 3, "softmax", 3, "makes no file name", ["--scaling", "tf", "--name", "***"]),
    ((24, 24, 3), 3, "softmax", 3, "--model and --keras contradict each other", ["--model", "vgg16"]),
    ((24, 24, 3), 3, "softmax", 3, "has to end with .onnx", ["--scaling", "tf", "--output", "made.bin"]),
    ((24, 24, 1), 3, "softmax", 3, "numbers for three channels, but the model reads one", ["--scaling", "torch"]),
    ((24, 24, 4), 3, "softmax", 3, "reads pictures of 4 channels", ["--scaling", "tf"]),
])  # fmt: skip
def test_what_does_not_fit_is_a_sentence(tmp_path, shape, outputs, activation, names, sentence, arguments):
    failing(model(shape, outputs, activation), tmp_path, NAMES[:names], sentence, *arguments)


def test_models_that_are_no_classifiers_are_sentences(tmp_path):
    inlet, other = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    flat = layers.Flatten()(inlet)
    cases = {
        "is 2 inputs": (keras.Model([inlet, other], layers.Dense(2)(layers.Flatten()(layers.Add()([inlet, other])))), "has 2 inputs"),
        "two outputs": (keras.Model(inlet, [layers.Dense(2)(flat), layers.Dense(2)(flat)]), "and 2 outputs"),
        "map": (keras.Model(inlet, layers.Conv2D(2, 3)(inlet)), "answers with 14 x 14 x 2 numbers"),
        "row": (keras.Model(row := keras.Input((16,)), layers.Dense(2)(row)), "reads 16, not a picture"),
        "open": (keras.Model(wide := keras.Input((None, None, 3)), layers.Dense(2)(layers.GlobalAveragePooling2D()(wide))), "say which with --size"),
    }  # fmt: skip
    for number, (made, sentence) in enumerate(cases.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        failing(made, folder, NAMES[:2], sentence, "--scaling", "tf")


@keras.saving.register_keras_serializable("tests")
class Own(layers.Layer):
    def call(self, inputs):
        return inputs * 1.5


def test_code_of_a_file_is_never_run(tmp_path):
    inlet = keras.Input((16, 16, 3))
    with_lambda = keras.Model(inlet, layers.Dense(2)(layers.Flatten()(layers.Lambda(lambda it: it / 255, name="mine")(inlet))))
    for file in ("made.keras", "made.h5"):
        failing(with_lambda, tmp_path, NAMES[:2], "has the Lambda layer mine, whose code would run", file=file)


def test_an_unknown_layer_is_a_sentence_and_a_saved_model_of_it_is_served(tmp_path, exported):
    inlet = keras.Input((16, 16, 3))
    made = keras.Model(inlet, layers.Dense(2)(layers.Flatten()(Own()(inlet))))
    made.save(tmp_path / "made.keras")
    done = run(tmp_path / "out", "--keras", tmp_path / "made.keras", "--labels", write(tmp_path, NAMES[:2]), "--scaling", "tf")
    assert done.returncode == 1 and is_one_sentence(done.stderr) and "has Own, which Keras does not know" in done.stderr, done.stderr
    assert exported(made, NAMES[:2], "--scaling", "tf", file="made")["output"] == "softmax"


def write(folder, names):
    path = folder / "labels.txt"
    path.write_text("\n".join(names))
    return path


def test_files_that_are_no_models_are_sentences(tmp_path):
    (tmp_path / "made.keras").write_bytes(b"no archive")
    (tmp_path / "made.h5").write_bytes(b"no HDF5")
    (tmp_path / "folder").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"\xff\xff")
    model((16, 16, 3), 2, "softmax").save_weights(tmp_path / "made.weights.h5")
    for file, sentence in {
        "nowhere.keras": "There is no model", "made.keras": "no model of Keras 3", "made.h5": "no HDF5 file",
        "made.weights.h5": "holds weights alone", "folder": "holds no saved_model.pb", "damaged": "is damaged",
        "labels.txt": "neither a .keras nor a .h5 file",
    }.items():  # fmt: skip
        failing(None, tmp_path, NAMES[:2], sentence, file=file)


def test_a_saved_model_that_reads_files_is_refused(tmp_path):
    import tensorflow

    class Reader(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec((None, 8, 8, 3), tensorflow.float32)])
        def answer(self, picture):
            return tensorflow.reduce_mean(picture, (1, 2)) + tensorflow.cast(tensorflow.strings.length(tensorflow.io.read_file("x")), tensorflow.float32)

    made = Reader()
    tensorflow.saved_model.save(made, str(tmp_path / "made"), signatures={"serving_default": made.answer})
    failing(None, tmp_path, NAMES[:3], "has the operator ReadFile", "--scaling", "tf", file="made")


def test_the_options_of_the_two_kinds_do_not_mix(tmp_path):
    for arguments, sentence in (
        (["--labels", "labels.txt"], "--labels is for a model of your own"),
        (["--model", "vgg17"], "There is no model vgg17"),
        (["--keras", "made.keras"], "with --labels FILE"),
        (["--model", "efficientnet-lite0", "--weights", "none"], "always has weights"),
        (["--resize", "short-side 256, crop 200"], "crops to 200 x 200, but the model reads 224 x 224"),
    ):
        with pytest.raises(Failure) as failure:
            export_model.run([*arguments, "--output-dir", str(tmp_path)])
        assert sentence in str(failure.value)


@pytest.fixture(scope="module")
def trained():
    """Tells which colour a picture has most of: a task that the sample pictures have an answer to."""
    keras.utils.set_random_seed(7)
    images = [image for path in common.pictures()[::2] for image in calibration.derived(path, 24, 9)]
    described = Description("", "", "", "", 24, 24, 0.0, 1.0, kernel="tensorflow-bilinear")
    pixels = numpy.stack([described.resized(image) for image in images])
    truth = numpy.eye(2, dtype=numpy.float32)[(pixels.mean((1, 2, 3)) > numpy.median(pixels.mean((1, 2, 3)))).astype(int)]

    def made(activation):
        found = model((24, 24, 3), 2, activation, layers.Rescaling(1 / 255))
        found.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
        found.fit(pixels, truth, epochs=12, verbose=0)
        return found

    return made


@pytest.mark.parametrize("activation, kept", [("softmax", "first label"), ("sigmoid", "set of labels")])
def test_int8_of_a_users_model(exported, trained, monkeypatch, activation, kept):
    monkeypatch.setattr(quantise, "PICTURES", 22)
    monkeypatch.setattr(quantise, "TRIALS", 11)
    monkeypatch.setattr(pipeline, "CHECKED", 3)
    fields = exported(trained(activation), ["dark", "light"], "--precision", "int8")
    assert exported.output.name == "made-int8.onnx" and fields["precision"] == "int8"
    assert f"pictures keep their {kept}" in exported.printed
    assert "QuantizeLinear" in exported.operators
    assert f"--model {exported.output}" in exported.printed


def test_int8_needs_a_convolution(exported, monkeypatch):
    monkeypatch.setattr(quantise, "PICTURES", 11)
    inlet = keras.Input((8, 8, 3))
    with pytest.raises(Failure, match="no convolution"):
        exported(keras.Model(inlet, layers.Dense(2)(layers.Flatten()(inlet))), NAMES[:2], "--scaling", "tf", "--precision", "int8")


def test_a_difference_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "TOLERANCE", -1)
    failing(model((16, 16, 3), 2, "softmax", layers.Rescaling(1 / 255)), tmp_path, NAMES[:2], "differs from the original")
