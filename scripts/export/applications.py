"""Keras' applications: classifiers of ImageNet with published weights, each behind its own `preprocess_input`."""

import dataclasses
import functools
import hashlib
import importlib.metadata
import socket
import types
import urllib.error
import urllib.request

from . import activation, common
from .common import Failure, WeightsUnavailable, step
from .convert import concrete, convert, load_keras
from .describe import Description
from .mobilenetv2 import DOWNLOAD_SECONDS, PROBE_SECONDS, cache, check_labels
from .scaling import CAFFE, NONE, SCALINGS, TF, TORCH

HOST = "https://storage.googleapis.com/tensorflow/keras-applications/"
# `--weights none`: the weights are random, and the same at each export.
RANDOM, SEED = "none", 1
WEIGHTS = "{}_weights_tf_dim_ordering_tf_kernels.h5"


@dataclasses.dataclass(frozen=True)
class Family:
    """A module of keras.applications: its scaling (`none` where a layer of the model scales), its weight files in Keras' cache
    ({} is a model's own part), the licence of the weights, and the side of each model's input with that part."""

    module: str
    scaling: str
    weights: str
    licence: str
    models: dict


FAMILIES = (
    Family("convnext", NONE, "{}.h5", "MIT", {
        f"ConvNeXt{size}": (224, f"convnext_{size.lower()}") for size in ("Tiny", "Small", "Base", "Large", "XLarge")
    }),
    Family("densenet", TORCH, WEIGHTS, "BSD-3-Clause", {f"DenseNet{depth}": (224, f"densenet{depth}") for depth in (121, 169, 201)}),
    Family("efficientnet", NONE, "efficientnet{}.h5", "Apache-2.0", {
        f"EfficientNetB{number}": (side, f"b{number}") for number, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
    }),
    Family("efficientnet_v2", NONE, "efficientnetv2{}.h5", "Apache-2.0", {
        **{f"EfficientNetV2B{number}": (side, f"-b{number}") for number, side in enumerate((224, 240, 260, 300))},
        "EfficientNetV2S": (384, "-s"), "EfficientNetV2M": (480, "-m"), "EfficientNetV2L": (480, "-l"),
    }),
    Family("inception_resnet_v2", TF, WEIGHTS, "Apache-2.0", {"InceptionResNetV2": (299, "inception_resnet_v2")}),
    Family("inception_v3", TF, WEIGHTS, "Apache-2.0", {"InceptionV3": (299, "inception_v3")}),
    Family("mobilenet", TF, "mobilenet_{}_tf.h5", "Apache-2.0", {"MobileNet": (224, "1_0_224")}),
    # `mobilenetv2.py` exports this one, except with random weights.
    Family("mobilenet_v2", TF, "mobilenet_v2_{}.h5", "Apache-2.0", {"MobileNetV2": (224, "weights_tf_dim_ordering_tf_kernels_1.0_224")}),
    Family("mobilenet_v3", NONE, "weights_mobilenet_v3_{}_224_1.0_float.h5", "Apache-2.0", {
        "MobileNetV3Large": (224, "large"), "MobileNetV3Small": (224, "small"),
    }),
    Family("nasnet", TF, "nasnet_{}.h5", "Apache-2.0", {"NASNetLarge": (331, "large"), "NASNetMobile": (224, "mobile")}),
    Family("resnet", CAFFE, WEIGHTS, "MIT", {f"ResNet{depth}": (224, f"resnet{depth}") for depth in (50, 101, 152)}),
    Family("resnet_v2", TF, WEIGHTS, "BSD-3-Clause", {f"ResNet{depth}V2": (224, f"resnet{depth}v2") for depth in (50, 101, 152)}),
    Family("vgg16", CAFFE, WEIGHTS, "CC-BY-4.0", {"VGG16": (224, "vgg16")}),
    Family("vgg19", CAFFE, WEIGHTS, "CC-BY-4.0", {"VGG19": (224, "vgg19")}),
    Family("xception", TF, WEIGHTS, "MIT", {"Xception": (299, "xception")}),
)  # fmt: skip


class Application:
    """One of the models, with the functions of the module `mobilenetv2`."""

    def __init__(self, family, name, side=None):
        """`side` is for random weights: the published ones have the side of the family's table."""
        self.family, self.NAME, self.FILE = family, name, f"{name.lower()}.onnx"
        published, part = family.models[name]
        self.side = side or published
        self.weights_file = family.weights.format(part)
        self.size = (self.side, self.side)

    def find_weights(self, given):
        """The weight file: `given`, the one in Keras' cache, downloaded if it is missing, or a file-like stand-in for random weights."""
        if given is not None and str(given) == RANDOM:
            return RandomWeights(self.NAME)
        if given:
            return given
        cached = cache() / self.weights_file
        if not cached.is_file():
            self.download(cached)
        return cached

    def download(self, cached):
        unavailable = f"The weights of {self.NAME} are not in Keras' cache and can't be downloaded"
        try:
            urllib.request.urlopen(urllib.request.Request(HOST, method="HEAD"), timeout=PROBE_SECONDS).close()
        except urllib.error.HTTPError:
            pass  # The host answers.
        except OSError as error:
            raise WeightsUnavailable(f"{unavailable} ({getattr(error, 'reason', error)}).") from None
        done = step(f"downloading the weights of {self.NAME}")
        # Keras sets no timeout.
        socket.setdefaulttimeout(DOWNLOAD_SECONDS)
        try:
            self.function()(weights="imagenet")
        except Exception as error:
            raise WeightsUnavailable(f"{unavailable} ({common.first_line(error)}).") from None
        if not cached.is_file():
            raise WeightsUnavailable(f"{unavailable}: the download left no file {cached.name}.")
        done()

    def function(self):
        return getattr(load_keras().applications, self.NAME)

    def describe(self, weights, given):
        version = importlib.metadata.version("keras")
        source = weights.name if given else f'keras.applications {version}, weights="imagenet", {weights.name}'
        scaling = SCALINGS[self.family.scaling]
        return Description(
            self.NAME, f"{self.side} x {self.side}", source, weights.licence if isinstance(weights, RandomWeights) else self.family.licence,
            self.side, self.side, scaling.mean, scaling.std,
            colours=scaling.colours,
        )  # fmt: skip

    def build(self, weights):
        """The ONNX model, and a function from pixels [side, side, 3] in RGB to the original's answers."""
        model = self.load(weights)
        done = step("converting to ONNX")
        converted = convert(concrete(lambda picture: model(picture, training=False), (1, self.side, self.side, 3)))
        done()
        preprocess_input = getattr(load_keras().applications, self.family.module).preprocess_input

        def scaled(pixels):
            return preprocess_input(pixels[None].copy())

        def predict(pixels):
            return model(scaled(pixels), training=False).numpy()[0]

        predict.last = activation.of_keras(model, scaled)
        return converted, predict

    def load(self, weights):
        done = step("loading Keras")
        keras = load_keras()
        done()
        check_labels()
        done = step(f"building {self.NAME}, {weights.name}")
        if isinstance(weights, RandomWeights):
            from .random_weights import randomise

            keras.utils.set_random_seed(SEED)
            model = self.function()(weights=None, input_shape=(self.side, self.side, 3))
            preprocess_input = getattr(keras.applications, self.family.module).preprocess_input
            randomise(model, preprocess_input, self.side)
        else:
            try:
                model = self.function()(weights=str(weights))
            except Exception as error:
                raise Failure(f"{weights.name} does not hold the weights of {self.NAME} ({common.first_line(error)}).") from None
        done()
        return model


class RandomWeights(types.SimpleNamespace):
    """Stands where a weight file's path stands. Its checksum is that of its name, because the seed decides the weights."""

    licence = "CC0-1.0"

    def __init__(self, model):
        super().__init__(name=f"random weights of {model}, seed {SEED}, keras {importlib.metadata.version('keras')}")

    def sha256(self):
        return hashlib.sha256(self.name.encode()).hexdigest()


@functools.cache
def applications():
    """Every application by the name of its function in lower case."""
    return {name.lower(): Application(family, name) for family in FAMILIES for name in family.models}
