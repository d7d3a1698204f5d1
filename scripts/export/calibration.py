"""Derives pictures from pictures: cropped, mirrored, changed in light and colour. The file name and a seed decide the result."""

import numpy
from PIL import ImageEnhance, ImageOps

from .common import PICTURE_ENDINGS, Failure
from .describe import upright

ENDINGS = PICTURE_ENDINGS | {".jpeg", ".tiff"}

# The least side of a crop as a share of the picture's side, and the range of factors for each enhancement.
LEAST_CROP = 0.5
CHANGES = ((ImageEnhance.Brightness, 0.6, 1.4), (ImageEnhance.Contrast, 0.7, 1.3), (ImageEnhance.Color, 0.5, 1.5))


def pictures_in(folder):
    """The paths of the pictures in a folder, by name."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS) if folder.is_dir() else []
    if not found:
        raise Failure(f"There are no pictures in {folder}: name a folder with JPEG, PNG, WebP, GIF, BMP or TIFF files.")
    return found


def derived(path, count, seed):
    """`count` pictures derived from the one at `path`."""
    whole = upright(path)
    random = numpy.random.default_rng([seed, *path.name.encode()])
    return [changed(whole, random) for _ in range(count)]


def changed(image, random):
    share = random.uniform(LEAST_CROP, 1)
    width, height = (max(int(side * share), 1) for side in image.size)
    left, top = random.integers(image.width - width + 1), random.integers(image.height - height + 1)
    image = image.crop((left, top, left + width, top + height))
    if random.random() < 0.5:
        image = ImageOps.mirror(image)
    for enhancer, least, most in CHANGES:
        image = enhancer(image).enhance(random.uniform(least, most))
    return image
