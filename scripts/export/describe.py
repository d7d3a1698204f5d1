"""The description of a model in the `metadata_props` of its ONNX. `models/README.md` lists the keys.

The server reads them in `src/model/description.rs`.
"""

import dataclasses
import json

import numpy
import onnx
from PIL import Image, ImageOps

from . import common, preprocess
from .common import Failure

FORMAT = "1"
FLOAT32, INT8 = "float32", "int8"
NCHW, NHWC = "NCHW", "NHWC"
SOFTMAX, SIGMOID = "softmax", "sigmoid"


@dataclasses.dataclass
class Description:
    """A model, and the tensor that it reads: `(pixel - mean) / std`, [1, channels, height, width] or [1, height, width, channels].

    `mean` and `std` are one number for all channels, or a list with one for each. `labels` are ImageNet's if there are none. `maps`
    are the rows and columns of its class activation maps, if it has them.
    """

    name: str
    version: str
    source: str
    licence: str
    width: int
    height: int
    mean: float | list
    std: float | list
    layout: str = NCHW
    kernel: str = "bicubic"
    window: str = preprocess.STRETCH
    shorter_side: int | None = None
    colours: str = preprocess.RGB
    output: str = SOFTMAX
    threshold: float | None = None
    labels: list | None = None
    maps: tuple | None = None

    def __post_init__(self):
        channels = preprocess.CHANNELS[self.colours]
        self.mean, self.std = ([it] * channels if isinstance(it, (int, float)) else list(it) for it in (self.mean, self.std))
        self.labels = common.labels() if self.labels is None else self.labels

    @classmethod
    def of(cls, fields):
        """The description in a model's properties."""
        fields = {key.removeprefix("glimpse."): value for key, value in fields.items()}
        texts = [fields[key] for key in ("name", "version", "source", "licence")]
        sides = [int(fields[key]) for key in ("input_width", "input_height")]
        scaling = [json.loads(fields[key]) for key in ("input_mean", "input_std")]
        return cls(
            *texts,
            *sides,
            *scaling,
            fields["input_layout"],
            fields["input_resize"],
            fields.get("input_window", preprocess.STRETCH),
            int(fields["input_shorter_side"]) if "input_shorter_side" in fields else None,
            fields.get("input_colours", preprocess.RGB),
            fields["output"],
            float(fields["output_threshold"]) if "output_threshold" in fields else None,
            json.loads(fields["labels"]),
            tuple(int(fields[key]) for key in ("activation_rows", "activation_columns")) if "activation_rows" in fields else None,
        )

    def properties(self, weights_sha256, recipe):
        fields = {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "source": self.source,
            "weights_sha256": weights_sha256,
            "licence": self.licence,
            "input_layout": self.layout,
            "input_width": str(self.width),
            "input_height": str(self.height),
            "input_resize": self.kernel,
            "input_mean": json.dumps(self.mean),
            "input_std": json.dumps(self.std),
            "output": self.output,
            "labels": json.dumps(self.labels, ensure_ascii=False),
            "precision": FLOAT32,
            "recipe": recipe,
        }
        # A key with its default is left out.
        if self.window != preprocess.STRETCH:
            fields["input_window"] = self.window
        if self.shorter_side is not None:
            fields["input_shorter_side"] = str(self.shorter_side)
        if self.colours != preprocess.RGB:
            fields["input_colours"] = self.colours
        if self.threshold is not None:
            fields["output_threshold"] = json.dumps(self.threshold)
        if self.maps is not None:
            fields["activation_rows"], fields["activation_columns"] = map(str, self.maps)
        return {f"glimpse.{key}": value for key, value in fields.items()}

    @property
    def size(self):
        return self.width, self.height

    def pixels(self, path):
        """The picture decoded by Pillow, upright, at the model's size: [height, width, channels], 0 to 255, never in the order BGR."""
        return self.resized(upright(path))

    def resized(self, image):
        return preprocess.pixels(image, self.colours, self.size, self.kernel, self.window, self.shorter_side)

    def tensor(self, pixels):
        ordered = pixels[:, :, ::-1] if self.colours == preprocess.BGR else pixels
        scaled = (ordered - numpy.float32(self.mean)) / numpy.float32(self.std)
        return numpy.ascontiguousarray((scaled.transpose(2, 0, 1) if self.layout == NCHW else scaled)[None])

    def top(self, probabilities, count):
        return top(probabilities, count, self.labels)


def upright(path):
    """The picture decoded by Pillow, upright, in RGB."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def write_properties(proto, fields):
    """Replaces the properties of a model."""
    del proto.metadata_props[:]
    for key, value in fields.items():
        proto.metadata_props.add(key=key, value=value)


def properties(path):
    """The properties of the model at `path`, empty if it can't be read."""
    try:
        model = onnx.load(path)
    except Exception:  # An unreadable file is exported again, whatever the reason.
        return {}
    return {entry.key: entry.value for entry in model.metadata_props}


def top(probabilities, count, names=None):
    """The `count` most probable labels, as `decode_predictions` orders them. `names` are ImageNet's labels if there are none."""
    names = common.labels() if names is None else names
    order = numpy.argsort(probabilities)[-count:][::-1]
    if not numpy.isfinite(probabilities).all():
        raise Failure("The model answers with values that are no numbers: its weights are damaged.")
    return [{"label": names[index], "confidence": float(probabilities[index])} for index in order]
