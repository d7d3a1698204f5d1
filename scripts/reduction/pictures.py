"""Makes large JPEG files from photographs."""

import io

import numpy
from PIL import Image

from . import design

SEED = 4
# The standard deviation of a sensor's grain, in levels of 0 to 255.
GRAIN = 4
# The least and the largest share of pixels that a raised exposure clips.
CLIPPED = 0.05, 0.2
# The factor by which colours are moved away from gray, with which a tenth of a photograph's pixels clip in one channel or
# another, and the shares of red, green and blue in that gray (ITU-R BT.601).
SATURATION = 2
LUMA = numpy.float32([0.299, 0.587, 0.114])
# Rows that are computed at a time: floating-point numbers of a whole picture would take gigabytes.
ROWS = 256
# MCUs from one restart marker to the next where they stand within rows: odd, so that no row ends with one.
RESTART_INTERVAL = 101
# The tag of Exif's orientation.
ORIENTATION = 0x112


def make(image, task, path):
    """Writes the photograph `image` to `path` as a file of the task's kind."""
    path.write_bytes(oriented(encoded(pixels(image, task), task.kind), task.kind.orientation))


def pixels(image, task):
    """The pixels as they are stored: [height, width, 3]."""
    kind = task.kind
    random = numpy.random.default_rng([SEED, task.number])
    gain = exposure(image, random.uniform(*CLIPPED)) if kind.light == design.BLOWN else 1
    if kind.orientation == 6:
        # Shown upright after a turn by 90 degrees clockwise.
        image = image.transpose(Image.Transpose.ROTATE_90)
    large = numpy.array(image.resize(enlarged(image.size, kind.megapixels * 1e6, task.number), Image.Resampling.LANCZOS))
    for top in range(0, len(large), ROWS):
        rows = large[top : top + ROWS]
        light = rows * numpy.float32(gain)
        if kind.light == design.SATURATED:
            gray = (light @ LUMA)[..., None]
            light = gray + SATURATION * (light - gray)
        if kind.grain == "with":
            light += GRAIN * random.standard_normal(light.shape, numpy.float32)
        rows[:] = light.round().clip(0, 255)
    return large


def enlarged(size, count, number):
    """About `count` pixels of the same shape. The sides differ, to cover edges that end within a block."""
    factor = (count / (size[0] * size[1])) ** 0.5
    return tuple(round(side * factor) + number % 8 for side in size)


def exposure(image, share):
    """The factor, 1 or more, that takes the brightest channel of that share of the pixels to 255 or beyond."""
    brightest = numpy.asarray(image).max(axis=2)
    return max(255 / max(numpy.quantile(brightest, 1 - share), 1), 1)


def encoded(large, kind):
    """The pixels as a JPEG file without an orientation."""
    if kind.sampling in design.RARE:
        # Not a package of .venv.
        import simplejpeg

        return simplejpeg.encode_jpeg(large, kind.quality, "RGB", design.RARE[kind.sampling])
    image = Image.fromarray(large)
    options = {"quality": kind.quality, "optimize": kind.tables == design.OPTIMISED}
    if kind.sampling == design.GRAY:
        image = image.convert("L")
    else:
        options["subsampling"] = kind.sampling
    if kind.restarts == design.EACH_ROW:
        options["restart_marker_rows"] = 1
    elif kind.restarts == design.WITHIN_ROWS:
        options["restart_marker_blocks"] = RESTART_INTERVAL
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def oriented(file, orientation):
    """The JPEG file with the orientation in an Exif segment, behind its JFIF segment. 1, as stored, is left out."""
    if orientation == 1:
        return file
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = exif.tobytes()
    end = 4 + int.from_bytes(file[4:6])
    return file[:end] + b"\xff\xe1" + (len(data) + 2).to_bytes(2) + data + file[end:]
