"""Runs the Criterion benchmarks of two builds in turn, and prints which differ by more than the noise.

    bench_against.py --folder DIR --old DIR --new DIR --pair OLD NEW [--pair ...] [--rounds 12] [PART]

Run by scripts/bench. Each --pair is one benchmark's executable of both builds; --old and --new are the folders of their projects,
where they run. Criterion's output goes to DIR. PART runs only the benchmarks whose name contains it.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import bench_table
from bench_noise import LEAST_ROUNDS, explained, judge, markdown

# Short, because what counts is the number of rounds. Ten samples are Criterion's least.
CRITERION = "--bench", "--noplot", "--sample-size", "10", "--warm-up-time", "0.3", "--measurement-time", "0.7"
LAST_LINES = 2000


def main():
    arguments = parse_arguments()
    figures = {}
    for number in range(arguments.rounds):
        print(f"  round {number + 1} of {arguments.rounds}", flush=True)
        for pair in arguments.pair:
            # Every second round in reverse, so that a machine that becomes slower does not favour one.
            for build in ("old", "new")[:: -1 if number % 2 else 1]:
                executable = pair[0 if build == "old" else 1]
                for name, time in run(executable, getattr(arguments, build), arguments).items():
                    figures.setdefault(name, {}).setdefault(build, []).append(time)
    if not figures:
        sys.exit("Nothing was measured: no benchmark has that in its name.")
    print(report(figures, arguments.rounds))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--old", type=pathlib.Path, required=True)
    parser.add_argument("--new", type=pathlib.Path, required=True)
    parser.add_argument("--pair", nargs=2, action="append", required=True, metavar=("OLD", "NEW"))
    parser.add_argument("--rounds", type=int, default=12, metavar="N")
    parser.add_argument("part", nargs="?", metavar="PART")
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}: fewer can't tell a difference from noise")
    return arguments


def run(executable, project, arguments):
    """The fastest sample of each benchmark, in nanoseconds an iteration: what interrupts a sample only adds to its time."""
    # Emptied before each run, or Criterion would compare with the run before, and figures of it would be left.
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    command = [executable, *CRITERION, *([arguments.part] if arguments.part else [])]
    environment = os.environ | {"CRITERION_HOME": str(arguments.folder.resolve())}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{executable} ends with {done.returncode}:\n{(done.stdout + done.stderr)[-LAST_LINES:]}")
    return {name: fastest(folder / "new/sample.json") for name, folder in bench_table.read(arguments.folder, 0).items()}


def fastest(file):
    sample = json.loads(file.read_text())
    return min(time / count for time, count in zip(sample["times"], sample["iters"], strict=True))


def report(figures, rounds):
    both = {name: builds for name, builds in figures.items() if len(builds) == 2}
    rows = []
    for name, builds in both.items():
        old, new = (bench_table.time(statistics.median(builds[build])) for build in ("old", "new"))
        rows.append([name, old, new, *judge(builds["old"], builds["new"]).cells()])
    said = [markdown(["", "old", "new", "ratio", "99 % between", "time"], rows), "", explained(len(rows), rounds)]
    for build, other in (("old", "new"), ("new", "old")):
        alone = [name for name, builds in figures.items() if list(builds) == [build]]
        if alone:
            said.append(f"Only the {build} build has, so that the {other} one can't be compared: {', '.join(alone)}.")
    return "\n".join(said)


if __name__ == "__main__":
    main()
