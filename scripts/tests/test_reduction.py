import collections
import io
import itertools
import json

import numpy
import pytest
from export.common import Failure
from PIL import Image, ImageOps, JpegImagePlugin
from reduction import design, measure, pictures, report

KIND = design.Kind(12, 85, "4:2:0", design.STANDARD, design.NO_RESTARTS, "without", design.AS_TAKEN, 1)


def photograph(width=90, height=60):
    """Smooth light from black to white, red on the left and blue on the right."""
    x, y = numpy.meshgrid(numpy.linspace(0, 1, width), numpy.linspace(0, 1, height))
    return Image.fromarray((numpy.stack([y * (1 - x), y * 0.5, y * x], axis=2) * 255).round().astype(numpy.uint8))


def kind(**changes):
    return KIND._replace(**changes)


def task(number=0, **changes):
    # 0.02 megapixels are enough to see what is made.
    return design.Task(number, 0, kind(**{"megapixels": 0.02, **changes}))


def result(way="direct", mean=0.1, most=1, lead=0.5, label="cat", confidence=0.8, **changes):
    exact, reduced = measure.Answer("cat", 0.8, lead, 40), measure.Answer(label, confidence, lead, 20)
    pixels = measure.Pixels(way, mean, most, 0.11, 2, 20, 40)
    return measure.Result(design.Task(0, 0, kind(**changes)), "cat.jpg", exact, reduced, pixels)


def test_each_photograph_gets_each_value():
    for photograph in range(63):
        kinds = design.kinds_of(photograph)
        assert len(kinds) == 6
        for name, values in design.VALUES.items():
            assert {getattr(kind, name) for kind in kinds} == set(values), (photograph, name)


def test_every_two_values_meet_over_the_photographs_but_those_that_no_encoder_writes():
    kinds = [task.kind for task in design.rotation(63)]
    met = collections.Counter(pair for kind in kinds for pair in itertools.combinations(zip(kind._fields, kind, strict=True), 2))
    for (one, ones), (other, others) in itertools.combinations(design.VALUES.items(), 2):
        for values in itertools.product(ones, others):
            possible = kind(**{one: values[0], other: values[1]})
            is_written = possible == possible.possible()
            assert (met[(one, values[0]), (other, values[1])] > 0) == is_written, (one, other, values)


def test_the_short_form_takes_each_value_from_many_photographs():
    tasks = design.short(63)
    assert len({task.photograph for task in tasks}) == len(tasks) == 12
    for name, values in design.VALUES.items():
        assert {getattr(task.kind, name) for task in tasks} == set(values)
    assert sum(task.kind.megapixels == 48 for task in tasks) == 1
    assert max(task.photograph for task in design.short(3)) == 2


def test_the_full_form_has_each_combination_once():
    tasks = design.every(63)
    assert len({task.kind for task in tasks}) == len(tasks) == 4992
    assert {task.photograph for task in tasks} == set(range(63))
    assert tasks == design.every(63)


def test_only_some_kinds_can_be_taken():
    tasks = design.only(design.rotation(9), ["megapixels=12", "sampling=4:2:0"])
    assert tasks and {(task.kind.megapixels, task.kind.sampling) for task in tasks} == {(12, "4:2:0")}
    for condition in ("megapixels=13", "size=12", "megapixels"):
        with pytest.raises(Failure, match=f"--only has no {condition}: write megapixels=12 or"):
            design.only(tasks, [condition])
    with pytest.raises(Failure, match="name fewer"):
        design.only(tasks, ["megapixels=3"])


def test_a_picture_has_about_the_size_and_edges_within_blocks():
    sizes = {pictures.enlarged((90, 60), 12e6, number) for number in range(8)}
    assert len(sizes) == 8 and all(abs(width * height / 12e6 - 1) < 0.01 for width, height in sizes)
    assert pictures.pixels(photograph(), task(3)).shape == (115 + 3, 173 + 3, 3)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_raised_exposure_clips_the_share(share):
    image = photograph()
    bright = numpy.asarray(image).max(axis=2) * pictures.exposure(image, share)
    assert abs((bright >= 255).mean() - share) < 0.02


def test_an_exposure_is_never_lowered():
    assert pictures.exposure(Image.new("RGB", (9, 9), "white"), 0.1) == 1
    assert pictures.exposure(Image.new("RGB", (9, 9)), 0.1) == 255


def test_light_and_grain_change_what_they_say():
    plain, blown, saturated = (pictures.pixels(photograph(), task(light=light)) for light in design.VALUES["light"])
    assert (blown == 255).any(axis=2).mean() > 0.04 > (plain == 255).any(axis=2).mean()
    spread = lambda pixels: numpy.ptp(pixels.astype(int), axis=2).mean()
    assert spread(saturated) > 1.3 * spread(plain)
    grainy = pictures.pixels(photograph(), task(grain="with"))
    within = (plain > 20) & (plain < 235)
    assert 3.5 < (grainy.astype(int) - plain)[within].std() < 4.5
    assert (grainy == pictures.pixels(photograph(), task(grain="with"))).all()


@pytest.mark.parametrize("sampling", design.VALUES["sampling"])
def test_a_file_has_its_sampling_and_quality(sampling):
    if sampling in design.RARE:
        pytest.importorskip("simplejpeg", reason="only scripts/check_reduction has this encoder")
    pixels = pictures.pixels(photograph(), task())
    sizes = [len(pictures.encoded(pixels, kind(sampling=sampling, quality=quality))) for quality in (75, 95)]
    assert sizes[0] < sizes[1]
    with Image.open(io.BytesIO(pictures.encoded(pixels, kind(sampling=sampling)))) as image:
        luma = {"4:2:0": (2, 2), "4:2:2": (2, 1), "4:4:0": (1, 2), "4:1:1": (4, 1)}.get(sampling, (1, 1))
        assert image.size == pixels.shape[1::-1]
        assert image.layer[0][1:3] == luma and len(image.layer) == (1 if sampling == "gray" else 3)
        assert JpegImagePlugin.get_sampling(image) in (0, 1, 2, -1)


def test_a_file_has_its_tables_and_restart_markers():
    pixels = pictures.pixels(photograph(), task())
    plain = pictures.encoded(pixels, KIND)
    assert len(pictures.encoded(pixels, kind(tables="optimised"))) < len(plain)
    # 11 MCUs of 16 x 16 in a row of 173 pixels.
    for restarts, interval in (("none", None), ("each row", 11), ("within rows", pictures.RESTART_INTERVAL)):
        _, found, after = pictures.encoded(pixels, kind(restarts=restarts)).partition(b"\xff\xdd\x00\x04")
        assert (int.from_bytes(after[:2]) if found else None) == interval


def test_a_turned_file_is_shown_upright(tmp_path):
    for orientation, size in ((1, (173, 115)), (6, (115, 173))):
        path = tmp_path / f"{orientation}.jpg"
        pictures.make(photograph(), task(orientation=orientation, quality=95, sampling="4:4:4"), path)
        with Image.open(path) as image:
            assert image.size == size and image.getexif().get(pictures.ORIENTATION, 1) == orientation
            upright = ImageOps.exif_transpose(image).resize((90, 60))
        assert numpy.abs(numpy.asarray(upright).astype(int) - numpy.asarray(photograph())).max() < 12


def test_goals_that_are_met(capsys):
    results = [result(), result(megapixels=48), result("whole", 0, 0), result(label="dog", lead=0.03)]
    assert report.report(results)
    assert "NOT met" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong, said",
    [
        (result(label="dog", lead=0.0301), "cat, which led by 0.0301, is no longer first."),
        (result(most=4), "at most by 4."),
    ],
)
def test_each_goal_that_is_not_met_is_said(wrong, said, capsys):
    assert not report.report([result() for _ in range(9)] + [wrong])
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\nNOT met") == 1


def test_an_average_counts_in_each_group_that_is_large_enough(capsys):
    few, many = ([result(mean=0.131, megapixels=48) for _ in range(count)] for count in (7, 8))
    others = [result(mean=0.05) for _ in range(9)]
    assert report.report(few + others)
    whole = [result("whole", 0, 0)]
    assert [report.verdict(group) for group in (few, many, others, whole)] == ["too few", "NOT met", "met", "met"]
    assert report.goals(few)[1][2:] == ("not judged", True)
    assert not report.report(many + others)
    assert "mean change of the pixels of each group of 8 or more: 0.131 (megapixels 48)" in capsys.readouterr().out


def test_pictures_decoded_whole_do_not_hide_the_changes_of_others():
    results = [result(mean=0.2) for _ in range(8)] + [result("whole", 0, 0) for _ in range(90)]
    assert report.mean_change(results) == pytest.approx(0.2) and not report.is_met(results)
    assert "| 0.200 | 1 |" in report.row("all", results)
    assert not report.report([result("reduced")])
    assert report.report([result("whole", 0, 0)])


def test_groups_are_those_values_of_which_there_are_several():
    names = [name for name, _ in report.groups([result(megapixels=12), result(megapixels=3)])]
    assert names == ["all", "megapixels 3", "megapixels 12"]


def bench(folder, *lines):
    path = folder / "shrink"
    path.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    path.chmod(0o755)
    return measure.Judges("", "", str(path))


def test_what_the_bench_prints_is_read_and_a_bench_that_fails_is_named(tmp_path):
    picture = tmp_path / "0.jpg"
    changes = measure.Pixels("direct", 0.1, 1, 0.11, 2, 20.1, 38.2)
    line = json.dumps({"file": str(picture), **changes._asdict(), "whole_milliseconds": 40})
    assert bench(tmp_path, line).pixels([picture]) == [changes]
    with pytest.raises(Failure, match="does not print a line for each file"):
        bench(tmp_path).pixels([picture])
    (tmp_path / "shrink").write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    with pytest.raises(Failure, match="shrink fails: broken"):
        measure.Judges("", "", str(tmp_path / "shrink")).pixels([picture])


def test_all_pictures_are_made_judged_and_removed(tmp_path):
    class Judges:
        def judge(self, names, made):
            folders.update(path.parent for _, path in made)
            for task, path in made:
                assert path.stat().st_size
                yield result()._replace(task=task, photograph=names[task.photograph])

    folders = set()
    tasks = [task(number) for number in range(measure.PIECE + 1)]
    keep = lambda result: tmp_path if result.task.number == 5 else None
    found = list(measure.results(Judges(), [("cat.jpg", photograph())], tasks, keep))
    assert [result.task for result in found] == tasks
    assert [path.name for path in tmp_path.iterdir()] == ["0005.jpg"]
    assert not any(folder.exists() for folder in folders)
