"""Exports a classifier to an ONNX file that describes itself, and checks it.

    export_model.py [--model NAME] [--weights FILE|none]          one of Keras' applications for ImageNet, or efficientnet-lite0
    export_model.py --keras FILE --labels FILE [--scaling ...]    your own model: .keras, .h5, or the folder of a SavedModel

Writes models/<name>.onnx, and the model's answers on the sample pictures to reference.json beside it. With
--precision int8 it also makes models/<name>-int8.onnx from that file: faster, with nearly the same answers.
Does nothing if neither the weights nor the recipe (this code, the pinned packages, the options, the pictures) have
changed. Exits with 3 if the weights can be neither found nor downloaded, with 1 for any other failure.

Files of others are loaded in Keras' safe mode only: what would run code of its own is refused.
"""

import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

from export import common, efficientnet_lite0, mobilenetv2, options, pipeline
from export.applications import RANDOM, applications
from export.common import Failure
from export.describe import INT8

MODELS = applications() | {"mobilenetv2": mobilenetv2, "efficientnet-lite0": efficientnet_lite0}


def main():
    try:
        run()
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(failure.code)


def run(arguments=None):
    """Does what the command line, or a list of arguments, asks for. Returns the path of the file."""
    arguments = options.parse(MODELS, __doc__, arguments)
    options.check(arguments, MODELS)
    output = users(arguments) if arguments.keras else listed(arguments)
    if arguments.precision == INT8:
        output = pipeline.export_int8(output, arguments.calibration)
    if arguments.keras:
        shown = output.relative_to(common.ROOT) if output.is_relative_to(common.ROOT) else output
        print(f"Serve it with: glimpse --model {shown} (or MODEL_PATH={shown})")
    return output


def listed(arguments):
    """Exports a model of the list."""
    name, weights = arguments.model or "mobilenetv2", arguments.weights
    if str(weights) == RANDOM:
        if name == "efficientnet-lite0":
            raise Failure("--weights none is for Keras' applications: EfficientNet-Lite0 always has weights at hand.")
        model, weights = applications()[name], RANDOM
    elif weights and not weights.is_file():
        raise Failure(f"There is no weight file {weights}.")
    else:
        model = MODELS[name]
    changes = options.changes(arguments, *getattr(model, "size", (224, 224)))
    return pipeline.export(model, weights, *place(arguments), changes)


def users(arguments):
    """Exports a user's own model."""
    from export.keras_file import KerasFile

    model = KerasFile(arguments)
    if not arguments.output and model.FILE in {known.FILE for known in MODELS.values()}:
        raise Failure(f"{model.FILE} is the file of a model of the list: give yours another name with --name, or a file with --output.")
    return pipeline.export(model, arguments.keras, *place(arguments))


def place(arguments):
    """The folder, and the name of the file in it if the user gives one."""
    output = arguments.output
    return (output.resolve().parent, output.name) if output else (arguments.output_dir, None)


if __name__ == "__main__":
    main()
