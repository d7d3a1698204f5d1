"""requests: what SageMaker asks of a container: a ping within two seconds, and invocations with the caller's body."""

import base64

import pytest
import requests
from support import BATCH, BROKEN, PICTURES, URL, same

TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def invoke(body, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{URL}/invocations", data=body, headers=headers, timeout=30)


def same_answer(response, picture):
    """The answer is a list of labels with a confidence or a score each."""
    assert response.status_code == 200, response.text
    found = [(one["label"], one.get("confidence", one.get("score"))) for one in response.json()]
    same(found, picture, len(found))
    assert len(found) >= 3


def test_ping():
    assert requests.get(f"{URL}/ping", timeout=2).status_code == 200


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name):
    """SageMaker passes the caller's Content-Type and Accept on, and adds headers of its own."""
    response = invoke(PICTURES[name], Content_Type=TYPES[name[-4:]], Accept="application/json",
                      X_Amzn_SageMaker_Custom_Attributes="trace=1")
    same_answer(response, PICTURES[name])


def test_other_types():
    """application/x-image is the type of SageMaker's own image algorithms."""
    same_answer(invoke(BATCH[0], Content_Type="application/x-image"), BATCH[0])
    same_answer(invoke(BATCH[0], Content_Type="application/octet-stream"), BATCH[0])
    same_answer(invoke(BATCH[0]), BATCH[0])


def test_json():
    """The body of the server's own API works here as well."""
    text = base64.b64encode(BATCH[0]).decode()
    same_answer(requests.post(f"{URL}/invocations", json={"base64Image": text}, timeout=30), BATCH[0])


def test_errors():
    response = invoke(BROKEN, Content_Type="image/jpeg")
    assert 400 <= response.status_code < 500
    assert response.json()
