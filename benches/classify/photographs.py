"""A folder of photographs as people have them: most from the web, some of 3 to 4 megapixels, some of a camera's 12.

They are made from the sample pictures, and are the same in every run. Enlarged ones get a sensor's grain and the picture's own
finest detail (benches/peers/bodies.py), so that decoding them costs as much as decoding a photograph.
"""

import dataclasses
import multiprocessing
import os
import pathlib
import random
import signal
import sys

from PIL import Image

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import bodies

# Files made from one grained picture: parts of it that begin at different pixels, every second one mirrored.
VARIANTS = 8
# Pixels from the beginning of one part to the next, no multiple of a JPEG block's side.
SHIFT = 5

WEB = (500, 375), (640, 480), (375, 500), (800, 600), (1024, 683), (768, 1024), (1024, 768)
MIDDLE = (2048, 1536), (2304, 1536), (1536, 2048), (2400, 1600), (2272, 1704)
CAMERA = (4000, 3000), (4000, 3000), (3000, 4000)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of photograph: its share of the folder, its sizes, and the ranges of JPEG qualities and of the grain's strength."""

    name: str
    share: float
    sizes: tuple
    qualities: tuple
    grain: tuple
    is_enlarged: bool = True


KINDS = (
    Kind("web", 0.6, WEB, (88, 95), (4, 9), False),
    Kind("3 to 4 megapixels", 0.25, MIDDLE, (86, 92), (3, 5)),
    Kind("12 megapixels", 0.15, CAMERA, (85, 90), (3, 5)),
)


def make(folder, count):
    """Writes `count` JPEG files with the kinds in their shares, mixed."""
    tasks = [(folder, *task) for task in planned(count)]
    workers = min(len(tasks), os.cpu_count())
    # A worker ends at the first signal, whatever this process does at one.
    with multiprocessing.Pool(workers, signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
        for _ in pool.imap_unordered(write, tasks):
            pass


def planned(count):
    """The tasks: a kind, a number among its grained pictures, and the names of the files that are made from that one."""
    counts = [round(kind.share * count) for kind in KINDS[1:]]
    mixed = [kind for kind, number in zip(KINDS, [count - sum(counts), *counts]) for _ in range(number)]
    random.Random("folder").shuffle(mixed)
    for kind in KINDS:
        names = [f"{place:04}.jpg" for place, of in enumerate(mixed) if of == kind]
        for first in range(0, len(names), VARIANTS):
            yield kind, first // VARIANTS, names[first : first + VARIANTS]


def write(task):
    folder, kind, number, names = task
    for name, file in zip(names, files(kind, number)):
        (folder / name).write_bytes(file)


def files(kind, number):
    """The JPEG files made from one grained picture."""
    chance = random.Random(f"{kind.name} {number}")
    width, height = kind.sizes[number % len(kind.sizes)]
    whole = grained(kind, number, chance, (width + (VARIANTS - 1) * SHIFT, height + (VARIANTS - 1) * SHIFT))
    for variant in range(VARIANTS):
        left = top = variant * SHIFT
        part = whole.crop((left, top, left + width, top + height))
        if variant % 2:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield bodies.jpeg(part, chance.randint(*kind.qualities))


def grained(kind, number, chance, size):
    source = bodies.SAMPLES / bodies.SAMPLE_NAMES[number % len(bodies.SAMPLE_NAMES)]
    picture = bodies.crop(chance, source, size, chance.uniform(0.6, 1))
    detail = bodies.detail(source, size) if kind.is_enlarged else 0
    return bodies.grained(picture, number, chance.uniform(*kind.grain), detail)
