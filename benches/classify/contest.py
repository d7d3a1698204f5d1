"""Measures `glimpse classify` on a folder, against the limit of its own pipeline and against a loop in Python.

Run by scripts/bench_classify. All contestants analyze the same pictures in every round, in turn, every second round in reverse.
Loading the model does not count: the time of a run with one picture is taken off that of a run with all. The limit is measured in
its own process, with its model loaded and the pictures in memory. Prints a table of results and one of goals. Exits with 1 if a
goal is not met, or if glimpse has other first labels than the loop.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import photographs
import goals
import table
from contestants import ROOT, busy_share
from goals import Goal
from race import BUSY

MODEL = ROOT / "models/model.onnx"
LOOP = pathlib.Path(__file__).with_name("python_loop.py")
PACKAGES = "numpy", "onnxruntime", "pillow"
COUNT, ROUNDS = 1000, 5
SHORT_COUNT, SHORT_ROUNDS = 40, 2
LEAST_AGREEMENT = 0.97
LIMIT, GLIMPSE, REDUCED, WHOLE = "limit", "glimpse", "reduced", "whole"
NAMES = {
    LIMIT: "the workers alone, pictures in memory",
    GLIMPSE: "`glimpse classify`",
    REDUCED: "Python loop, JPEG reduced",
    WHOLE: "Python loop, JPEG whole",
}


@dataclasses.dataclass(frozen=True)
class Sample:
    """Pictures a second, and milliseconds of CPU time for each."""

    rate: float
    cpu_ms: float


def ratio(field, one, other):
    """The median of the rounds' ratios: what slows the machine down for a round is in both figures."""
    return lambda rounds: statistics.median(getattr(it[one], field) / getattr(it[other], field) for it in rounds)


def percent(value_of):
    return lambda rounds: 100 * value_of(rounds)


GOALS = [
    Goal("pictures/s, of the workers alone", percent(ratio("rate", GLIMPSE, LIMIT)), "at least", 95, "%"),
    Goal("CPU time a picture of the Python loop, of glimpse's", ratio("cpu_ms", REDUCED, GLIMPSE), "at least", 1.4, "times"),
]
# Printed without a goal.
OTHER_RATIOS = {
    "CPU time a picture, of the workers alone": ratio("cpu_ms", GLIMPSE, LIMIT),
    "pictures/s, of the Python loop": ratio("rate", GLIMPSE, REDUCED),
    "CPU time a picture of the Python loop, JPEG whole, of glimpse's": ratio("cpu_ms", WHOLE, GLIMPSE),
}


def main():
    # sys.exit unwinds, so that a signal also ends what runs and removes the pictures.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("A signal ended the measurement."))
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="photographs-") as made:
        folder = arguments.pictures or pathlib.Path(made)
        if arguments.pictures is None:
            print(f"  making {arguments.count} photographs", flush=True)
            photographs.make(folder, arguments.count)
        files = sorted(folder.iterdir())
        if len(files) < 2:
            sys.exit(f"{folder} has too few pictures: name a folder with some, and with nothing else.")
        agrees = agreement(arguments.executable, folder)
        busy = busy_share()
        if busy > BUSY:
            print(f"  Other processes use {busy:.0%} of the processors: the figures will differ from those of an idle machine.")
        rounds = [one_round(number, arguments, folder, files) for number in range(arguments.rounds)]
        size = sum(file.stat().st_size for file in files) / 1e6
    print(f"\n{report(rounds)}\n\n{about(len(files), size, arguments.rounds)}\n\n{verdicts(rounds, arguments.short)}")
    is_met = arguments.short or all(goals.SIGNS[goal.sign](goal.measure(rounds), goal.bound) for goal in GOALS)
    sys.exit(0 if agrees and is_met else 1)


def parse_arguments():
    parser = argparse.ArgumentParser("scripts/bench_classify", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="few pictures and rounds, and no goals: whether all of it works")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"rounds ({ROUNDS}; {SHORT_ROUNDS} with --short)")
    parser.add_argument("--count", type=int, metavar="N", help=f"pictures that are made ({COUNT}; {SHORT_COUNT} with --short)")
    parser.add_argument("--pictures", type=pathlib.Path, metavar="DIR", help="a folder of nothing but pictures, instead")
    parser.add_argument("--executable", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--pipeline", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (SHORT_ROUNDS if arguments.short else ROUNDS)
    arguments.count = arguments.count or (SHORT_COUNT if arguments.short else COUNT)
    if arguments.rounds < 1 or arguments.count < 2:
        parser.error("--rounds must be at least 1, --count at least 2")
    if arguments.pictures and not arguments.pictures.is_dir():
        parser.error(f"there is no folder {arguments.pictures}")
    return arguments


def classify(executable):
    return [executable, "classify", "--format", "ndjson", "--model", str(MODEL)]


def loop(*options):
    return [sys.executable, str(LOOP), *options, str(MODEL)]


def agreement(executable, folder):
    """Whether enough pictures have the loop's first label. Prints how many do, decoded reduced and whole. It also brings the
    pictures into the system's cache."""
    ours = first_labels([*classify(executable), str(folder)])
    shares = []
    for key, command in ((REDUCED, loop()), (WHOLE, loop("--whole"))):
        theirs = first_labels([*command, str(folder)])
        if list(theirs) != list(ours):
            sys.exit("glimpse and the loop have not answered for the same files in the same order.")
        same = sum(ours[file] == theirs[file] for file in ours)
        shares.append(same / len(ours))
        print(f"  the same first label as {NAMES[key]}: {same} of {len(ours)} pictures", flush=True)
    return shares[0] >= LEAST_AGREEMENT


def first_labels(command):
    """The first label of each file, in the order of the output."""
    with tempfile.TemporaryFile("w+") as output:
        run(command, output)
        output.seek(0)
        lines = [json.loads(line) for line in output]
    return {line["file"]: line["predictions"][0]["label"] for line in lines}


def one_round(number, arguments, folder, files):
    commands = {GLIMPSE: classify(arguments.executable), REDUCED: loop(), WHOLE: loop("--whole")}
    measures = {LIMIT: lambda: limit(arguments.pipeline, folder)}
    measures |= {key: lambda command=command: measure(command, folder, files) for key, command in commands.items()}
    print(f"  round {number + 1} of {arguments.rounds}:", end="", flush=True)
    samples = {}
    for key, measured in list(measures.items())[:: -1 if number % 2 else 1]:
        samples[key] = sample = measured()
        print(f" {key} {sample.rate:.1f}/s {sample.cpu_ms:.1f} ms", end="", flush=True)
    print()
    return samples


def limit(pipeline, folder):
    with tempfile.TemporaryFile("w+") as output:
        run([pipeline, "--pictures", str(folder)], output)
        output.seek(0)
        said = output.read()
    return Sample(*map(float, re.match(r"([\d.]+) pictures/s, ([\d.]+) ms", said).groups()))


def measure(command, folder, files):
    """The sample of a command that takes a picture or a folder."""
    begin, begin_cpu = run([*command, str(files[0])])
    whole, whole_cpu = run([*command, str(folder)])
    others = len(files) - 1
    return Sample(others / (whole - begin), (whole_cpu - begin_cpu) * 1000 / others)


def run(command, output=subprocess.DEVNULL):
    """The seconds that a command takes, and those of CPU time, with its processes'."""
    begun = time.monotonic()
    # A session of its own, because Linux may schedule by session.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True)
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ends with {process.returncode}: see its message above.")
    return seconds, used.ru_utime + used.ru_stime


def report(rounds):
    rows = ["| | pictures/s | CPU ms a picture |", "| --- | --- | --- |"]
    for key, name in NAMES.items():
        rates, times = ([getattr(it[key], field) for it in rounds] for field in ("rate", "cpu_ms"))
        rows.append(f"| {name} | {table.spread(rates)} | {table.spread(times)} |")
    return "\n".join(rows)


def verdicts(rounds, is_short):
    rows = [] if is_short else [goal.row(rounds) for goal in GOALS]
    rows += [f"| {what} | | {goals.shown(value_of(rounds))} times | |" for what, value_of in OTHER_RATIOS.items()]
    return "\n".join(["| ratio | goal | measured | |", "| --- | --- | --- | --- |", *rows])


def about(count, size, rounds):
    """One sentence with the date, machine, settings and versions."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    settings = f"{rounds} rounds of {count} pictures of {size:.0f} MB in all"
    parts = [f"{datetime.date.today():%Y-%m-%d}", table.processor(), settings, f"glimpse {table.glimpse_version()}"]
    return ", ".join([*parts, f"Python {platform.python_version()}", *versions]) + "."


if __name__ == "__main__":
    main()
