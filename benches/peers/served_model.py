"""The model file that glimpse serves, in Python: what the servers on ONNX Runtime have in common.

It is tuned for one process a core: one compute thread, a session that does not spin, orjson, pybase64's fast path, and no
copy of a picture that is RGB already. Pictures are decoded whole, as such servers do. With JPEG_DECODE=reduced in the
environment, JPEG files are decoded reduced by glimpse's own rule (`src/image/decode/jpeg.rs`).
"""

import io
import json
import os

import numpy
import onnxruntime
import orjson
import pybase64
from PIL import Image

ANSWERS = 3
REDUCTIONS = 8, 4, 2
PIXELS_KEPT = 6
# What a body that is no picture raises.
BAD = KeyError, TypeError, ValueError, OSError
REFUSAL = {"message": "The data is not an image"}


def load():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(os.environ["MODEL_PATH"], options, providers=["CPUExecutionProvider"])


class Model:
    """The session and the description in the model file (`models/README.md`)."""

    def __init__(self):
        self.session = load()
        self.input = self.session.get_inputs()[0].name
        said = self.session.get_modelmeta().custom_metadata_map
        self.size = int(said["glimpse.input_width"]), int(said["glimpse.input_height"])
        self.labels = json.loads(said["glimpse.labels"])
        mean, deviation = (numpy.array(json.loads(said[f"glimpse.input_{key}"]), numpy.float32) for key in ("mean", "std"))
        self.factor, self.offset = 1 / deviation, -mean / deviation
        self.tensor = numpy.empty((1, 3, *self.size[::-1]), numpy.float32)
        self.is_reduced = os.environ.get("JPEG_DECODE") == "reduced"
        self.analyze(Image.new("RGB", self.size))

    def answer(self, body):
        """The labels for a request's body: a picture's file, or JSON with its base64. Raises one of `BAD`."""
        is_json = body.startswith(b"{")
        file = pybase64.b64decode(orjson.loads(body)["base64Image"], validate=True) if is_json else body
        with Image.open(io.BytesIO(file)) as image:
            if self.is_reduced:
                reduce(image, self.size)
            return self.analyze(image)

    def analyze(self, image):
        # Pillow's convert copies a picture that has the mode already.
        colours = image if image.mode == "RGB" else image.convert("RGB")
        pixels = numpy.asarray(colours.resize(self.size))
        # A channels-last view of the channels-first tensor, which every request overwrites.
        scaled = self.tensor[0].transpose(1, 2, 0)
        numpy.multiply(pixels, self.factor, out=scaled)
        scaled += self.offset
        probabilities = self.session.run(None, {self.input: self.tensor})[0][0]
        best = numpy.argpartition(probabilities, -ANSWERS)[-ANSWERS:]
        best = best[numpy.argsort(probabilities[best])[::-1]]
        return [{"label": self.labels[index], "confidence": float(probabilities[index])} for index in best]


def reduce(image, size):
    """Has libjpeg-turbo decode fewer pixels of a JPEG file. Pictures of other formats stay as they are."""
    width, height = image.size
    for reduction in REDUCTIONS:
        if min(width, height) // reduction >= max(size) * PIXELS_KEPT:
            image.draft("RGB", (width // reduction, height // reduction))
            return
