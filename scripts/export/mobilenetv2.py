"""`keras.applications.MobileNetV2(weights="imagenet")`, through tf2onnx."""

import importlib.metadata
import json
import os
import pathlib
import socket
import urllib.request

from . import activation
from .common import Failure, WeightsUnavailable, labels, step
from .convert import concrete, convert, load_keras
from .describe import Description

NAME = "MobileNetV2"
FILE = "mobilenetv2.onnx"
SIZE = 224

# Copied from keras.applications, because importing Keras takes longer than finding the weights missing.
WEIGHTS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
WEIGHTS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/{WEIGHTS_FILE}"
PROBE_SECONDS = 5
DOWNLOAD_SECONDS = 20


def cache():
    """Keras' cache of weights."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home) / "models"


def find_weights(given):
    """The weight file: `given`, or the one in Keras' cache, downloaded if it is missing."""
    if given:
        return given
    cached = cache() / WEIGHTS_FILE
    if not cached.is_file():
        download(cached)
    return cached


def download(cached):
    unavailable = "The weights of MobileNetV2 are not in Keras' cache and can't be downloaded"
    try:
        request = urllib.request.Request(WEIGHTS_URL, method="HEAD")
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except OSError as error:
        raise WeightsUnavailable(f"{unavailable} ({getattr(error, 'reason', error)}).") from None
    done = step("downloading the weights of MobileNetV2")
    # Keras sets no timeout.
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        load_keras().utils.get_file(WEIGHTS_FILE, WEIGHTS_URL, cache_subdir="models")
    except Exception as error:
        raise WeightsUnavailable(f"{unavailable} ({error}).") from None
    if not cached.is_file():
        raise WeightsUnavailable(f"{unavailable}: the download left no file.")
    done()


def describe(weights, given):
    version = importlib.metadata.version("keras")
    source = weights.name if given else f'keras.applications {version}, weights="imagenet", {weights.name}'
    return Description(NAME, "alpha 1.0, 224 x 224", source, "Apache-2.0", SIZE, SIZE, mean=127.5, std=127.5)


def build(weights):
    """The ONNX model, and a function from pixels [224, 224, 3] to the original's 1000 probabilities."""
    done = step("loading Keras")
    keras = load_keras()
    done()
    check_labels()
    done = step(f"reading {weights.name}")
    try:
        model = keras.applications.MobileNetV2(weights=str(weights))
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise Failure(f"{weights.name} does not hold the weights of MobileNetV2 ({first}).") from None
    done()
    done = step("converting to ONNX")
    converted = convert(concrete(lambda picture: model(picture, training=False), (1, SIZE, SIZE, 3)))
    if any(node.op_type == "Transpose" for node in converted.graph.node):
        raise Failure("The converted model transposes its input: run scripts/setup to install the pinned tf2onnx.")
    done()

    def scaled(pixels):
        return keras.applications.mobilenet_v2.preprocess_input(pixels[None].copy())

    def predict(pixels):
        return model(scaled(pixels), training=False).numpy()[0]

    predict.last = activation.of_keras(model, scaled)
    return converted, predict


def check_labels():
    """Compares the labels with those of `decode_predictions`, if its class index is in the cache."""
    index = cache() / "imagenet_class_index.json"
    if not index.is_file():
        return
    theirs = json.loads(index.read_text(encoding="utf-8"))
    if [theirs[str(number)][1] for number in range(len(theirs))] != labels():
        raise Failure("models/imagenet_labels.txt and Keras' class index differ: restore both.")
