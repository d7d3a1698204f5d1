"""Compares large JPEG files as a server with JPEG_DECODE=reduced sees them with the same files decoded whole.

    check_reduction.py EXACT_URL REDUCED_URL SHRINK_EXECUTABLE [DIR] [--short | --full] [--only NAME=VALUE ...]
                       [--rounds N] [--results FILE] [--keep FOLDER]

Prints, for all pictures and for each group, how many keep their first label, the change of its confidence, and the change
of the model's pixels. Exits with 1 if a goal is not met.
"""

import argparse
import json
import pathlib
import sys

from export import calibration, common
from export.common import Failure
from export.describe import upright
from reduction import design, measure, report

SEED = 4
# Photographs derived from each sample picture. The sample pictures are few, so crops are added.
SAMPLES = 4


def main():
    arguments = parse_arguments()
    try:
        found = measured(arguments)
    except Failure as failure:
        sys.exit(str(failure))
    sys.exit(0 if report.report(found) else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exact", metavar="EXACT_URL")
    parser.add_argument("reduced", metavar="REDUCED_URL")
    parser.add_argument("shrink", metavar="SHRINK_EXECUTABLE")
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=common.PICTURES, metavar="DIR")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--short", action="store_true", help="each value with one or two photographs")
    extent.add_argument("--full", action="store_true", help="every combination of values, which takes hours")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME=VALUE", help="such as megapixels=12 sampling=4:2:0")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="times that CPU time is measured (default: 1)")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="write a line of JSON for each picture")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="keep the pictures that miss a goal")
    return parser.parse_args()


def measured(arguments):
    """The results of all pictures."""
    photographs = list(photographs_in(arguments.folder))
    spread = design.short if arguments.short else design.every if arguments.full else design.rotation
    tasks = design.only(spread(len(photographs)), arguments.only)
    print(f"{len(tasks)} pictures of {len({task.photograph for task in tasks})} photographs.", flush=True)
    judges = measure.Judges(arguments.exact, arguments.reduced, arguments.shrink, arguments.rounds)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    if arguments.results:
        arguments.results.write_text("")
    found = []
    for result in measure.results(judges, photographs, tasks, lambda result: arguments.keep if report.is_far(result) else None):
        found.append(result)
        if arguments.results:
            with open(arguments.results, "a", encoding="utf-8") as file:
                print(json.dumps(result.record()), file=file)
        print(f"\r{len(found)} of {len(tasks)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def photographs_in(folder):
    """Names and images."""
    for path in calibration.pictures_in(folder):
        yield path.name, upright(path)
        if folder == common.PICTURES:
            derived = calibration.derived(path, SAMPLES, SEED)
            yield from ((f"{path.name} {number}", image) for number, image in enumerate(derived, 1))


if __name__ == "__main__":
    main()
