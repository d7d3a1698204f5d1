"""Measures glimpse's exact and fast model, the stack that it replaces, and well-tuned Python servers under the same loads.

Run by scripts/bench-peers. Prints a table of results and a table of goals. Writes results.json and chart.svg to
.tools/race. Exits with 1 if a request failed.
"""

import argparse
import dataclasses
import json
import pathlib
import signal
import sys

import bodies
import chart
import contestants
import goals
import table
from contestants import ROOT
from measure import Load, first_labels, measure, pipeline
from medians import Medians

sys.path.insert(0, str(ROOT / "scripts"))
from export import mobilenetv2
from export.common import WeightsUnavailable

LOADS = [Load("small", 1), Load("small", 8), Load("small", 32), Load("large", 1), Load("large", 4), Load("raw", 4)]
# The load whose bodies also measure the pipeline without HTTP.
PIPELINE_LOAD = Load("small", 8)
# The share of processor time used by other processes above which the race prints a warning.
BUSY = 0.05
FOLDER = ROOT / ".tools/race"
KEYS = "glimpse", "int8", "before", "onnx", "mosec", "litserve", "keras"


def main():
    arguments = parse_arguments()
    # sys.exit unwinds, so that a signal also stops the running server.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("A signal ended the race."))
    entrants = entered(arguments)
    made = bodies.make(arguments.pictures)
    json_only = compare_answers(entrants, made)
    busy = contestants.busy_share()
    if busy > BUSY:
        print(f"  Other processes use {busy:.0%} of the processors: times differ from an idle machine's, ratios hardly.")
    samples, pipelines = race(entrants, made, json_only, arguments)
    report(entrants, samples, pipelines, arguments)
    if any(sample.errors for rounds in samples.values() for sample in rounds):
        sys.exit("Some requests failed: see the errors in the table.")


def parse_arguments():
    parser = argparse.ArgumentParser("scripts/bench-peers", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds, whose medians are reported (3)")
    parser.add_argument("--seconds", type=int, default=6, metavar="N", help="seconds to measure each contestant in a round (6)")
    parser.add_argument("--warm-up", type=int, default=2, metavar="N", help="seconds to run before measuring (2)")
    parser.add_argument("--pictures", type=pathlib.Path, metavar="DIR", help="photographs to send instead of the samples")
    parser.add_argument("--against", type=pathlib.Path, metavar="FILE", help="another build of glimpse, as a further contestant")
    parser.add_argument("--reduced", action="store_true", help="the Python servers decode JPEG reduced, by glimpse's rule")
    parser.add_argument("--only", nargs="+", choices=KEYS[1:], metavar="KEY", help=f"glimpse and these: {', '.join(KEYS[1:])}")
    parser.add_argument("--publish", action="store_true", help="replace the chart in the documentation")
    parser.add_argument("--executable", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--pipeline", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.seconds, arguments.warm_up) < 1:
        parser.error("--rounds, --seconds and --warm-up must be at least 1")
    if arguments.against and not arguments.against.is_file():
        parser.error(f"there is no executable {arguments.against}")
    return arguments


def entered(arguments):
    model = (ROOT / "models/model.onnx").resolve()
    fast = model.with_name(f"{model.stem}-int8.onnx")
    entrants = [contestants.glimpse(arguments.executable), contestants.int8(arguments.executable, fast)]
    if arguments.against:
        entrants.append(contestants.before(arguments.against.resolve()))
    entrants += [make(model, arguments.reduced) for make in (contestants.onnx, contestants.mosec, contestants.litserve)]
    try:
        mobilenetv2.find_weights(None)
        entrants.append(contestants.keras())
    except WeightsUnavailable as unavailable:
        print(f"{unavailable} The stack that glimpse replaces is left out.")
    wanted = ["glimpse", *(arguments.only or KEYS[1:])]
    return [entrant for entrant in entrants if entrant.key in wanted]


def compare_answers(entrants, made):
    """Prints how many first labels are glimpse's. Returns the keys of those that take pictures in JSON only."""
    labels = {entrant.key: first_labels(entrant, made) for entrant in entrants}
    ours = labels["glimpse"]
    for entrant in entrants[1:]:
        theirs = labels[entrant.key]
        pairs = [pair for kind in theirs for pair in zip(ours[kind], theirs[kind], strict=True)]
        note = "" if "raw" in theirs else "; it takes pictures in JSON only"
        print(f"  the same first label as {entrant.name}: {sum(a == b for a, b in pairs)} of {len(pairs)}{note}", flush=True)
    return {key for key, of in labels.items() if "raw" not in of}


def race(entrants, made, json_only, arguments):
    """`{(load, contestant's key): samples}`, and the pipeline's samples, one for each round."""
    samples, pipelines = {}, []
    for load in LOADS:
        racing = [entrant for entrant in entrants if load.bodies != "raw" or entrant.key not in json_only]
        for number in range(arguments.rounds):
            print(f"  {load.name}, round {number + 1} of {arguments.rounds}:", end="", flush=True)
            # Every second round in reverse, so that a machine that becomes slower does not favour the first.
            for entrant in racing[:: -1 if number % 2 else 1]:
                sample = measure(entrant, load, made, arguments.seconds, arguments.warm_up)
                samples.setdefault((load, entrant.key), []).append(sample)
                print(f" {entrant.key} {sample.rate:.1f}/s {sample.cpu_ms:.1f} ms", end="", flush=True)
            if load == PIPELINE_LOAD:
                sample = pipeline(arguments.pipeline, made[load.bodies], arguments.seconds, arguments.warm_up)
                pipelines.append(sample)
                print(f" pipeline {sample.rate:.1f}/s {sample.cpu_ms:.1f} ms", end="", flush=True)
            print()
    return samples, pipelines


def report(entrants, samples, pipelines, arguments):
    names = {entrant.key: entrant.name for entrant in entrants}
    about = table.about(arguments)
    medians = Medians(samples, pipelines, PIPELINE_LOAD)
    print(f"\n{table.results(LOADS, names, samples)}\n\n{table.starts(names, samples)}\n\n{about}\n")
    print(f"{goals.table(medians)}\n\n{goals.best_servers(medians, LOADS, names)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = [
        {"load": load.name, "contestant": key, **dataclasses.asdict(sample)}
        for (load, key), rounds in samples.items()
        for sample in rounds
    ]
    alone = [dataclasses.asdict(sample) for sample in pipelines]
    (FOLDER / "results.json").write_text(json.dumps({"about": about, "samples": kept, "pipeline": alone}, indent=1))
    drawn = chart.draw(names, medians, about)
    (FOLDER / "chart.svg").write_text(drawn)
    if arguments.publish:
        pathlib.Path(__file__).with_name("results.svg").write_text(drawn)


if __name__ == "__main__":
    main()
