"""Compares a running server's answers with those of the original model on a folder of pictures.

    check_fidelity.py DIR [--server http://127.0.0.1:8080]

The original is Keras' MobileNetV2, or the network that EfficientNet-Lite0 is exported from. Pillow prepares
its input: upright, convert("RGB"), resize, scaling. Files of every format that the server decodes are sent; HEIC
where pillow-heif is installed. Prints a table per format. Exits with 1 if a picture has other labels or a
confidence that differs by more than 0.001.
"""

import argparse
import base64
import collections
import json
import logging
import pathlib
import sys
import urllib.error
import urllib.request
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

from export import efficientnet_lite0, mobilenetv2
from export.calibration import ENDINGS
from export.common import Failure, label_in, sha256
from export.describe import top

MORE_ENDINGS = {".avif", ".cur", ".dib", ".ico", ".mpo", ".pbm", ".pfm", ".pgm", ".pnm", ".ppm", ".qoi"}
HEIC_ENDINGS = {".heic", ".heif", ".hif"}
MOST = 0.001
SECONDS = 30


def main():
    arguments = parse_arguments()
    try:
        results = compare(arguments.folder, arguments.server.rstrip("/"), arguments.weights)
    except Failure as failure:
        sys.exit(str(failure))
    sys.exit(0 if report(results) else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--server", default="http://127.0.0.1:8080", metavar="URL")
    parser.add_argument("--weights", type=pathlib.Path, metavar="FILE", help="the weight file, for a model exported with --weights")
    return parser.parse_args()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return {"error": f"{error.code} {error.read().decode(errors='replace')}"}
    except OSError as error:
        raise Failure(f"The server at {url} can't be reached ({error}): start it, or name it with --server.") from None


def original(server, given):
    """The description and the original of the model that the server serves."""
    served = ask(f"{server}/api/v1/model")
    modules = {module.NAME: module for module in (mobilenetv2, efficientnet_lite0)}
    module = modules.get(served.get("name"))
    if module is None:
        raise Failure(f"The server serves {served.get('name')}, for which this script has no original.")
    weights = module.find_weights(given)
    if sha256(weights) != served["weightsSha256"]:
        raise Failure(f"The server's model was not exported from {weights.name}: name its weight file with --weights.")
    _, predict = module.build(weights)
    return module.describe(weights, given), predict


def pictures_in(folder):
    """The paths of the files that Pillow and the server read, by name."""
    endings = ENDINGS | MORE_ENDINGS
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        endings |= HEIC_ENDINGS
    except ImportError:
        print("HEIC is left out: install pillow-heif to compare it.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings) if folder.is_dir() else []
    if not found:
        raise Failure(f"There are no pictures in {folder}: name a folder with pictures.")
    return found


def compare(folder, server, weights):
    paths = pictures_in(folder)
    description, predict = original(server, weights)
    results = []
    for path in paths:
        probabilities = predict(description.pixels(path))
        text = base64.b64encode(path.read_bytes()).decode()
        answer = ask(f"{server}/api/v1/analyze", {"base64Image": text})
        results.append(Result(path, top(probabilities, 3), answer))
    return results


class Result:
    """The server's and the original's answer for one picture."""

    def __init__(self, path, expected, answer):
        self.path, self.expected, self.answer = path, expected, answer
        ours = [it["label"] for it in answer] if isinstance(answer, list) else []
        theirs = [it["label"] for it in expected]
        self.same_first = ours[:1] == theirs[:1]
        self.same_three = ours == theirs
        pairs = [(a["confidence"], b["confidence"]) for a, b in zip(answer, expected)] if ours else []
        self.difference = max((abs(a - b) for a, b in pairs), default=float("inf"))
        self.holds = self.same_three and self.difference <= MOST
        self.label = label_in(path)
        self.is_right = self.label is not None and ours[:1] == [self.label]


def report(results):
    by_format = collections.defaultdict(list)
    for result in results:
        by_format[result.path.suffix.lower().lstrip(".")].append(result)
    print(f"{'format':8}{'pictures':>9}{'same top-1':>12}{'same top-3':>12}{'mean diff.':>12}{'max diff.':>12}")
    for name, group in [*sorted(by_format.items()), ("all", results)]:
        differences = [result.difference for result in group]
        row = (len(group), sum(r.same_first for r in group), sum(r.same_three for r in group))
        print(f"{name:8}{row[0]:9}{row[1]:12}{row[2]:12}{sum(differences) / len(group):12.1e}{max(differences):12.1e}")
    labelled = [result for result in results if result.label is not None]
    if labelled:
        right = sum(result.is_right for result in labelled)
        print(f"accuracy: {right} of {len(labelled)} have the label in their file name first ({right / len(labelled):.1%})")
    broken = [result for result in results if not result.holds]
    for result in sorted(broken, key=lambda result: -result.difference)[:10]:
        print(f"differs: {result.path.name}: {json.dumps(result.answer)} where the original has {json.dumps(result.expected)}")
    print("The answers are the original's." if not broken else f"{len(broken)} answers are not the original's.")
    return not broken


if __name__ == "__main__":
    main()
