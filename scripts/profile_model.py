"""Prints which operators an inference's time goes to, and compares whole inferences of several models.

    profile_model.py [MODEL ...] [--rounds 100]

MODEL defaults to models/model.onnx, the model that is served. For each model: the kinds of operators after ONNX
Runtime's optimisations, how many of each there are, their milliseconds in one inference and their share. The session has
the options of the server's. An operator's time is the lower decile over the rounds, because other work on the machine
lengthens many of them. At the end: the median CPU time of whole inferences without the profiler, the models in turn.
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime

from export import agreement, common
from export.common import Failure
from export.describe import Description, properties

WARM_UP = 5


def main():
    arguments = parse_arguments()
    try:
        tensors = [tensor_for(path) for path in arguments.models]
    except Failure as failure:
        sys.exit(str(failure))
    for path, tensor in zip(arguments.models, tensors):
        print(table(path.name, operators(path, tensor, arguments.rounds)), end="\n\n")
    times = race(arguments.models, tensors, arguments.rounds)
    print(f"Whole inferences, CPU time, medians of {arguments.rounds} in turn:")
    for path, taken in zip(arguments.models, times):
        print(f"  {path.name}: {taken:.2f} ms, {times[0] / taken:.3f} times as fast as {arguments.models[0].name}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    served = common.ROOT / "models" / "model.onnx"
    parser.add_argument("models", type=pathlib.Path, nargs="*", default=[served], metavar="MODEL")
    parser.add_argument("--rounds", type=rounds, default=100, metavar="N", help="inferences of each model; default: 100")
    return parser.parse_args()


def rounds(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def tensor_for(path):
    """The first sample picture as a model's input."""
    fields = properties(path)
    if not fields:
        raise Failure(f"There is no model {path}: run scripts/export_model.py, with --precision int8 for the fast one.")
    return agreement.tensors(Description.of(fields), common.pictures()[:1], 0, 0)[0]


def operators(path, tensor, count):
    """The kind of each operator that an inference runs, and the milliseconds that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        optimised = pathlib.Path(folder) / "optimised.onnx"
        options = agreement.options()
        options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
        options.optimized_model_filepath = str(optimised)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for _ in range(WARM_UP + count):
            session.run(None, {session.get_inputs()[0].name: tensor})
        events = json.loads(pathlib.Path(session.end_profiling()).read_text(encoding="utf-8"))
        kinds = {node.name: kind(node) for node in onnx.load(optimised).graph.node}
    taken = collections.defaultdict(list)
    for event in events:
        name = event["name"].removesuffix("_kernel_time")
        if event.get("cat") == "Node" and name != event["name"]:
            taken[name, event["args"]["op_name"]].append(event["dur"] / 1000)
    return [(kinds.get(name, operator), float(numpy.quantile(times[WARM_UP:], 0.1))) for (name, operator), times in taken.items()]


def kind(node):
    """An operator's name; of a convolution, with the size of its kernel, and whether each channel has its own."""
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if "kernel_shape" not in attributes or "Conv" not in node.op_type:
        return node.op_type
    sides = " x ".join(map(str, attributes["kernel_shape"].ints))
    grouped = "group" in attributes and attributes["group"].i > 1
    return f"{node.op_type} {sides}{', depthwise' if grouped else ''}"


def table(title, found):
    """A table of the kinds, the longest first."""
    times, counts = collections.Counter(), collections.Counter()
    for name, taken in found:
        times[name] += taken
        counts[name] += 1
    whole = sum(times.values())
    rows = [(name, str(counts[name]), f"{taken:.2f}", f"{taken / whole:.1%}") for name, taken in times.most_common()]
    rows = [(title, "operators", "ms", "share"), ("---",) * 4, *rows, ("all", str(len(found)), f"{whole:.2f}", "")]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def race(paths, tensors, count):
    """The median milliseconds of CPU time of each model's inference."""
    sessions = [agreement.session(str(path)) for path in paths]
    times = [[] for _ in paths]
    for _ in range(WARM_UP + count):
        for session, tensor, taken in zip(sessions, tensors, times):
            begun = time.thread_time()
            session.run(None, {session.get_inputs()[0].name: tensor})
            taken.append(time.thread_time() - begun)
    return [float(numpy.median(taken[WARM_UP:])) * 1000 for taken in times]


if __name__ == "__main__":
    main()
