"""From a decoded picture to the pixels of a model's input, computed by the libraries themselves.

The server reproduces these functions in `src/image/preprocess`, so a change here is a change of its contract.
"""

import re

import numpy
from PIL import Image

from .common import Failure

PILLOW = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
TENSORFLOW = ("tensorflow-nearest", "tensorflow-bilinear", "tensorflow-bicubic")
KERNELS = PILLOW + TENSORFLOW

STRETCH, CENTRE_CROP, CROP_TO_ASPECT = "stretch", "centre-crop", "crop-to-aspect"

RGB, BGR, GRAY = "RGB", "BGR", "GRAY"
CHANNELS = {RGB: 3, BGR: 3, GRAY: 1}


def pixels(image, colours, size, kernel, window, shorter_side):
    """The pixels [height, width, channels] of an RGB picture, 0 to 255. `size` is (width, height). BGR is still in the order RGB."""
    if colours == GRAY:
        image = image.convert("L")
    if window == CENTRE_CROP:
        found = numpy.asarray(centre_crop(image, size, resampling(kernel), shorter_side), numpy.float32)
    else:
        box = aspect_box(image.size, size) if window == CROP_TO_ASPECT else (0, 0, *image.size)
        found = resized(image, size, kernel, box)
    return found.reshape(size[1], size[0], CHANNELS[colours])


def resampling(kernel):
    return Image.Resampling[kernel.upper()]


def resized(image, size, kernel, box):
    """The part of a picture in `box` at `size`. Pillow rounds to whole numbers, TensorFlow does not."""
    if kernel in PILLOW:
        return numpy.asarray(image.resize(size, resampling(kernel), box=box), numpy.float32)
    import tensorflow

    part = numpy.asarray(image.crop(box))
    part = part.reshape(*part.shape[:2], -1)
    return tensorflow.cast(tensorflow.image.resize(part, size[::-1], kernel.removeprefix("tensorflow-")), tensorflow.float32).numpy()


def aspect_box(whole, size):
    """The largest centred rectangle with the aspect of `size`: (left, top, right, bottom) in whole pixels.

    The rounding is that of Keras' `load_img(keep_aspect_ratio=True)`. `smart_resize` rounds likewise: it computes the same quotients
    in floating point and cuts their fractions off. The rectangle has at least one pixel, as in `smart_resize`.
    """
    (width, height), (target_width, target_height) = whole, size
    crop_width = max(min(width, height * target_width // target_height), 1)
    crop_height = max(min(height, width * target_height // target_width), 1)
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def centre_crop(image, size, resample, shorter_side):
    """torchvision's `Resize(shorter_side)`, then `CenterCrop(size)`, on a Pillow picture."""
    width, height = image.size
    longer = int(shorter_side * max(width, height) / min(width, height))
    image = image.resize((shorter_side, longer) if width <= height else (longer, shorter_side), resample)
    left, top = (int(round((whole - part) / 2.0)) for whole, part in zip(image.size, size, strict=True))
    return image.crop((left, top, left + size[0], top + size[1]))


def parse_window(text):
    """The window and its shorter side in `stretch`, `crop-to-aspect` or `short-side N, crop M`, and the crop (width, height) or `None`."""
    if text in (STRETCH, CROP_TO_ASPECT):
        return text, None, None
    found = re.fullmatch(r"short-side\s+(\d+)\s*,\s*crop\s+(\d+)(?:\s*x\s*(\d+))?", text.strip())
    if not found:
        raise Failure(f'--resize "{text}" is none of stretch, crop-to-aspect and "short-side N, crop M", as in "short-side 256, crop 224".')
    shorter_side, width = int(found[1]), int(found[2])
    return CENTRE_CROP, shorter_side, (width, int(found[3] or width))


def check_window(window, shorter_side, crop, size, kernel):
    """Fails where the window does not fit the input (width, height) or the kernel."""
    if window != CENTRE_CROP:
        return
    width, height = size
    if crop != size:
        raise Failure(f"--resize crops to {crop[0]} x {crop[1]}, but the model reads {width} x {height}: make the crop as large as the input.")
    if not max(size) <= shorter_side <= 4096:
        raise Failure(f"--resize makes the shorter side {shorter_side}, where {max(size)} (the input's longer side) to 4096 is needed.")
    if kernel not in PILLOW:
        raise Failure(f"--resize short-side is torchvision's resize, which --kernel {kernel} is no part of: take one of {', '.join(PILLOW)}.")
