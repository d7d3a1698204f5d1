"""Measures glimpse's exact and fast model, the stack that it replaces, and a well-tuned Python server under the same loads.

Run by scripts/bench-peers. Prints a table of results and a table of goals. Writes results.json and chart.svg to
.tools/race. Exits with 1 if a request failed.
"""

import argparse
import dataclasses
import json
import pathlib
import signal
import statistics
import sys

import bodies
import chart
import contestants
import goals
import table
from contestants import ROOT
from measure import Load, first_labels, measure, pipeline_rate

sys.path.insert(0, str(ROOT / "scripts"))
from export import mobilenetv2
from export.common import WeightsUnavailable

LOADS = [Load("small", 1), Load("small", 8), Load("small", 32), Load("large", 1), Load("large", 4)]
# The load whose bodies also measure the pipeline without HTTP.
PIPELINE_LOAD = Load("small", 8)
# The share of processor time used by other processes above which the race prints a warning.
BUSY = 0.05
FOLDER = ROOT / ".tools/race"


def main():
    arguments = parse_arguments()
    # sys.exit unwinds, so that a signal also stops the running server.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("A signal ended the race."))
    entrants = entered(arguments)
    made = bodies.make(arguments.pictures)
    compare_answers(entrants, made)
    busy = contestants.busy_share()
    if busy > BUSY:
        print(f"  Other processes use {busy:.0%} of the processors: the figures will differ from those of an idle machine.")
    samples, rates = race(entrants, made, arguments)
    report(entrants, samples, rates, arguments)
    if any(sample.errors for rounds in samples.values() for sample in rounds):
        sys.exit("Some requests failed: see the errors in the table.")


def parse_arguments():
    parser = argparse.ArgumentParser("scripts/bench-peers", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds, whose medians are reported (3)")
    parser.add_argument("--seconds", type=int, default=6, metavar="N", help="seconds to measure each contestant in a round (6)")
    parser.add_argument("--warm-up", type=int, default=2, metavar="N", help="seconds to run before measuring (2)")
    parser.add_argument("--pictures", type=pathlib.Path, metavar="DIR", help="photographs to send instead of the samples")
    parser.add_argument("--publish", action="store_true", help="replace the chart in the documentation")
    parser.add_argument("--executable", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--pipeline", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.seconds, arguments.warm_up) < 1:
        parser.error("--rounds, --seconds and --warm-up must be at least 1")
    return arguments


def entered(arguments):
    model = (ROOT / "models/model.onnx").resolve()
    fast = model.with_name(f"{model.stem}-int8.onnx")
    entrants = [contestants.glimpse(arguments.executable), contestants.int8(arguments.executable, fast), contestants.onnx(model)]
    try:
        mobilenetv2.find_weights(None)
        entrants.append(contestants.keras())
    except WeightsUnavailable as unavailable:
        print(f"{unavailable} The stack that glimpse replaces is left out.")
    return entrants


def compare_answers(entrants, made):
    labels = {entrant.key: first_labels(entrant, made) for entrant in entrants}
    ours, count = labels["glimpse"], len(labels["glimpse"])
    for entrant in entrants[1:]:
        same = sum(a == b for a, b in zip(ours, labels[entrant.key], strict=True))
        print(f"  the same first label as {entrant.name}: {same} of {count} pictures", flush=True)


def race(entrants, made, arguments):
    """`{(load, contestant's key): samples}`, and the pipeline's requests/s in each round."""
    samples, rates = {}, []
    for load in LOADS:
        for number in range(arguments.rounds):
            print(f"  {load.name}, round {number + 1} of {arguments.rounds}:", end="", flush=True)
            for entrant in entrants:
                sample = measure(entrant, load, made, arguments.seconds, arguments.warm_up)
                samples.setdefault((load, entrant.key), []).append(sample)
                print(f" {entrant.key} {sample.rate:.1f}/s", end="", flush=True)
            if load == PIPELINE_LOAD:
                rates.append(pipeline_rate(arguments.pipeline, made[load.bodies], arguments.seconds, arguments.warm_up))
                print(f" pipeline {rates[-1]:.1f}/s", end="", flush=True)
            print()
    return samples, rates


def report(entrants, samples, rates, arguments):
    names = {entrant.key: entrant.name for entrant in entrants}
    about = table.about(arguments)
    medians = Medians(samples, rates)
    print(f"\n{table.results(LOADS, names, samples)}\n\n{table.starts(names, samples)}\n\n{about}\n")
    print(goals.table(medians))
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = [{"load": load.name, "contestant": key, **dataclasses.asdict(it)} for (load, key), all in samples.items() for it in all]
    (FOLDER / "results.json").write_text(json.dumps({"about": about, "samples": kept, "pipeline": rates}, indent=1))
    drawn = chart.draw(names, medians, about)
    (FOLDER / "chart.svg").write_text(drawn)
    if arguments.publish:
        pathlib.Path(__file__).with_name("results.svg").write_text(drawn)


class Medians:
    """The medians of the rounds by contestant and load, or `None` for a contestant that did not take part."""

    def __init__(self, samples, rates):
        self.samples, self.rates = samples, rates

    def of(self, field, key, bodies, connections):
        rounds = self.samples.get((Load(bodies, connections), key))
        return rounds and statistics.median(getattr(sample, field) for sample in rounds)

    def ready_ms(self, key):
        starts = [sample.ready_ms for (_, name), rounds in self.samples.items() if name == key for sample in rounds]
        return statistics.median(starts) if starts else None

    def pipeline_rate(self):
        return statistics.median(self.rates) if self.rates else None


if __name__ == "__main__":
    main()
