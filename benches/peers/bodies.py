"""The request bodies of the race: small photographs, and photographs of 12 megapixels, as JSON and as they are.

They are made from the sample pictures and are the same in every run. Enlarged pictures get a sensor's grain and the
picture's own finest detail, so that decoding them costs as much as decoding a photograph. The pictures of a given folder
are sent unchanged. If it has no large or no small ones, those are made from the others.
"""

import base64
import dataclasses
import hashlib
import io
import json
import pathlib
import random
import shutil

import numpy
from PIL import Image, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/pictures"
SAMPLE_NAMES = ["chelsea.png", "coffee.png", "rocket.jpg"]
FOLDER = ROOT / ".tools/race/bodies"
ENDINGS = {".jpeg", ".jpg", ".png", ".webp"}
# How a JPEG file begins.
JPEG = b"\xff\xd8"

SMALL, LARGE = 64, 8
SMALL_SIZES = [(500, 375), (500, 333), (375, 500), (480, 360), (600, 450), (500, 400)]
# The least pixels of a large picture in a given folder.
LARGE_PIXELS = 8_000_000
LARGE_SIZES = [(4000, 3000), (3000, 4000)]
# The size of a camera's file of 12 megapixels.
LARGE_BYTES = 3_300_000, 3_900_000


KINDS = "small", "large", "raw"


@dataclasses.dataclass(frozen=True)
class Bodies:
    """Files 0.json, 1.json ... of a folder, or 0.jpg ..., and their Content-Type."""

    folder: pathlib.Path
    files: list
    content_type: str


def make(folder, kinds=KINDS):
    """The bodies of these kinds, `{kind: Bodies}`: small and large photographs in JSON, and the large JPEG files as they are."""
    given = given_files(folder)
    # The bodies are made again if this recipe or the pictures change.
    state = [pathlib.Path(__file__).read_text(), *((str(path), path.stat().st_size) for path in given)]
    made = FOLDER / hashlib.sha256(repr(state).encode()).hexdigest()[:16]
    for outdated in FOLDER.glob("*"):
        if outdated != made:
            shutil.rmtree(outdated)
    sources = given or [SAMPLES / name for name in SAMPLE_NAMES]
    are_large = [path for path in given if is_large(path)]
    are_small = [path for path in given if path not in are_large]
    if "small" in kinds:
        write_once(made / "small", lambda: write_json(made / "small", as_they_are(are_small[:SMALL]) or small(sources)))
    if "large" in kinds or "raw" in kinds:
        write_once(made / "raw", lambda: write_large(made, as_they_are(are_large[:LARGE]) or list(large(sources)), sources))
    return {kind: found(made / kind) for kind in kinds}


def found(folder):
    files = sorted(folder.iterdir(), key=lambda file: int(file.stem))
    return Bodies(folder, files, "image/jpeg" if folder.name == "raw" else "application/json")


def write_once(folder, write):
    # Not in the folder, which holds bodies only.
    mark = folder.with_suffix(".whole")
    if not mark.is_file():
        print(f"  making the bodies: {folder.name}", flush=True)
        write()
        mark.touch()


def write_large(made, pictures, sources):
    write_json(made / "large", pictures)
    # What is given may have none.
    files = [picture for picture in pictures if picture.startswith(JPEG)] or list(large(sources))
    fresh(made / "raw")
    for number, file in enumerate(files):
        (made / f"raw/{number}.jpg").write_bytes(file)


def given_files(folder):
    if folder is None:
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS) if folder.is_dir() else []
    if not found:
        raise SystemExit(f"There are no pictures in {folder}: name a folder with JPEG, PNG or WebP files.")
    return found


def is_large(path):
    with Image.open(path) as image:
        return image.width * image.height >= LARGE_PIXELS


def as_they_are(paths):
    return [path.read_bytes() for path in paths]


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write_json(folder, pictures):
    fresh(folder)
    for number, picture in enumerate(pictures):
        text = json.dumps({"base64Image": base64.b64encode(picture).decode()})
        (folder / f"{number}.json").write_text(text)


def small(sources):
    """Crops that differ in position, size and quality, about 100 kB each."""
    for number in range(SMALL):
        chance = random.Random(f"small {number}")
        picture = crop(chance, sources[number % len(sources)], chance.choice(SMALL_SIZES), chance.uniform(0.6, 1))
        yield jpeg(grained(picture, number, chance.uniform(4, 9)), chance.randint(91, 96))


def large(sources):
    for number in range(LARGE):
        chance = random.Random(f"large {number}")
        picture = crop(chance, sources[number % len(sources)], LARGE_SIZES[number % 4 == 3], chance.uniform(0.7, 1))
        detailed = grained(picture, number, chance.uniform(3, 5), detail(sources[number % len(sources)], picture.size))
        yield of_size(detailed, chance.uniform(*LARGE_BYTES))


def crop(chance, source, size, share):
    """A crop in the aspect of `size`, `share` of the largest that fits, resized to `size`."""
    with Image.open(source) as image:
        image = image.convert("RGB")
    scale = share * min(image.width / size[0], image.height / size[1])
    width, height = size[0] * scale, size[1] * scale
    left, top = chance.uniform(0, image.width - width), chance.uniform(0, image.height - height)
    if chance.random() < 0.5:
        image, left = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), image.width - width - left
    return image.resize(size, box=(left, top, left + width, top + height))


def detail(source, size):
    """The picture's finest detail at its own scale, repeated to fill `size`: [height, width, 1]."""
    with Image.open(source) as image:
        grey = image.convert("L")
    finest = numpy.asarray(grey, numpy.float32) - numpy.asarray(grey.filter(ImageFilter.GaussianBlur(3)), numpy.float32)
    mirrored = numpy.block([[finest, finest[:, ::-1]], [finest[::-1], finest[::-1, ::-1]]])
    times = (-(-size[1] // mirrored.shape[0]), -(-size[0] // mirrored.shape[1]))
    return numpy.tile(mirrored, times)[: size[1], : size[0], None]


def grained(picture, seed, strength, detail=0):
    grain = numpy.random.default_rng(seed).standard_normal((picture.height, picture.width, 1), numpy.float32)
    pixels = numpy.asarray(picture, numpy.float32) + strength * grain + detail
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8))


def jpeg(picture, quality):
    """A JPEG file with 4:2:0 subsampling, as cameras write it."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def of_size(picture, wanted):
    """The JPEG file with the highest quality that takes at most `wanted` bytes."""
    low, high = 30, 97
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(jpeg(picture, middle)) <= wanted else (low, middle - 1)
    return jpeg(picture, low)
