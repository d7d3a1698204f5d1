"""Prints a table of Criterion's results.

    bench_table.py FOLDER --since SECONDS

FOLDER is Criterion's output folder. The table has the benchmarks that were measured after --since.
"""

import argparse
import json
import pathlib
import sys

from bench_noise import markdown

UNITS = [("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)]
OVER, WITHOUT = "http/", "without HTTP/"


def main():
    arguments = parse_arguments()
    measured = read(arguments.folder, arguments.since)
    if not measured:
        sys.exit("Nothing was measured: no benchmark has that in its name.")
    print(table(measured))
    for line in shares(measured):
        print(line)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--since", type=float, default=0, metavar="SECONDS", help="Unix time, default: 0")
    return parser.parse_args()


def read(folder, since):
    """`{benchmark's name: its folder}`, in the order of measurement."""
    files = [path for path in folder.glob("**/new/estimates.json") if path.stat().st_mtime >= since]
    folders = [path.parent.parent for path in sorted(files, key=lambda path: path.stat().st_mtime)]
    return {json.loads((it / "new/benchmark.json").read_text())["full_id"]: it for it in folders}


def median(folder):
    """The median in nanoseconds and the bounds of its confidence interval."""
    estimate = json.loads((folder / "new/estimates.json").read_text())["median"]
    interval = estimate["confidence_interval"]
    return estimate["point_estimate"], interval["lower_bound"], interval["upper_bound"]


def table(measured):
    rows = []
    for name, folder in measured.items():
        middle, low, high = median(folder)
        rows.append([name, time(middle), f"{time(low)} and {time(high)}"])
    return markdown(["", "median", "95 % between"], rows)


def time(nanoseconds):
    unit, size = next((unit, size) for unit, size in UNITS if nanoseconds >= size or size == 1)
    return f"{nanoseconds / size:.3g} {unit}"


def shares(measured):
    """The server's throughput as a share of its pipeline's without HTTP, for each size at which both were measured."""
    for name, folder in measured.items():
        size, _, threads = name.removeprefix(WITHOUT).partition(", ")
        over = next((it for it in measured if it.startswith(f"{OVER}{size}, ") and it.endswith("clients")), None)
        if name.startswith(WITHOUT) and over:
            share = median(folder)[0] / median(measured[over])[0]
            yield f"{over.removeprefix(OVER)} over HTTP: {share:.0%} of the requests/s that {threads} do without it"


if __name__ == "__main__":
    main()
