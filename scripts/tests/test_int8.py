"""The fast model, made from EfficientNet-Lite0, whose weights need no network."""

import collections
import shutil
import subprocess
import sys

import numpy
import onnx
import pytest

import profile_model
from export import agreement, calibration, common, pipeline, quantise
from export.describe import properties
from exporter import SCRIPT, is_one_sentence, run

ARGUMENTS = ("--model", "efficientnet-lite0", "--precision", "int8")


@pytest.fixture(scope="session")
def int8(tmp_path_factory, efficientnet_lite0):
    folder = tmp_path_factory.mktemp("int8")
    for name in ("efficientnet-lite0.onnx", "reference.json"):
        shutil.copy(efficientnet_lite0 / name, folder)
    done = run(folder, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "keep their first label" in done.stdout and "stay in float" in done.stdout
    return folder


def check_agreement(*arguments):
    command = [sys.executable, str(SCRIPT.with_name("check_agreement.py")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_its_description_names_the_precision(int8):
    exact, fast = (properties(int8 / f"efficientnet-lite0{suffix}.onnx") for suffix in ("", "-int8"))
    assert (exact["glimpse.precision"], fast["glimpse.precision"]) == ("float32", "int8")
    assert {key for key in exact if exact[key] != fast.get(key)} == {"glimpse.precision", "glimpse.recipe"}
    assert exact.keys() == fast.keys()


def test_its_convolutions_are_in_integers(int8):
    model = onnx.load(int8 / "efficientnet-lite0-int8.onnx")
    onnx.checker.check_model(model, full_check=True)
    convolutions = [node for node in model.graph.node if node.op_type in ("Conv", "FusedConv", "QLinearConv")]
    in_float = [node for node in convolutions if node.op_type != "QLinearConv"]
    assert len(convolutions) == 49 and len(in_float) <= quantise.FLOAT_LAYERS
    # The float convolutions come first, so that the activations are quantised once.
    assert in_float == convolutions[: len(in_float)]
    weights = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4]
    assert len(weights) == len(convolutions) - len(in_float)
    # Nothing is left to be fused at a start.
    kinds = collections.Counter(node.op_type for node in model.graph.node)
    assert kinds["QuantizeLinear"] == kinds["DynamicQuantizeMatMul"] == 1, kinds
    # ONNX Runtime makes floats of the last feature maps twice: for the pooling, and for the class activation maps.
    assert kinds["DequantizeLinear"] == 2, kinds
    assert (int8 / "efficientnet-lite0-int8.onnx").stat().st_size < 0.5 * (int8 / "efficientnet-lite0.onnx").stat().st_size


def test_onnx_runtime_leaves_nothing_between_its_integer_operators(int8):
    path = int8 / "efficientnet-lite0-int8.onnx"
    found = collections.Counter(name.split()[0] for name, _ in profile_model.operators(path, profile_model.tensor_for(path), 1))
    # Every activation is in a convolution's own rounding, and the values become integers once and floats once.
    assert found["QLinearConv"] + found["Conv"] == 49 and found["Conv"] <= quantise.FLOAT_LAYERS
    assert not {"Clip", "Relu", "Add", "MatMul", "MatMulInteger"} & found.keys()
    # That of the class activation maps, of which there are none here.
    assert found["Gemm"] == 1
    assert found["QLinearAdd"] == 9 and found["DynamicQuantizeMatMul"] == 1
    assert (found["QuantizeLinear"], found["DequantizeLinear"]) == (1, 2)
    # One Transpose to the layout of the integer convolutions, and one back.
    assert found["Transpose"] <= 2 and found["ReorderOutput"] <= 1 and not found["ReorderInput"]


def test_its_operators_are_printed(int8):
    paths = [int8 / f"efficientnet-lite0{suffix}.onnx" for suffix in ("", "-int8")]
    command = [sys.executable, str(SCRIPT.with_name("profile_model.py")), *map(str, paths), "--rounds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "| efficientnet-lite0.onnx | operators | ms | share |" in done.stdout and "times as fast as efficientnet-lite0.onnx" in done.stdout
    assert "| QLinearConv 5 x 5, depthwise |" in done.stdout
    missing = subprocess.run([*command[:2], str(int8 / "none.onnx")], capture_output=True, text=True, timeout=300)
    assert missing.returncode == 1 and is_one_sentence(missing.stderr) and "none.onnx" in missing.stderr


def test_an_unchanged_model_is_not_made_again(int8):
    before = (int8 / "efficientnet-lite0-int8.onnx").stat().st_mtime_ns
    done = run(int8, *ARGUMENTS)
    assert done.stdout.count("is up to date") == 2 and done.stdout.count("\n") == 2
    assert (int8 / "efficientnet-lite0-int8.onnx").stat().st_mtime_ns == before


def test_its_agreement_is_counted(int8):
    fast = int8 / "efficientnet-lite0-int8.onnx"
    done = check_agreement(common.PICTURES, fast, "--derived", 8)
    assert "of 99 pictures keep their first label" in done.stdout and "time:" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
    missing = check_agreement(common.PICTURES, int8 / "none-int8.onnx")
    assert missing.returncode == 1 and is_one_sentence(missing.stderr) and "none-int8.onnx" in missing.stderr
    empty = check_agreement(int8, fast)
    assert empty.returncode == 1 and is_one_sentence(empty.stderr) and "There are no pictures in" in empty.stderr


def test_a_model_with_other_answers_leaves_no_file(int8, tmp_path, monkeypatch):
    original = tmp_path / "efficientnet-lite0.onnx"
    shutil.copy(int8 / original.name, original)
    other = onnx.load(int8 / "efficientnet-lite0-int8.onnx")
    labels = next(tensor for tensor in other.graph.initializer if tensor.name == "_fc.bias")
    labels.CopyFrom(onnx.numpy_helper.from_array(numpy.arange(1000, dtype=numpy.float32), labels.name))
    monkeypatch.setattr(quantise, "quantise", lambda *_: other)
    with pytest.raises(common.Failure, match="keep their first label"):
        pipeline.export_int8(original, common.PICTURES)
    assert list(tmp_path.iterdir()) == [original]


def test_a_missing_calibration_folder_is_refused(int8):
    done = run(int8, *ARGUMENTS, "--calibration", "nowhere")
    assert (done.returncode, done.stderr) == (1, "There are no pictures in nowhere: name a folder with JPEG, PNG, WebP, GIF, BMP or TIFF files.\n")


def test_other_pictures_make_another_model(int8, tmp_path, monkeypatch):
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(common.PICTURES / "rocket.jpg", folder)
    shutil.copy(int8 / "efficientnet-lite0.onnx", tmp_path)
    monkeypatch.setattr(quantise, "PICTURES", 4)
    monkeypatch.setattr(quantise, "TRIALS", 2)
    monkeypatch.setattr(quantise, "FLOAT_LAYERS", 0)
    monkeypatch.setattr(pipeline, "CHECKED", 0)
    monkeypatch.setattr(pipeline, "AGREEMENT", 0)
    pipeline.export_int8(tmp_path / "efficientnet-lite0.onnx", folder)
    ours, theirs = (properties(path / "efficientnet-lite0-int8.onnx")["glimpse.recipe"] for path in (tmp_path, int8))
    assert ours != theirs


def test_derived_pictures_are_the_same_each_time():
    path = common.PICTURES / "coffee.jpg"
    first, again, other = ([image.tobytes() for image in calibration.derived(path, 3, seed)] for seed in (1, 1, 2))
    assert first == again and len(set(first)) == 3 and not set(first) & set(other)


def test_rare_values_are_clipped():
    histogram = quantise.Histogram()
    common_ones, rare = numpy.linspace(-1, 1, 100_000), numpy.array([2.0])
    for visit in (quantise.Histogram.widen, quantise.Histogram.count):
        for values in (common_ones, rare):
            visit(histogram, values)
    assert (histogram.low, histogram.high) == (-1, 2)
    assert histogram.range()[0] == -1 and 1 <= histogram.range()[1] < 2
    histogram.counts[:-1] *= 1000
    assert histogram.range()[0] == -1 and 1 <= histogram.range()[1] < 1.3


def test_large_sums_are_exact_on_every_processor():
    """Sums of 255 and 126 hundredths (`scripts/fixtures/models.py`) are nearly the same where 16 bits saturate."""
    white = numpy.full((1, 3, 4, 4), 255, numpy.float32)
    found = agreement.answers(str(common.ROOT / "tests" / "fixtures" / "models" / "large_sums.onnx"), [white])
    assert found[0, 0] == pytest.approx(1 / (1 + numpy.exp(-1.29)), abs=1e-5)


def test_agreement_counts_equal_first_labels():
    theirs = numpy.array([[0.6, 0.4], [0.3, 0.7]])
    ours = numpy.array([[0.5, 0.5], [0.6, 0.4]])
    found = agreement.Agreement.between(ours, theirs)
    assert (found.same, found.pictures) == (1, 2)
    assert (found.mean, found.worst) == (pytest.approx(0.2), pytest.approx(0.3))
    assert agreement.divergence(theirs, theirs) == 0 < agreement.divergence(ours, theirs)
