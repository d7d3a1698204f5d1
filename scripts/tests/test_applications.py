"""Keras' applications, one of each family, with random weights and small pictures."""

import functools
import unittest.mock

import keras
import numpy
import pytest

import export_model
from export import common, pipeline
from export.applications import FAMILIES, HOST, RANDOM, Application, applications
from export.common import Failure, WeightsUnavailable
from export.describe import Description, properties
from exporter import is_one_sentence, run

# The side is the least that the network can do with, or near it. `scripts/check_applications` has each network at its full size.
SIDES = {"xception": 71, "inception_v3": 75, "inception_resnet_v2": 75}
# Those that do not end in a pooling and one dense layer.
WITHOUT_MAPS = {"convnext", "mobilenet", "mobilenet_v3", "vgg16", "vgg19"}
SMALLEST = {"mobilenet_v3": "MobileNetV3Small", "nasnet": "NASNetMobile"}


def residual(stack):
    return lambda start: stack(stack(start, 32, 2, name="conv2"), 64, 2, name="conv3")


def few_blocks(**options):
    """InceptionResNetV2 with the first of each kind of block, and with the last one, which has no activation."""
    from keras.src.applications import inception_resnet_v2

    whole = inception_resnet_v2.inception_resnet_block

    def block(x, scale, block_type, block_idx, activation="relu"):
        return whole(x, scale, block_type, block_idx, activation) if block_idx == 1 or activation is None else x

    with unittest.mock.patch.object(inception_resnet_v2, "inception_resnet_block", block):
        return inception_resnet_v2.InceptionResNetV2(**options)


def narrow(module):
    """A VGG with 64 units where it has 4096, which are most of its weights."""

    def build(**options):
        whole = module.layers.Dense
        dense = lambda units, **rest: whole(64 if units == 4096 else units, **rest)
        with unittest.mock.patch.object(module.layers, "Dense", dense):
            return getattr(module, module.__name__.split(".")[-1].upper())(**options)

    return build


def shortened():
    """The families' own builders with few blocks, because conversion takes as long as there are layers."""
    from keras.src.applications import convnext, densenet, efficientnet, efficientnet_v2, nasnet, resnet, vgg16, vgg19

    second = efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"]
    return {
        "convnext": functools.partial(convnext.ConvNeXt, [1, 1, 1, 1], [16, 32, 48, 64], default_size=32),
        "densenet": functools.partial(densenet.DenseNet, [1, 1, 1, 1]),
        "efficientnet": functools.partial(efficientnet.EfficientNet, 1.0, 1.0, 32, blocks_args=efficientnet.DEFAULT_BLOCKS_ARGS[:3]),
        "efficientnet_v2": functools.partial(efficientnet_v2.EfficientNetV2, 1.0, 1.0, 32, blocks_args=[second[1], second[4]]),
        "inception_resnet_v2": few_blocks,
        "nasnet": functools.partial(nasnet.NASNet, penultimate_filters=24 * 8, num_blocks=1, stem_block_filters=8, skip_reduction=False),
        "resnet": functools.partial(resnet.ResNet, residual(resnet.stack_residual_blocks_v1), False, True),
        "resnet_v2": functools.partial(resnet.ResNet, residual(resnet.stack_residual_blocks_v2), True, True),
        "vgg16": narrow(vgg16),
        "vgg19": narrow(vgg19),
    }


def test_every_application_of_keras_is_listed():
    theirs = {name for name in dir(keras.applications) if name[0].isupper()}
    assert {name for family in FAMILIES for name in family.models} == theirs
    assert applications().keys() == {name.lower() for name in theirs} == export_model.MODELS.keys() - {"efficientnet-lite0"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.module)
def test_one_of_each_family(tmp_path, capsys, few_pictures, family):
    model = Application(family, SMALLEST.get(family.module, next(iter(family.models))), SIDES.get(family.module, 32))
    if family.module in (builders := shortened()):
        model.function = lambda: builders[family.module]
    output = pipeline.export(model, RANDOM, tmp_path)
    printed = capsys.readouterr().out
    assert "on 3 pictures no probability differs by more than" in printed
    fields = properties(output)
    has_maps = family.module not in WITHOUT_MAPS
    assert ("they differ from the original's by" in printed, "glimpse.activation_rows" in fields) == (has_maps, has_maps)
    assert fields["glimpse.source"].startswith("random weights of ") and fields["glimpse.licence"] == "CC0-1.0"
    description = Description.of(fields)
    assert description.size == model.size and description.layout == "NCHW" and len(description.labels) == 1000
    # Answers that are all alike, or certain, would hide differences.
    answers = pipeline.read_reference(tmp_path)[model.NAME]["pictures"].values()
    assert all(0.002 < answer[0]["confidence"] < 0.9 for answer in answers)
    assert len({answer[0]["label"] for answer in answers}) > 1
    # What the server computes from the description is what preprocess_input does.
    pixels = numpy.random.default_rng(1).integers(0, 256, (*model.size, 3)).astype(numpy.float32)
    theirs = getattr(keras.applications, family.module).preprocess_input(pixels[None].copy())
    assert numpy.abs(description.tensor(pixels).transpose(0, 2, 3, 1) - theirs).max() < 1e-4
    assert fields["glimpse.input_resize"] == "bicubic"


def test_published_weights_that_are_out_of_reach_end_with_3(tmp_path):
    done = run(tmp_path, "--model", "resnet50")
    assert done.returncode == 3 and is_one_sentence(done.stderr), done.stderr
    assert "ResNet50" in done.stderr and not list(tmp_path.glob("*.onnx"))


def test_a_host_without_the_weights_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(WeightsUnavailable, match="ResNet50 are not in Keras' cache"):
        applications()["resnet50"].find_weights(None)
    assert HOST.startswith("https://")


def test_a_file_without_the_weights_is_refused(tmp_path):
    (tmp_path / "other.h5").write_bytes(b"no weights")
    with pytest.raises(Failure, match="other.h5 does not hold the weights of MobileNetV3Small"):
        export_model.run(["--model", "mobilenetv3small", "--weights", str(tmp_path / "other.h5"), "--output-dir", str(tmp_path)])
    with pytest.raises(Failure, match="There is no weight file nowhere.h5"):
        export_model.run(["--model", "mobilenetv3small", "--weights", "nowhere.h5", "--output-dir", str(tmp_path)])


def test_weights_of_a_file_and_a_kernel_that_is_asked_for(tmp_path, few_pictures):
    model = applications()["mobilenetv3small"]
    weights = tmp_path / "made.weights.h5"
    model.function()(weights=None).save_weights(weights)
    command = ["--model", "mobilenetv3small", "--weights", str(weights), "--output-dir", str(tmp_path)]
    output = export_model.run([*command, "--kernel", "nearest", "--resize", "short-side 256, crop 224"])
    fields = properties(output)
    assert (fields["glimpse.source"], fields["glimpse.weights_sha256"]) == (weights.name, common.sha256(weights))
    assert (fields["glimpse.input_resize"], fields["glimpse.input_window"], fields["glimpse.input_shorter_side"]) == ("nearest", "centre-crop", "256")
