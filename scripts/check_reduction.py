"""Compares the answers of two running servers on large photographs: one decodes them whole, the other reduced.

    check_reduction.py EXACT_URL REDUCED_URL [DIR] [--megapixels 12]

Prints how many photographs keep their first label, the change of its confidence, and both decoding times. Exits with 1
if a first label changes whose lead is more than 0.03, or if the confidence changes by more than 0.003 on average or by
more than 0.03 at most.
"""

import argparse
import base64
import io
import json
import pathlib
import re
import sys
import typing
import urllib.request

import numpy
from PIL import Image

from export import calibration, common
from export.common import Failure
from export.describe import upright

MEAN, MOST = 0.003, 0.03
SEED = 4
# Pictures made from each original. The sample pictures are few, so crops are added.
SAMPLES = 4
# The standard deviation of a sensor's grain, in levels of 0 to 255, and the JPEG settings of a camera.
GRAIN = 4
QUALITY = 92
SECONDS = 60


def main():
    arguments = parse_arguments()
    try:
        originals = list(photographs(arguments.folder))
    except Failure as failure:
        sys.exit(str(failure))
    pairs = []
    for number, image in enumerate(originals):
        file = enlarged(image, arguments.megapixels * 1e6, number)
        pairs.append([ask(url, file) for url in (arguments.exact, arguments.reduced)])
        print(f"\r{number + 1} of {len(originals)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    sys.exit(0 if report(pairs, arguments.megapixels) else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exact", metavar="EXACT_URL")
    parser.add_argument("reduced", metavar="REDUCED_URL")
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=common.PICTURES, metavar="DIR")
    parser.add_argument("--megapixels", type=float, default=12)
    return parser.parse_args()


def photographs(folder):
    for path in calibration.pictures_in(folder):
        yield upright(path)
        if folder == common.PICTURES:
            yield from calibration.derived(path, SAMPLES, SEED)


def enlarged(image, pixels, number):
    """The photograph as a JPEG file of about that many pixels. The sizes differ, to cover edges that end within a block."""
    factor = (pixels / (image.width * image.height)) ** 0.5
    size = tuple(round(side * factor) + number % 8 for side in image.size)
    large = numpy.asarray(image.resize(size, Image.Resampling.LANCZOS), numpy.float32)
    grain = numpy.random.default_rng([SEED, number]).normal(0, GRAIN, large.shape).astype(numpy.float32)
    file = io.BytesIO()
    Image.fromarray((large + grain).round().clip(0, 255).astype(numpy.uint8)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def ask(url, file):
    """The first label, its confidence, the second label's confidence, and the decoding time in milliseconds."""
    body = json.dumps({"base64Image": base64.b64encode(file).decode()}).encode()
    request = urllib.request.Request(f"{url}/api/v1/analyze", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        first, second, _ = json.load(response)
        decode = re.search(r"decode;dur=([\d.]+)", response.headers["Server-Timing"])
    return Answer(first["label"], first["confidence"], second["confidence"], float(decode[1]))


class Answer(typing.NamedTuple):
    label: str
    confidence: float
    second: float
    milliseconds: float


def report(pairs, megapixels):
    kept = [(exact, reduced) for exact, reduced in pairs if exact.label == reduced.label]
    lost = [exact for exact, reduced in pairs if exact.label != reduced.label]
    changes = [abs(exact.confidence - reduced.confidence) for exact, reduced in kept]
    times = [numpy.median([pair[side].milliseconds for pair in pairs]) for side in (0, 1)]
    print(f"{len(kept)} of {len(pairs)} photographs of {megapixels:g} megapixels keep their first label.")
    for exact in lost:
        print(f"{exact.label} led by {exact.confidence - exact.second:.4f} and is no longer first.")
    print(f"Its confidence changes by {numpy.mean(changes):.4f} on average, by {max(changes):.4f} at most.")
    print(f"Decoding takes {times[1]:.1f} ms reduced, {times[0]:.1f} ms whole (medians).")
    is_kept = all(exact.confidence - exact.second <= MOST for exact in lost)
    return is_kept and numpy.mean(changes) <= MEAN and max(changes) <= MOST


if __name__ == "__main__":
    main()
