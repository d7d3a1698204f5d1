"""What the tests of all clients share: the server's address, the sample pictures and the answers of its own API.

Every client must give the answer of /api/v1/analyze for the same picture: the same labels in the same order, and
confidences that are equal as 32-bit floating-point numbers.
"""

import functools
import os
from pathlib import Path

import numpy
import requests
from PIL import Image

ADDRESS = os.environ["GLIMPSE_ADDRESS"]
URL = f"http://{ADDRESS}"

# The model that takes pictures, the one that takes their pixels, and their tensors. OWN_NAME works beside --model-name.
OWN_NAME = "MobileNetV2"
MODEL = os.environ.get("GLIMPSE_MODEL_NAME", OWN_NAME)
TENSOR_MODEL = f"{MODEL}-tensor"
PICTURE, PIXELS, PROBABILITIES = "image", "input", "probabilities"
LABELS = 1000

FOLDER = Path(__file__).parent.parent / "pictures"
PICTURES = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in (".jpg", ".png")}
# Three pictures with three different answers.
BATCH = [PICTURES["chelsea.png"], PICTURES["coffee.jpg"], PICTURES["rocket.jpg"]]
BROKEN = b"This is no picture."


@functools.cache
def answer(picture, top_k=3):
    """The (label, confidence) pairs of the server's own API, the most likely first."""
    response = requests.post(f"{URL}/api/v1/analyze", params={"top_k": top_k}, data=picture, timeout=30)
    response.raise_for_status()
    return [(one["label"], numpy.float32(one["confidence"])) for one in response.json()]


def same(found, picture, top_k=3):
    """Checks (label, confidence) pairs that a client received."""
    found = [(label, numpy.float32(confidence)) for label, confidence in found]
    assert found == answer(picture, top_k)


def same_probabilities(found, picture):
    """Checks all probabilities of one picture. They stand in the order of the labels, which the API does not tell."""
    found = numpy.asarray(found)
    assert found.shape == (LABELS,)
    assert found.dtype == numpy.float32
    expected = [confidence for _, confidence in answer(picture, LABELS)]
    assert sorted(found.tolist(), reverse=True) == [float(confidence) for confidence in expected]


def same_classes(found, picture, top_k=3):
    """Checks elements of Triton's classification extension: b"value:index:label"."""
    found = [bytes(element).decode().split(":", 2) for element in numpy.asarray(found).flatten()]
    same([(label, value) for value, _, label in found], picture, top_k)
    indices = [int(index) for _, index, _ in found]
    assert len(set(indices)) == top_k and all(0 <= index < LABELS for index in indices)


def elements(pictures):
    """A tensor of the datatype BYTES, shape [N]."""
    return numpy.array(pictures, dtype=numpy.object_)


def unpack(raw):
    """The elements of a tensor of BYTES in binary form: a length of 32 bits (little-endian) in front of each."""
    found = []
    while raw:
        end = 4 + int.from_bytes(raw[:4], "little")
        found.append(raw[4:end])
        raw = raw[end:]
    return found


def pixels(name="chelsea.png"):
    """The input of the tensor model for one picture: FP32, shape [1, 3, 224, 224], scaled to [-1, 1].

    The server reads a PNG file and resizes it as Pillow does. For JPEG, Pillow's copy of libjpeg-turbo may differ.
    """
    picture = Image.open(FOLDER / name).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    scaled = numpy.asarray(picture, numpy.float32) / numpy.float32(127.5) - numpy.float32(1)
    return numpy.ascontiguousarray(scaled.transpose(2, 0, 1)[numpy.newaxis])


def near_probabilities(found, name="chelsea.png"):
    """Checks the tensor model's probabilities for `pixels(name)`."""
    found = numpy.asarray(found, numpy.float32)
    assert found.shape == (1, LABELS)
    expected = numpy.array([confidence for _, confidence in answer(PICTURES[name], LABELS)])
    assert numpy.abs(numpy.sort(found[0])[::-1] - expected).max() <= 1e-6
