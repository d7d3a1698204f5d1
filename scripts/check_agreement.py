"""Compares two models' answers on a folder of pictures and on pictures derived from them.

    check_agreement.py DIR [MODEL [ORIGINAL]] [--derived 8]

MODEL defaults to models/mobilenetv2-int8.onnx, and ORIGINAL to the float model beside it. Prints the share of
pictures that keep their first label, the change of its confidence, the time per picture on one thread, and, for
pictures named as in ImageNet (class_label.JPEG), both accuracies. Exits with 1 if fewer than 97.5 % keep their
first label or if the accuracy falls by more than one point.

Of multi-label models, the set of labels over the threshold takes the place of the first label, and there is no accuracy.
"""

import argparse
import pathlib
import sys
import time

import numpy

from export import agreement, calibration, common
from export.common import Failure, label_in
from export.describe import SIGMOID, Description, properties

LEAST_AGREEMENT, MOST_LOSS = 0.975, 0.01
CHECK_SEED = 3
# What the report counts as clear: the least lead of the first label over the second, or the least distance of every label of
# a multi-label model from the threshold.
CLEAR = 0.1
ROUNDS = 200


def main():
    arguments = parse_arguments()
    model = arguments.model
    original = arguments.original or model.with_name(model.name.replace("-int8", ""))
    try:
        holds = compare(model, original, arguments.folder, arguments.derived)
    except Failure as failure:
        sys.exit(str(failure))
    sys.exit(0 if holds else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR")
    parser.add_argument("model", type=pathlib.Path, nargs="?", default=common.ROOT / "models" / "mobilenetv2-int8.onnx")
    parser.add_argument("original", type=pathlib.Path, nargs="?")
    parser.add_argument("--derived", type=int, default=8, metavar="N", help="pictures derived from each; default: 8")
    return parser.parse_args()


def compare(model, original, folder, count):
    descriptions = [Description.of(described(path)) for path in (model, original)]
    if descriptions[0] != descriptions[1]:
        raise Failure(f"{model.name} and {original.name} are not the same model: name the float model that it was made from.")
    paths = calibration.pictures_in(folder)
    tensors = agreement.tensors(descriptions[0], paths, count, CHECK_SEED)
    ours, theirs = (agreement.answers(str(path), tensors) for path in (model, original))
    every = report(ours, theirs, descriptions[0], count)
    if descriptions[0].output == SIGMOID:
        loss = 0
    else:
        names = [name for path in paths for name in [label_in(path)] * (count + 1)]
        loss = accuracy_loss(ours, theirs, names, descriptions[0].labels)
    times = race([model, original], tensors)
    print(f"time:    {times[0]:.2f} ms a picture, the original {times[1]:.2f} ms ({times[1] / times[0]:.2f} times)")
    return every.share >= LEAST_AGREEMENT and loss <= MOST_LOSS


def report(ours, theirs, description, count):
    """Prints and returns the agreement on all pictures: each is followed by `count` derived from it."""
    every = agreement.between(ours, theirs, description)
    whole = slice(None, None, count + 1)
    print(f"whole:   {agreement.between(ours[whole], theirs[whole], description)}")
    print(f"all:     {every}")
    clear, why = clear_ones(theirs, description)
    if clear.any():
        print(f"clear:   {agreement.between(ours[clear], theirs[clear], description)}, where {why} {CLEAR}")
    return every


def clear_ones(answers, description):
    """Whether each picture's answer is a clear one, and what that means."""
    if description.output == SIGMOID:
        return (numpy.abs(answers - description.threshold) > CLEAR).all(1), "every label is away from the threshold by over"
    second, first = numpy.sort(answers, 1)[:, -2:].T
    return first - second > CLEAR, "the first leads by over"


def described(path):
    fields = properties(path)
    if not fields:
        raise Failure(f"There is no model {path}: run scripts/export_model.py, with --precision int8 for the fast one.")
    return fields


def accuracy_loss(ours, theirs, names, labels):
    """Prints both accuracies and returns their difference, or 0 if no file name has one of the model's labels."""
    known = numpy.array([name in labels for name in names])
    if not known.any():
        return 0
    labels = numpy.array(labels)
    truth = numpy.array([name or "" for name in names])[known]
    right = [float((labels[answers.argmax(1)][known] == truth).mean()) for answers in (ours, theirs)]
    print(f"correct: {right[0]:.1%} of {len(truth)}, the original {right[1]:.1%}")
    return right[1] - right[0]


def race(paths, tensors):
    """The median milliseconds per picture of each model. The models take turns, so that noise meets both alike."""
    runners = [agreement.session(str(path)) for path in paths]
    times = [[] for _ in paths]
    for turn in range(ROUNDS):
        for session, taken in zip(runners, times):
            begun = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: tensors[turn % len(tensors)]})
            taken.append(time.perf_counter() - begun)
    return [float(numpy.median(taken)) * 1000 for taken in times]


if __name__ == "__main__":
    main()
