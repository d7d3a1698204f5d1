"""The photographs, the loop and the goals of scripts/bench_classify."""

import collections
import io
import pathlib
import sys
import types

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "benches/classify"))

import contest
import photographs
import python_loop
from contest import GLIMPSE, LIMIT, REDUCED, WHOLE, Sample
from PIL import Image


def test_a_folder_has_every_kind_in_its_share():
    names = collections.defaultdict(list)
    for kind, _, some in photographs.planned(1000):
        names[kind.name] += some
    assert [len(names[kind.name]) for kind in photographs.KINDS] == [600, 250, 150]
    assert sorted(sum(names.values(), [])) == [f"{number:04}.jpg" for number in range(1000)]


def test_the_photographs_are_the_same_at_every_run_and_none_like_the_other():
    web = photographs.KINDS[0]
    first, again = (list(photographs.files(web, 0)) for _ in range(2))
    assert first == again
    assert len(set(first)) == photographs.VARIANTS
    assert Image.open(io.BytesIO(first[1])).size == web.sizes[0]


@pytest.mark.parametrize("size, decoded", [
    ((2800, 2688), (1400, 1344)),
    ((2800, 2687), (2800, 2687)),
    ((5380, 5376), (1345, 1344)),
])
def test_the_loop_decodes_reduced_by_the_rule_of_glimpse(size, decoded):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "JPEG")
    with Image.open(file) as image:
        python_loop.Analyst.reduce(types.SimpleNamespace(size=(224, 224)), image)
        image.load()
        assert image.size == decoded


def rounds(glimpse_rate, loop_ms):
    """Three rounds; the machine is half as fast in the last one."""
    for speed in (1, 1, 0.5):
        yield {
            LIMIT: Sample(100 * speed, 20 / speed),
            GLIMPSE: Sample(glimpse_rate * speed, 20 / speed),
            REDUCED: Sample(60 * speed, loop_ms / speed),
            WHOLE: Sample(50 * speed, 40 / speed),
        }


@pytest.mark.parametrize("glimpse_rate, loop_ms, met", [(96, 29, ["met", "met"]), (94, 27, ["NOT met", "NOT met"])])
def test_goals_are_judged_by_the_ratios_of_each_round(glimpse_rate, loop_ms, met):
    rows = contest.verdicts(list(rounds(glimpse_rate, loop_ms)), False).splitlines()[2:]
    assert [row.split("|")[-2].strip() for row in rows] == [*met, "", "", ""]
    assert rows[-1].split("|")[3].strip() == "2 times"
