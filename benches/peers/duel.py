"""Compares two builds of glimpse over HTTP, in short turns, and prints which figures differ by more than the noise.

Run by scripts/bench --against EXECUTABLE. Both servers run all the time, and take turns: an idle one takes no CPU time.
"""

import argparse
import pathlib
import signal
import statistics
import sys

import bodies
import contestants
import table
from contestants import ROOT
from measure import Load, first_labels, turn, wrk

sys.path.append(str(ROOT / "scripts"))
from bench_noise import LEAST_ROUNDS, explained, judge, markdown

LOADS = [Load("small", 1), Load("small", 8), Load("large", 4), Load("raw", 4)]
FIGURES = {"cpu_ms": "CPU ms a request", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
WARM_UP_SECONDS = 2


def main():
    # sys.exit unwinds, so that a signal also stops the running servers.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("A signal ended the comparison."))
    arguments = parse_arguments()
    old, new = contestants.before(arguments.old.resolve()), contestants.glimpse(arguments.new.resolve())
    made = bodies.make(None)
    loads = [load for load in LOADS if (arguments.part or "") in load.name]
    if not loads:
        sys.exit(f"Nothing was measured: no load has that in its name: {'; '.join(load.name for load in LOADS)}.")
    theirs, ours = (first_labels(contestant, made) for contestant in (old, new))
    if "raw" not in theirs or "raw" not in ours:
        print("  One of the builds takes no pictures as the body: that load is left out.")
        loads = [load for load in loads if load.bodies != "raw"]
    for kind in (kind for kind in made if kind in theirs and kind in ours):
        pairs = list(zip(theirs[kind], ours[kind], strict=True))
        print(f"  the same first labels, {kind}: {sum(a == b for a, b in pairs)} of {len(pairs)}", flush=True)
    samples = {load: compare(old, new, load, made, arguments) for load in loads}
    print(f"\n{report(samples, arguments.rounds)}\n\n{table.processor()}, turns of {arguments.seconds} s.")
    if any(sample.errors for rounds in samples.values() for pair in rounds for sample in pair):
        sys.exit("Some requests failed.")


def parse_arguments():
    parser = argparse.ArgumentParser("scripts/bench --against", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--old", type=pathlib.Path, required=True)
    parser.add_argument("--new", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=12, metavar="N")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="of a turn (3)")
    parser.add_argument("part", nargs="?", metavar="PART", help="only loads whose name contains it")
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}: fewer can't tell a difference from noise")
    return arguments


def compare(old, new, load, made, arguments):
    """The samples of each round, old and new."""
    rounds = []
    with contestants.running(old) as first, contestants.running(new) as second:
        pair = [(old, first), (new, second)]
        for _, server in pair:
            wrk(server.ports, load, made[load.bodies], WARM_UP_SECONDS)
        for number in range(arguments.rounds):
            order = pair[:: -1 if number % 2 else 1]
            samples = {}
            for contestant, server in order:
                server.settle()
                samples[contestant.key] = turn(contestant, server, load, made, arguments.seconds)
            rounds.append((samples[old.key], samples[new.key]))
            figures = f"{rounds[-1][0].cpu_ms:.2f} and {rounds[-1][1].cpu_ms:.2f} ms"
            print(f"  {load.name}, round {number + 1} of {arguments.rounds}: {figures} of CPU time a request", flush=True)
    return rounds


def report(samples, count):
    rows = []
    for load, rounds in samples.items():
        for field, name in FIGURES.items():
            old, new = ([getattr(pair[place], field) for pair in rounds] for place in (0, 1))
            figures = [f"{statistics.median(values):.2f}" for values in (old, new)]
            rows.append([f"{load.name}: {name}", *figures, *judge(old, new).cells()])
    return f"{markdown(['', 'old', 'new', 'ratio', '99 % between', 'time'], rows)}\n\n{explained(len(rows), count)}"


if __name__ == "__main__":
    main()
