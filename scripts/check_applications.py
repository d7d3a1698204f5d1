"""Exports Keras' applications with random weights and compares each with Keras on the sample pictures.

    check_applications.py [NAME ...]

Prints a line for each: its parameters, its input, the layout, the Transposes that are left, the greatest probability among the
answers, the greatest difference from Keras, and the seconds. Exits with 1 if any fails. Without names it takes all of them, each in a
process of its own. That takes hours on two slow cores, and the largest need more than 16 GB of memory.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time

FORM = "{name:18} {parameters:>11} {input:>9} {layout:>6} {transposes:>11} {greatest:>9} {worst:>10} {seconds:>7}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="as in --model of export_model.py; default: all")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(checked(arguments.names[0])))
        return
    sys.exit(run(arguments.names))


def run(names):
    from export.applications import applications

    known = applications()
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"Keras has no application {', '.join(unknown)}: the names are {', '.join(known)}.")
    print(FORM.format(**{field: field for field in ("name", "parameters", "input", "layout", "transposes", "greatest", "worst", "seconds")}))
    failed = []
    begun = time.monotonic()
    for name in names or known:
        done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True)
        if done.returncode:
            failed.append(name)
            print(f"{name:18} {(done.stderr.strip().splitlines() or ['ended without a word'])[-1]}", flush=True)
        else:
            worst = re.search(r"no probability differs by more than (\S+)", done.stdout)[1]
            print(FORM.format(worst=worst, **json.loads(done.stdout.splitlines()[-1])), flush=True)
    count = len(names or known)
    print(f"{count - len(failed)} of {count} answer as Keras does; {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


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
        proto, fields = onnx.load(path), properties(path)
        answers = pipeline.read_reference(pathlib.Path(folder))[model.NAME]["pictures"].values()
    return {
        "name": name,
        "parameters": f"{sum(math.prod(constant.dims) for constant in proto.graph.initializer):,}",
        "input": f"{model.side}",
        "layout": fields["glimpse.input_layout"],
        "transposes": sum(node.op_type == "Transpose" for node in proto.graph.node),
        "greatest": f"{max(answer[0]['confidence'] for answer in answers):.3f}",
        "seconds": f"{time.monotonic() - begun:.0f}",
    }


if __name__ == "__main__":
    main()
