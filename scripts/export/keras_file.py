"""A user's own classifier: a file of Keras (.keras, .h5), or a SavedModel."""

import dataclasses
import json
import re
import zipfile

import numpy

from . import activation, labels, preprocess, reading, scaling
from .common import Failure, first_line, step
from .convert import concrete, convert, frozen, load_keras
from .describe import NCHW, NHWC, SIGMOID, SOFTMAX, Description
from .preprocess import BGR, CHANNELS, GRAY, RGB

# A SavedModel with one of these could read, write or run what its author likes.
REFUSED = {
    "EagerPyFunc", "PyFunc", "PyFuncStateless", "ReadFile", "WriteFile", "MatchingFiles", "DecodeProtoV2", "SaveDataset", "TextLineDataset",
    "TFRecordDataset", "FixedLengthRecordDataset", "TextLineReader", "WholeFileReader", "PrintV2", "Send", "Recv", "RpcCall", "RpcClient",
}  # fmt: skip
RESAVE = "save it from the program that made it as a SavedModel, with model.export(FOLDER), and name the folder"


class Loaded:
    """A model's function from a tensor to its answers, the shape of its input without the batch, and the model in Keras, if it is."""

    def __init__(self, function, shape, model=None):
        self.function, self.shape, self.model = function, shape, model


def load(path):
    """Loads a model. Keras' safe mode stays on: it refuses files that bring code of their own."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise Failure(f"{path} is not a SavedModel: it holds no saved_model.pb.")
        return saved_model(path)
    if path.suffix.lower() not in (".keras", ".h5", ".hdf5"):
        raise Failure(f"{path.name} is neither a .keras nor a .h5 file, nor the folder of a SavedModel.")
    refuse_lambdas(path)
    keras = load_keras()
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise unloaded(path, error) from None
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise Failure(f"{path.name} states no input: build the model with an Input layer before it is saved.")
    if len(inputs) != 1 or len(outputs) != 1:
        raise Failure(f"{path.name} has {len(inputs)} inputs and {len(outputs)} outputs: a classifier has one of each.")
    dtype = inputs[0].dtype
    return Loaded(lambda picture: only(model(cast(picture, dtype), training=False)), tuple(inputs[0].shape[1:]), model)


def unloaded(path, error):
    text = str(error)
    unknown = re.search(r"Could not locate class '([^']+)'|Unknown layer: '?(\w+)|Could not locate function '([^']+)'", text)
    if unknown:
        name = next(filter(None, unknown.groups()))
        return Failure(f"{path.name} has {name}, which Keras does not know without its program: {RESAVE}.")
    return Failure(f"{path.name} can't be loaded ({first_line(error)}).")


def refuse_lambdas(path):
    """Fails with a sentence of its own for what the safe mode refuses, and for files without a model."""
    if path.suffix.lower() == ".keras":
        try:
            with zipfile.ZipFile(path) as archive:
                config = archive.read("config.json")
        except (OSError, KeyError, zipfile.BadZipFile):
            raise Failure(f"{path.name} is no model of Keras 3: it is damaged, or of another kind.") from None
    else:
        import h5py

        try:
            with h5py.File(path) as file:
                config = file.attrs.get("model_config")
        except OSError:
            raise Failure(f"{path.name} is no HDF5 file: it is damaged, or of another kind.") from None
        if config is None:
            raise Failure(f"{path.name} holds weights alone: save the whole model, with model.save(FILE).")
    try:
        names = list(lambdas(json.loads(config)))
    except ValueError:
        raise Failure(f"{path.name} has a configuration that is not JSON: it is damaged.") from None
    if names:
        raise Failure(f"{path.name} has the Lambda layer {names[0]}, whose code would run when it is loaded: {RESAVE}.")


def lambdas(config):
    """The names of the Lambda layers in a configuration."""
    if isinstance(config, dict):
        if config.get("class_name") == "Lambda":
            yield config.get("config", {}).get("name", "without a name")
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from lambdas(part)


def saved_model(path):
    import_tensorflow()
    import tensorflow
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString((path / "saved_model.pb").read_bytes())
    except Exception as error:
        raise Failure(f"{path.name} is damaged: its saved_model.pb can't be read ({first_line(error)}).") from None
    for graph in (it.graph_def for it in content.meta_graphs):
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        found = sorted({node.op for node in nodes} & REFUSED)
        if found:
            raise Failure(f"{path.name} is refused: it has the operator {found[0]}, which no classifier needs.")
    try:
        loaded = tensorflow.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
    except KeyError:
        raise Failure(f"{path.name} has no signature serving_default: save it with model.export(FOLDER).") from None
    except Exception as error:
        raise Failure(f"{path.name} can't be loaded ({first_line(error)}).") from None
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or len(signature.structured_outputs) != 1:
        raise Failure(f"{path.name} has {len(inputs)} inputs and {len(signature.structured_outputs)} outputs: a classifier has one of each.")
    ((name, spec),) = inputs.items()
    if spec.shape.rank is None:
        raise Failure(f"{path.name} states no shape of its input: save it with model.export(FOLDER).")

    def function(picture, keep=loaded):
        return only(signature(**{name: cast(picture, spec.dtype.name)}))

    return Loaded(function, tuple(spec.shape[1:]))


def import_tensorflow():
    """Imports TensorFlow with the settings that Keras is imported with."""
    load_keras()


def cast(picture, dtype):
    import tensorflow

    return tensorflow.cast(picture, dtype)


def on_cpu(function):
    """The function compiled with XLA: TensorFlow itself has no convolution with the channels first for CPUs."""
    import tensorflow

    return tensorflow.function(function, jit_compile=True)


def only(answer):
    """The one tensor of an answer that may be a list or a dict."""
    while isinstance(answer, (dict, list, tuple)):
        (answer,) = answer.values() if isinstance(answer, dict) else answer
    return answer


class KerasFile:
    """A user's classifier, with the functions of the module `mobilenetv2`. `options` are those of the command line."""

    def __init__(self, options):
        self.options, self.path = options, options.keras
        self.NAME = options.name or options.keras.stem
        self.FILE = f"{slug(self.NAME)}.onnx"
        self.warnings = []

    def find_weights(self, _):
        if not self.path.exists():
            raise Failure(f"There is no model {self.path}.")
        return self.path

    def describe(self, weights, _):
        options = self.options
        names = labels.read(options.labels)
        done = step(f"reading {self.path.name}")
        self.loaded = load(self.path)
        done()
        channels, self.layout = self.channels()
        colours = self.colours(channels)
        width, height = self.size()
        self.shape = (1, channels, height, width) if self.layout == NCHW else (1, height, width, channels)
        self.inspect()
        scaled = self.scaling(colours)
        output, threshold = self.output(len(names))
        kernel = options.kernel or "tensorflow-bilinear"
        window, shorter_side, crop = preprocess.parse_window(options.resize or preprocess.STRETCH)
        preprocess.check_window(window, shorter_side, crop, (width, height), kernel)
        description = Description(
            self.NAME, options.version or f"{width} x {height}", options.source or self.path.name, options.licence or "NOASSERTION",
            width, height, scaled.mean, scaled.std, self.layout, kernel, window, shorter_side, scaled.colours, output, threshold, names,
        )  # fmt: skip
        # The original reads this layout, whatever the ONNX reads.
        self.description = dataclasses.replace(description)
        return description

    def channels(self):
        """The number of channels, and the layout of the model."""
        shape = self.loaded.shape
        if len(shape) != 3:
            raise Failure(f"{self.path.name} reads {' x '.join(map(str, shape))}, not a picture of height x width x channels.")
        asked = CHANNELS[self.options.colours or RGB]
        found = [(count, layout) for count, layout in ((shape[2], NHWC), (shape[0], NCHW)) if count in (1, 3)]
        if not found and shape[2] is None:
            found = [(asked, NHWC)]
        if not found:
            raise Failure(f"{self.path.name} reads pictures of {shape[2]} channels: glimpse makes 3 (colours) or 1 (gray).")
        return found[0]

    def colours(self, channels):
        """The colours that the user asks for, or those that the number of channels decides, or `None`: the scaling decides."""
        asked = self.options.colours
        if asked and CHANNELS[asked] != channels:
            raise Failure(f"--colours {asked} is {CHANNELS[asked]} channels, but {self.path.name} reads {channels}.")
        return asked or (GRAY if channels == 1 else None)

    def size(self):
        """The width and the height of the input."""
        height, width = self.loaded.shape[1:] if self.layout == NCHW else self.loaded.shape[:2]
        asked = self.options.size
        if asked is None and None in (width, height):
            raise Failure(f"{self.path.name} reads pictures of any size: say which with --size WIDTHxHEIGHT, as in --size 224x224.")
        if asked and (width or asked[0], height or asked[1]) != asked:
            raise Failure(f"--size {asked[0]}x{asked[1]} contradicts {self.path.name}, which reads {width or 'any'} x {height or 'any'}.")
        size = asked or (width, height)
        if not all(1 <= side <= 4096 for side in size):
            raise Failure(f"{self.path.name} reads {size[0]} x {size[1]} pixels: glimpse makes sides of 1 to 4096.")
        return size

    def inspect(self):
        """Reads the scaling inside and the output from the graph."""
        done = step("reading its graph")
        try:
            raw = concrete(self.loaded.function, self.shape)
            graph = reading.Graph(frozen(raw)[0], raw.inputs[0].op.name)
            sides = tuple(raw.outputs[0].shape[1:])
            self.inside = graph.scaling()
            self.kind, operator = graph.output(raw.outputs[0].op.name)
        except Failure:
            raise
        except Exception as error:
            raise Failure(f"{self.path.name} can't be run on a picture of {' x '.join(map(str, self.shape[1:]))} ({first_line(error)}).") from None
        done()
        if None in sides or sum(side > 1 for side in sides) > 1:
            raise Failure(f"{self.path.name} answers with {' x '.join(map(str, sides))} numbers: a classifier has one for each label.")
        self.units = int(numpy.prod(sides))
        if self.kind is None:
            raise Failure(f"{self.path.name} ends with {operator}: its last layer has to be a softmax, a sigmoid, or without activation.")

    def scaling(self, colours):
        """The scaling before the model."""
        asked = self.options.scaling
        if asked is None and self.inside is None:
            raise Failure(f"{self.path.name} scales no pixels itself: say what it was trained on with --scaling: {scaling.CHOICES}.")
        if asked not in (None, scaling.NONE) and self.inside is not None:
            self.warnings.append(f"--scaling {asked} scales the pixels, and so does the model itself: {self.inside}. Is --scaling none meant?")
        return scaling.parse(asked or scaling.NONE, colours)

    def output(self, count):
        """The kind of the probabilities, and the threshold."""
        threshold, units = self.options.threshold, self.units
        self.binary = units == 1 and count == 2
        if not self.binary and units != count:
            raise Failure(f"{self.options.labels.name} has {count} labels, but {self.path.name} has {units} output{'s' * (units > 1)}.")
        if units == 1 and self.kind == SOFTMAX:
            raise Failure(f"{self.path.name} has one output behind a softmax, which is 1 for every picture: use a sigmoid.")
        # Logits become several probabilities if a threshold is asked for, as one output with one label does anyway.
        self.several = not self.binary and (self.kind == SIGMOID or (self.kind != SOFTMAX and (threshold is not None or units == 1)))
        if threshold is not None and not self.several:
            raise Failure("--threshold is for models of which each output is a probability of its own, but these probabilities sum up to 1.")
        return (SIGMOID, 0.5 if threshold is None else threshold) if self.several else (SOFTMAX, None)

    def build(self, _):
        """The ONNX model, and a function from pixels [height, width, channels] to the original's probabilities."""
        done = step("converting to ONNX")
        try:
            converted = convert(concrete(lambda picture: self.probabilities(self.loaded.function(picture)), self.shape), self.layout)
        except Failure:
            raise
        except Exception as error:
            raise Failure(f"{self.path.name} can't be converted to ONNX ({first_line(error)}).") from None
        done()
        self.original = on_cpu(self.loaded.function) if self.layout == NCHW else self.loaded.function

        def predict(pixels):
            return self.predict(self.description.tensor(pixels))

        if self.loaded.model is not None and self.layout == NHWC:
            predict.last = activation.of_keras(self.loaded.model, self.description.tensor)
        return converted, predict

    def probabilities(self, answers):
        """The answers as probabilities [1, labels]: what the graph lacks is added."""
        import tensorflow

        answers = tensorflow.reshape(tensorflow.cast(answers, tensorflow.float32), (1, self.units))
        if self.kind == reading.LOGITS:
            answers = tensorflow.sigmoid(answers) if self.binary or self.several else tensorflow.nn.softmax(answers)
        return tensorflow.concat([1 - answers, answers], 1) if self.binary else answers

    def predict(self, tensor):
        """The original's answer, with the same computed in NumPy."""
        answers = self.original(tensor).numpy().astype(numpy.float64).ravel()
        if self.kind == reading.LOGITS:
            sigmoid = self.binary or self.several
            exponentials = numpy.exp(-answers) if sigmoid else numpy.exp(answers - answers.max())
            answers = 1 / (1 + exponentials) if sigmoid else exponentials / exponentials.sum()
        return numpy.concatenate([1 - answers, answers]) if self.binary else answers

    def report(self, description):
        """Prints what was read, and what was said."""
        added = {reading.LOGITS: "logits; a softmax is added" if not self.binary and not self.several else "logits; a sigmoid is added"}
        kind = added.get(self.kind, self.kind) + ("; one output for two labels: [1 - p, p]" if self.binary else "")
        order = {RGB: "red, green, blue", BGR: "blue, green, red", GRAY: "gray"}[description.colours]
        outside = f"(pixel - {reading.short(description.mean)}) / {reading.short(description.std)}"
        window = description.window + (f", shorter side {description.shorter_side}" if description.shorter_side else "")
        rows = {
            "input": f"{description.width} x {description.height}, channels {'first' if self.layout == NCHW else 'last'}",
            "channels": f"{CHANNELS[description.colours]}: {order}",
            "scaling inside": str(self.inside or "none"),
            "scaling outside": "none" if outside == "(pixel - 0) / 1" else outside,
            "resize": f"{window}, {description.kernel}{'' if self.options.kernel else ' (the default: --kernel names another)'}",
            "output": kind + (f"; threshold {description.threshold}" if description.threshold is not None else ""),
            "labels": f"{len(description.labels)}: {', '.join(description.labels[:3])}{', ...' * (len(description.labels) > 3)}",
        }
        for name, value in rows.items():
            print(f"  {name:16} {value}")
        for warning in self.warnings:
            print(f"  warning: {warning}")


def slug(name):
    """A name as a file name: letters and digits in lower case, and hyphens."""
    found = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not found:
        raise Failure(f'The name "{name}" makes no file name: name the file with --output.')
    return found
