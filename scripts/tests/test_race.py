import pathlib
import sys
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benches/peers"))

import bodies
import chart
import goals
import measure
import table
from measure import Load, PipelineSample, Sample
from medians import Medians
from race import LOADS, PIPELINE_LOAD
from PIL import Image

NAMES = {
    "glimpse": "glimpse",
    "int8": "glimpse --precision int8",
    "before": "glimpse before",
    "onnx": "FastAPI + ONNX Runtime",
    "mosec": "mosec",
    "litserve": "LitServe",
    "keras": "FastAPI & Keras",
}
GOOD = {"glimpse": 8, "int8": 4, "before": 12, "onnx": 45, "mosec": 42, "litserve": 50, "keras": 250}
BAD = {"glimpse": 40, "int8": 30, "before": 40, "onnx": 45, "mosec": 60, "litserve": 60, "keras": 250}


def sample(cpu_ms, errors=0):
    return Sample(1000 / cpu_ms, p50_ms=cpu_ms, p99_ms=2 * cpu_ms, cpu_ms=cpu_ms, peak_mb=150, ready_ms=20 * cpu_ms, errors=errors)


def samples(loads=LOADS, **times):
    """Three rounds; the machine takes thrice the time in the second one."""
    return {(load, key): [sample(cpu * speed) for speed in (1, 3, 1.1)] for load in loads for key, cpu in times.items()}


def medians(times, pipeline=7.8, loads=LOADS):
    alone = [PipelineSample(1000 / pipeline, pipeline * speed) for speed in (1, 3, 1.1)]
    return Medians(samples(loads, **times), alone, PIPELINE_LOAD)


def verdicts(measured):
    return [row.split("|")[-2].strip() for row in goals.table(measured).splitlines()[2:-1]]


def test_goals_are_judged_by_ratios_of_the_same_round():
    assert verdicts(medians(GOOD)) == ["met"] * 14 + ["NOT met"]
    bad = verdicts(medians(BAD, pipeline=30))
    assert bad == ["NOT met"] * 3 + ["met"] + ["NOT met"] * 8 + ["met", "NOT met", "NOT met"]


def test_a_slow_round_changes_no_ratio():
    row = next(row for row in goals.table(medians(GOOD)).splitlines() if "12 megapixels, 4 connections: CPU time, of the best" in row)
    assert row.split("|")[3].strip() == f"{8 / 42:.4g} times"


def test_the_best_python_server_is_the_one_with_the_least_cpu_time():
    assert goals.best_python(medians(GOOD), "large", 4) == "mosec"
    assert goals.best_python(medians(BAD), "large", 4) == "onnx"
    assert goals.best_python(medians({"glimpse": 8, "keras": 250}), "large", 4) is None
    assert goals.best_servers(medians(GOOD), LOADS[:1], NAMES).endswith("small, 1 connection: mosec.")


def test_a_contestant_that_is_left_out_leaves_its_goals_open():
    two = verdicts(medians({"glimpse": 8, "onnx": 60}))
    open_goals = [number for number, verdict in enumerate(two) if verdict == "not measured"]
    assert open_goals == [1, 5, 6, 8, 9, 11, 14]


def test_a_build_without_pictures_as_the_body_is_compared_by_its_json():
    json_only = [load for load in LOADS if load.bodies != "raw"]
    both = Medians(samples(**{"glimpse": 9}) | samples(json_only, before=12), [], PIPELINE_LOAD)
    assert goals.raw_to_before(both) == 0.75


def test_the_pipelines_cpu_time_is_that_of_its_last_seconds():
    times = [(at / 10, 1000 if at < 20 else 1000 + (at - 20) * 200) for at in range(81)]
    assert measure.used_in_the_last(6, times) == 12_000


def test_rows_have_the_median_the_spread_and_the_errors():
    load = Load("small", 8)
    rounds = {(load, "glimpse"): [sample(10), sample(12.5, errors=2), sample(20)]}
    row = table.results([load], {"glimpse": "glimpse"}, rounds).splitlines()[-1]
    assert row.startswith("| small, 8 connections | glimpse | 80.0 (50.0 to 100) |")
    assert row.endswith("| **2** |")


def test_the_chart_is_svg_with_a_bar_for_each_contestant_in_each_panel():
    drawn = ElementTree.fromstring(chart.draw(NAMES, medians(GOOD), "today, here."))
    bars = [it for it in drawn.iter("{http://www.w3.org/2000/svg}rect") if it.get("class") == "keras"]
    assert len(bars) == len(chart.PANELS) + 1
    lengths = [float(bar.get("width")) for bar in bars[:2]]
    assert lengths[0] == lengths[1] == round(chart.BAR_MOST * 4 / 250, 1)


def test_the_legend_of_the_chart_fits_its_width():
    lines = chart.legend(NAMES, 400)
    assert [entry for line in lines for entry in line] == list(NAMES.items())
    assert all(sum(chart.entry_length(name) for _, name in line) <= 400 for line in lines)


def test_bodies_are_made_once_and_again_if_the_pictures_change(tmp_path, monkeypatch):
    monkeypatch.setattr(bodies, "FOLDER", tmp_path / "made")
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.jpg").write_bytes((bodies.SAMPLES / "rocket.jpg").read_bytes())
    monkeypatch.setattr(bodies, "large", lambda sources: [b"\xff\xd8large"] * 11)
    made = bodies.make(given)
    assert {kind: len(some.files) for kind, some in made.items()} == {"small": 1, "large": 11, "raw": 11}
    assert [file.name for file in made["raw"].files][9:] == ["9.jpg", "10.jpg"]
    assert made["raw"].content_type == "image/jpeg"
    assert made["large"].content_type == made["small"].content_type == "application/json"
    monkeypatch.setattr(bodies, "write_json", None)
    assert bodies.make(given) == made
    monkeypatch.undo()
    monkeypatch.setattr(bodies, "FOLDER", tmp_path / "made")
    (given / "b.jpg").write_bytes((given / "a.jpg").read_bytes())
    assert len(bodies.make(given, ["small"])["small"].files) == 2
    assert len(list((tmp_path / "made").iterdir())) == 1


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
