"""The scalings of Keras' `preprocess_input`, and others as numbers: the tensor holds `(pixel - mean) / std`."""

import dataclasses
import math

from .common import Failure
from .preprocess import BGR, GRAY, RGB

TF, TORCH, CAFFE, NONE = "tf", "torch", "caffe", "none"


@dataclasses.dataclass(frozen=True)
class Scaling:
    """Numbers in the order of the tensor's channels, or one for all of them."""

    mean: float | tuple
    std: float | tuple
    colours: str = RGB


SCALINGS = {
    TF: Scaling(127.5, 127.5),
    # ImageNet's means and deviations, as torchvision states them from 0 to 1.
    TORCH: Scaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    CAFFE: Scaling((103.939, 116.779, 123.68), 1.0, BGR),
    NONE: Scaling(0.0, 1.0),
}

CHOICES = 'tf (-1 to 1), torch (ImageNet\'s mean and deviation), caffe (BGR less ImageNet\'s mean), none (0 to 255) or "mean,std" ("0,255" is 0 to 1)'


def parse(text, colours):
    """The scaling of a tensor with these colours. `colours` is `None` for three channels in an order that the scaling decides."""
    found = SCALINGS.get(text) or numbers(text)
    if isinstance(found.mean, tuple) and colours == GRAY:
        raise Failure(f"--scaling {text} has numbers for three channels, but the model reads one: give two numbers, \"mean,std\".")
    if text == CAFFE and colours == RGB:
        raise Failure("--scaling caffe is for BGR, which --colours RGB contradicts: leave --colours away, or give the numbers.")
    if found.colours == RGB and colours:
        found = dataclasses.replace(found, colours=colours)
    return found


def numbers(text):
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (2, 6) or not all(map(math.isfinite, values)):
        raise Failure(f'--scaling "{text}" is none of {CHOICES}, or six numbers: three means, three deviations.')
    if min(values[len(values) // 2 :]) <= 0:
        raise Failure(f'--scaling "{text}" has a deviation of zero or less: it has to be over 0.')
    if len(values) == 2:
        return Scaling(*values)
    return Scaling(tuple(values[:3]), tuple(values[3:]))


