import json
import random
import stat
import types

import bench_against
import bench_noise
import pytest

# Stands for an executable of Criterion: writes one sample of each benchmark, and is a tenth slower as the second argument says.
BENCHMARK = """#!/usr/bin/env python3
import json, os, pathlib, random
slower = {slower}
for name, time in {{"decode": 1e6, "only {name}": 5e3}}.items():
    folder = pathlib.Path(os.environ["CRITERION_HOME"]) / name / "new"
    folder.mkdir(parents=True)
    (folder / "estimates.json").write_text("{{}}")
    (folder / "benchmark.json").write_text(json.dumps({{"full_id": name}}))
    times = [time * slower * 10 * (1 + random.random() / 100) for _ in range(10)]
    (folder / "sample.json").write_text(json.dumps({{"iters": [10] * 10, "times": times}}))
"""


def test_the_interval_leaves_out_what_the_level_allows():
    # 2 * (1 + 12) / 4096 is under 0.01, 2 * (1 + 12 + 66) / 4096 is not.
    assert [bench_noise.outside(rounds) for rounds in (8, 11, 12, 20)] == [0, 0, 1, 3]
    with pytest.raises(ValueError, match="too few"):
        bench_noise.outside(7)


def test_a_difference_counts_if_all_but_an_outlier_agree():
    old = [10, 30, 11, 10, 12, 10, 20, 10, 10, 11, 10, 12]
    less = bench_noise.judge(old, [time * 0.9 for time in old[:-1]] + [50])
    assert less.cells() == ["0.900", "0.900 to 0.900", "less"]
    mixed = bench_noise.judge(old, [time * (0.9 if number % 3 else 1.1) for number, time in enumerate(old)])
    assert mixed.cells()[2] == "within the noise"
    more = bench_noise.judge(old, [time * 1.5 for time in old])
    assert more.cells()[2] == "MORE"


def test_equal_builds_are_seldom_taken_to_differ():
    chance = random.Random("noise")
    noise = lambda: [chance.lognormvariate(0, 0.2) for _ in range(12)]
    wrong = sum(bench_noise.judge(noise(), noise()).is_different for _ in range(2000))
    assert wrong <= 2000 * 0.015


def test_what_can_be_compared_is_and_the_rest_is_named(tmp_path):
    pair = []
    for name, slower in (("old", 1), ("new", 1.1)):
        executable = tmp_path / name
        executable.write_text(BENCHMARK.format(slower=slower, name=name))
        executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
        pair.append(str(executable))
    arguments = types.SimpleNamespace(folder=tmp_path / "criterion", part=None)
    figures = {}
    for build, executable in zip(("old", "new"), pair):
        for _ in range(8):
            for name, time in bench_against.run(executable, tmp_path, arguments).items():
                figures.setdefault(name, {}).setdefault(build, []).append(time)
    said = bench_against.report(figures, 8).splitlines()
    cells = [cell.strip() for cell in said[2].split("|")[1:-1]]
    assert cells[0] == "decode" and cells[-1] == "MORE" and 1.08 < float(cells[3]) < 1.12
    assert said[-2:] == [
        "Only the old build has, so that the new one can't be compared: only old.",
        "Only the new build has, so that the old one can't be compared: only new.",
    ]


def test_the_fastest_sample_counts(tmp_path):
    file = tmp_path / "sample.json"
    file.write_text(json.dumps({"iters": [1, 2, 3], "times": [12, 20, 45]}))
    assert bench_against.fastest(file) == 10
