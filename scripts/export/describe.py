"""The description of a model in the `metadata_props` of its ONNX. `models/README.md` lists the keys.

The server reads them in `src/model/description.rs`.
"""

import dataclasses
import json

import numpy
import onnx
from PIL import Image, ImageOps

from .common import Failure, labels

FORMAT = "1"
FLOAT32, INT8 = "float32", "int8"


@dataclasses.dataclass
class Description:
    """A model and the tensor [1, 3, height, width] that it reads: `(pixel - mean) / std`."""

    name: str
    version: str
    source: str
    licence: str
    width: int
    height: int
    mean: float
    std: float

    @classmethod
    def of(cls, fields):
        """The description in a model's properties."""
        fields = {key.removeprefix("glimpse."): value for key, value in fields.items()}
        texts = [fields[key] for key in ("name", "version", "source", "licence")]
        sides = [int(fields[key]) for key in ("input_width", "input_height")]
        return cls(*texts, *sides, *(json.loads(fields[key])[0] for key in ("input_mean", "input_std")))

    def properties(self, weights_sha256, recipe):
        fields = {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "source": self.source,
            "weights_sha256": weights_sha256,
            "licence": self.licence,
            "input_layout": "NCHW",
            "input_width": str(self.width),
            "input_height": str(self.height),
            "input_resize": "bicubic",
            "input_mean": json.dumps([self.mean] * 3),
            "input_std": json.dumps([self.std] * 3),
            "output": "softmax",
            "labels": json.dumps(labels(), ensure_ascii=False),
            "precision": FLOAT32,
            "recipe": recipe,
        }
        return {f"glimpse.{key}": value for key, value in fields.items()}

    def pixels(self, path):
        """The picture decoded by Pillow, upright, at the model's size: [height, width, 3], 0 to 255."""
        return self.resized(upright(path))

    def resized(self, image):
        return numpy.asarray(image.resize((self.width, self.height)), numpy.float32)

    def tensor(self, pixels):
        scaled = (pixels - numpy.float32(self.mean)) / numpy.float32(self.std)
        return numpy.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


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


def top(probabilities, count):
    """The `count` most probable labels, as `decode_predictions` orders them."""
    names = labels()
    order = numpy.argsort(probabilities)[-count:][::-1]
    if not numpy.isfinite(probabilities).all():
        raise Failure("The model answers with values that are no numbers: its weights are damaged.")
    return [{"label": names[index], "confidence": float(probabilities[index])} for index in order]
