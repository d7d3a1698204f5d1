"""requests: the REST forms of TensorFlow Serving, KServe V1 and Vertex AI, as their documentation writes them."""

import base64

import pytest
import requests
from support import BATCH, BROKEN, MODEL, PICTURES, URL, same

PREDICT = f"{URL}/v1/models/{MODEL}:predict"


def b64(picture):
    return {"b64": base64.b64encode(picture).decode()}


def predict(body, url=PREDICT):
    response = requests.post(url, json=body, timeout=30)
    assert response.status_code == 200, response.text
    return response.json()


def same_rows(rows, pictures=BATCH):
    for row, picture in zip(rows, pictures, strict=True):
        same([(one["label"], one["confidence"]) for one in row], picture)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture(name):
    same_rows(predict({"instances": [b64(PICTURES[name])]})["predictions"], [PICTURES[name]])


def test_rows():
    """TensorFlow Serving's row format, with and without the name of the input."""
    same_rows(predict({"instances": [b64(picture) for picture in BATCH]})["predictions"])
    same_rows(predict({"instances": [{"image_bytes": b64(picture)} for picture in BATCH]})["predictions"])
    signature = {"signature_name": "serving_default", "instances": [b64(BATCH[0])]}
    same_rows(predict(signature)["predictions"], BATCH[:1])


def test_columns():
    """TensorFlow Serving answers "inputs" with "outputs"."""
    for inputs in ([b64(picture) for picture in BATCH], {"image_bytes": [b64(picture) for picture in BATCH]}):
        response = predict({"inputs": inputs})
        same_rows(response.get("outputs", response.get("predictions")))


def test_vertex():
    """Vertex AI adds parameters beside the instances."""
    body = {"instances": [b64(picture) for picture in BATCH], "parameters": {"top_k": 3}}
    same_rows(predict(body)["predictions"])


def test_model():
    models = requests.get(f"{URL}/v1/models", timeout=30)
    assert models.status_code == 200 and MODEL in models.json()["models"]
    # KServe reads "name" and "ready", TensorFlow Serving's clients "model_version_status".
    status = requests.get(f"{URL}/v1/models/{MODEL}", timeout=30)
    assert status.status_code == 200
    assert status.json()["name"] == MODEL and status.json()["ready"] is True


def test_errors():
    """Every answer under /v1 is JSON, with the sentence under "error"."""
    def fails(status, response):
        assert response.status_code == status, response.text
        assert response.headers["content-type"].startswith("application/json")
        assert isinstance(response.json()["error"], str)

    def post(body, url=PREDICT):
        return requests.post(url, json=body, timeout=30)

    fails(404, requests.get(f"{URL}/v1/models/another", timeout=30))
    fails(404, post({"instances": [b64(BATCH[0])]}, f"{URL}/v1/models/another:predict"))
    fails(404, requests.get(f"{URL}/v1/another", timeout=30))
    for body in ({}, [], {"instances": {}}, {"instances": []}, {"instances": [{"b64": "?"}]}, {"instances": [1]}):
        fails(400, post(body))
    response = post({"instances": [b64(BATCH[0]), b64(BROKEN)]})
    assert response.status_code in (400, 422) and isinstance(response.json()["error"], str)
