import pathlib
import sys
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benches/peers"))

import bodies
import chart
import goals
import table
from measure import Load, Sample
from race import LOADS, Medians
from PIL import Image

NAMES = {"glimpse": "glimpse", "int8": "glimpse --precision int8", "onnx": "FastAPI + ONNX Runtime", "keras": "FastAPI & Keras"}


def sample(rate, errors=0):
    return Sample(rate, p50_ms=1000 / rate, p99_ms=2000 / rate, cpu_ms=5, peak_mb=150, ready_ms=200, errors=errors)


def samples(**rates):
    return {(load, key): [sample(rate - 1), sample(rate), sample(rate + 50)] for load in LOADS for key, rate in rates.items()}


def verdicts(medians):
    return [row.split("|")[-2].strip() for row in goals.table(medians).splitlines()[2:-1]]


def test_goals_are_judged_by_the_medians():
    met = verdicts(Medians(samples(glimpse=290, int8=420, onnx=60, keras=11), [300, 310, 400]))
    assert met == ["met"] * 10
    missed = verdicts(Medians(samples(glimpse=290, int8=300, onnx=250, keras=30), [320, 330, 400]))
    assert missed == ["NOT met", "NOT met", "met", "NOT met", "NOT met", "NOT met", "NOT met", "met", "NOT met", "met"]


def test_a_contestant_that_is_left_out_leaves_its_goals_open():
    two = verdicts(Medians(samples(glimpse=290, onnx=60), []))
    assert two == ["met", "not measured", "met", "not measured", "met", "met", "not measured", "met", "not measured", "met"]


def test_rows_have_the_median_the_spread_and_the_errors():
    load = Load("small", 8)
    rounds = {(load, "glimpse"): [sample(100), sample(80, errors=2), sample(50)]}
    row = table.results([load], {"glimpse": "glimpse"}, rounds).splitlines()[-1]
    assert row.startswith("| small, 8 connections | glimpse | 80.0 (50.0 to 100) |")
    assert row.endswith("| **2** |")


def test_the_chart_is_svg_with_a_bar_for_each_contestant_in_each_panel():
    drawn = ElementTree.fromstring(chart.draw(NAMES, Medians(samples(glimpse=290, int8=420, onnx=60, keras=11), []), "today, here."))
    bars = [it for it in drawn.iter("{http://www.w3.org/2000/svg}rect") if it.get("class") == "keras"]
    assert len(bars) == len(chart.PANELS) + 1
    lengths = [float(bar.get("width")) for bar in bars[:2]]
    assert lengths[0] == lengths[1] == round(chart.BAR_MOST * 11 / 420, 1)


def test_the_small_bodies_are_the_same_at_every_run_and_none_like_the_other():
    sources = [bodies.SAMPLES / name for name in bodies.SAMPLE_NAMES]
    first, again = list(bodies.small(sources)), list(bodies.small(sources))
    assert first == again
    assert len(set(first)) == bodies.SMALL
    assert 80_000 < sum(map(len, first)) / len(first) < 120_000


def test_detail_fills_pictures_of_any_shape():
    source = bodies.SAMPLES / bodies.SAMPLE_NAMES[0]
    assert bodies.detail(source, (1000, 700)).shape == (700, 1000, 1)
    with Image.open(source) as image:
        small = image.convert("RGB").resize((64, 48))
    limit = len(bodies.jpeg(small, 80))
    assert len(bodies.of_size(small, limit)) <= limit < len(bodies.jpeg(small, 97))
