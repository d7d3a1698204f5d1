"""Exports Keras' applications with random weights and compares each with Keras on the sample pictures.

    check_applications.py [--results FILE] [NAME ...]

Prints a line for each: its parameters, its input, the layout, the Transposes that are left, the greatest probability among the
answers, the greatest difference from Keras, the most memory that the process had, and the seconds. Exits with 1 if any fails. Without
names it takes all of them, each in a process of its own. That takes hours on two slow cores.

With --results the lines are also kept as JSON in FILE, and an application that FILE has is not exported again: remove FILE once the
export has changed.
"""

import argparse
import json
import math
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

FORM = "{name:18} {parameters:>11} {input:>5} {layout:>6} {transposes:>10} {greatest:>8} {worst:>7} {memory:>7} {seconds:>7}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="as in --model of export_model.py; default: all")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="keeps the lines, and skips the applications that it has")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(checked(arguments.names[0])))
        return
    sys.exit(run(arguments.names, arguments.results))


def run(names, results):
    from export.applications import applications

    known = applications()
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"Keras has no application {', '.join(unknown)}: the names are {', '.join(known)}.")
    print(FORM.format(**{field: field for field in re.findall(r"{(\w+)", FORM)}))
    failed = []
    begun = time.monotonic()
    kept = read(results)
    for name in names or known:
        fields = kept.get(name) or measured(name)
        if "failure" in fields:
            failed.append(name)
            print(f"{name:18} {fields['failure']}", flush=True)
            continue
        print(FORM.format(**fields), flush=True)
        if results and name not in kept:
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(fields) + "\n")
    count = len(names or known)
    print(f"{count - len(failed)} of {count} answer as Keras does; {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def read(results):
    """The fields of each application in a file of results."""
    lines = results.read_text(encoding="utf-8").splitlines() if results and results.exists() else []
    return {fields["name"]: fields for fields in map(json.loads, lines)}


def measured(name):
    """Has another process export one application, because the memory of one is not given back for the next."""
    done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True)
    if done.returncode:
        return {"failure": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]}
    worst = re.search(r"no probability differs by more than (\S+)", done.stdout)[1]
    return json.loads(done.stdout.splitlines()[-1]) | {"worst": worst}


def peak():
    """The most resident memory that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def checked(name):
    """Exports one application into a folder that is removed, and returns the line's fields."""
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)

    import onnx

    from export import pipeline
    from export.applications import RANDOM, applications
    from export.common import Failure
    from export.describe import properties

    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model = applications()[name]
        try:
            path = pipeline.export(model, RANDOM, pathlib.Path(folder))
        except Failure as failure:
            sys.exit(str(failure))
        memory = peak()
        proto, fields = onnx.load(path), properties(path)
        answers = pipeline.read_reference(pathlib.Path(folder))[model.NAME]["pictures"].values()
    return {
        "name": name,
        "parameters": f"{sum(math.prod(constant.dims) for constant in proto.graph.initializer):,}",
        "input": f"{model.side}",
        "layout": fields["glimpse.input_layout"],
        "transposes": sum(node.op_type == "Transpose" for node in proto.graph.node),
        "greatest": f"{max(answer[0]['confidence'] for answer in answers):.3f}",
        "memory": f"{memory:.1f} GB",
        "seconds": f"{time.monotonic() - begun:.0f}",
    }


if __name__ == "__main__":
    main()
