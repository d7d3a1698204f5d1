"""How scripts/check_agreement.py judges the answers of two models."""

import types

import numpy
import pytest

import check_agreement
from export.describe import SIGMOID, SOFTMAX

MULTI_LABEL = types.SimpleNamespace(output=SIGMOID, threshold=0.5)
ONE_LABEL = types.SimpleNamespace(output=SOFTMAX, threshold=None)
# Each picture is followed by one derived from it. The first labels of the second and the third change, and the set of labels
# over a half of the fourth.
THEIRS = numpy.array([[0.9, 0.1, 0.2], [0.9, 0.8, 0.1], [0.45, 0.4, 0.1], [0.9, 0.55, 0.1]], numpy.float32)
OURS = numpy.array([[0.8, 0.2, 0.1], [0.8, 0.9, 0.1], [0.4, 0.45, 0.1], [0.9, 0.45, 0.1]], numpy.float32)


def test_multi_label_models_are_judged_by_the_labels_over_the_threshold(capsys):
    found = check_agreement.report(OURS, THEIRS, MULTI_LABEL, 1)
    assert (found.same, found.pictures, found.share) == (3, 4, 0.75)
    whole, every, clear = capsys.readouterr().out.splitlines()
    assert whole.startswith("whole:   2 of 2 pictures keep their set of labels")
    assert every.startswith("all:     3 of 4 pictures keep their set of labels")
    assert clear.startswith("clear:   2 of 2 pictures")
    assert clear.endswith("where every label is away from the threshold by over 0.1")


def test_other_models_are_judged_by_the_first_label(capsys):
    found = check_agreement.report(OURS, THEIRS, ONE_LABEL, 1)
    assert (found.same, found.pictures) == (2, 4)
    whole, _, clear = capsys.readouterr().out.splitlines()
    assert whole.startswith("whole:   1 of 2 pictures keep their first label")
    assert clear.startswith("clear:   2 of 2 pictures") and clear.endswith("where the first leads by over 0.1")


@pytest.mark.parametrize("answer, is_clear", [
    ([0.61, 0.39], True),
    ([0.6, 0.45], False),
    ([0.95, 0.5], False),
    ([0.1, 0.1], True),
])
def test_an_answer_is_clear_if_no_label_is_near_the_threshold(answer, is_clear):
    clear, _ = check_agreement.clear_ones(numpy.array([answer]), MULTI_LABEL)
    assert clear.tolist() == [is_clear]
