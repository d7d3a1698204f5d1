"""A well-tuned Python server: FastAPI on ONNX Runtime, with the model file that glimpse serves.

It is tuned for two processes on two cores: one compute thread in each, sessions that do not spin, uvloop and httptools,
orjson and pybase64. The work runs on the event loop's thread, because a second thread in a process with one core would
only compete for the interpreter lock.
"""

import io
import json
import os

import numpy
import onnxruntime
import orjson
import pybase64
from fastapi import FastAPI, Request, Response
from PIL import Image

ANSWERS = 3


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
        self.analyze(Image.new("RGB", self.size))

    def analyze(self, image):
        pixels = numpy.asarray(image.convert("RGB").resize(self.size))
        # A channels-last view of the channels-first tensor, which every request overwrites.
        scaled = self.tensor[0].transpose(1, 2, 0)
        numpy.multiply(pixels, self.factor, out=scaled)
        scaled += self.offset
        probabilities = self.session.run(None, {self.input: self.tensor})[0][0]
        best = numpy.argpartition(probabilities, -ANSWERS)[-ANSWERS:]
        best = best[numpy.argsort(probabilities[best])[::-1]]
        return [{"label": self.labels[index], "confidence": float(probabilities[index])} for index in best]


app = FastAPI()
model = Model()


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/api/v1/analyze")
async def analyze(request: Request):
    body = await request.body()
    try:
        picture = pybase64.b64decode(orjson.loads(body)["base64Image"])
        answer, status = model.analyze(Image.open(io.BytesIO(picture))), 200
    except (KeyError, TypeError, ValueError, OSError):
        answer, status = {"message": "The data is not an image"}, 422
    return Response(orjson.dumps(answer), status, media_type="application/json")
