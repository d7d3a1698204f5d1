"""The command line of `export_model.py`."""

import argparse
import pathlib
import re

from . import common, preprocess, scaling
from .common import Failure
from .describe import FLOAT32, INT8

# The options that a model of this project's own list decides itself.
OF_USERS = ("labels", "name", "version", "licence", "source", "scaling", "colours", "threshold", "size")


def parse(models, documentation, arguments=None):
    parser = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_argument_group("which model")
    which.add_argument("--model", metavar="NAME", help=f"default: mobilenetv2; one of {', '.join(sorted(models))}")
    which.add_argument("--weights", type=pathlib.Path, metavar="FILE", help="default: the published weights; none: random ones")
    which.add_argument("--keras", type=pathlib.Path, metavar="PATH", help="your own classifier: a .keras or .h5 file, or a SavedModel's folder")

    pixels = parser.add_argument_group("from a picture to the model's input: how its pictures were loaded in training")
    pixels.add_argument("--kernel", choices=preprocess.KERNELS, metavar="KERNEL", help=(
        f"default: bicubic, with --keras tensorflow-bilinear; Pillow's {', '.join(preprocess.PILLOW)}, or {', '.join(preprocess.TENSORFLOW)}"
    ))  # fmt: skip
    pixels.add_argument("--resize", metavar="HOW", help=(
        'default: stretch, which does not keep the aspect; crop-to-aspect; or "short-side 256, crop 224", as torchvision does'
    ))  # fmt: skip

    users = parser.add_argument_group("with --keras")
    users.add_argument("--labels", type=pathlib.Path, metavar="FILE", help="text (one a line), JSON or CSV; needed")
    users.add_argument("--scaling", metavar="HOW", help=f"needed unless a layer of the model scales the pixels: {scaling.CHOICES}")
    users.add_argument("--colours", choices=list(preprocess.CHANNELS), help="default: RGB, or GRAY if the model reads one channel")
    users.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="needed if the model reads pictures of any size")
    users.add_argument("--threshold", type=threshold, metavar="P", help=(
        "for models of which each output is a probability of its own: an answer has the labels of at least this; default: 0.5"
    ))  # fmt: skip
    users.add_argument("--name", help="default: the name of the file")
    users.add_argument("--version", help="default: the size of the input")
    users.add_argument("--licence", metavar="SPDX", help="the licence of the weights; default: NOASSERTION")
    users.add_argument("--source", metavar="TEXT", help="where the weights come from; default: the name of the file")

    written = parser.add_argument_group("what is written")
    written.add_argument("--precision", choices=(FLOAT32, INT8), default=FLOAT32, help="default: float32; int8 makes both files")
    written.add_argument("--calibration", type=pathlib.Path, metavar="DIR", default=common.PICTURES, help="pictures for int8; default: tests/pictures")
    written.add_argument("--output", type=pathlib.Path, metavar="FILE", help="default: models/NAME.onnx")
    written.add_argument("--output-dir", type=pathlib.Path, metavar="DIR", default=common.ROOT / "models", help="default: models/")
    return parser.parse_args(arguments)


def size(text):
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found:
        raise argparse.ArgumentTypeError(f'"{text}" is not WIDTHxHEIGHT, as in 224x224')
    return int(found[1]), int(found[2])


def threshold(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number over 0 and up to 1, as in 0.5')
    return value


def check(options, models):
    """Fails where two options contradict each other."""
    if options.keras:
        for name in ("model", "weights"):
            if getattr(options, name) is not None:
                raise Failure(f"--{name} and --keras contradict each other: the file of --keras is both the model and its weights.")
        if options.labels is None:
            raise Failure("The labels are not in the model: name a file with one for each output, with --labels FILE.")
    else:
        for name in OF_USERS:
            if getattr(options, name) is not None:
                raise Failure(f"--{name} is for a model of your own: name it with --keras FILE.")
        if (options.model or "mobilenetv2") not in models:
            raise Failure(f"There is no model {options.model}: the names are {', '.join(sorted(models))}.")
    if options.output and options.output.suffix != ".onnx":
        raise Failure(f"--output {options.output.name} has to end with .onnx.")


def changes(options, width, height):
    """The fields of the description that --kernel and --resize change for a model of the list."""
    found = {"kernel": options.kernel} if options.kernel else {}
    if options.resize:
        window, shorter_side, crop = preprocess.parse_window(options.resize)
        preprocess.check_window(window, shorter_side, crop, (width, height), options.kernel or "bicubic")
        found |= {"window": window, "shorter_side": shorter_side}
    return found
