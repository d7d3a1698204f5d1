"""A server that requires an API key: each client sends it in its own way, as a bearer token in "authorization".

Health and descriptions need no key, so that probes and clients that read a model's description first go on working.
"""

import os

import grpc
import pytest
import requests
import tritonclient.grpc
import tritonclient.http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from support import BATCH, MODEL, PICTURE, PROBABILITIES, elements, same, same_classes
from tritonclient.utils import InferenceServerException

KEYED = os.environ["GLIMPSE_KEYED_ADDRESS"]
KEY = "a-key"


@pytest.mark.parametrize("triton, status", [
    (tritonclient.http, "401"),
    (tritonclient.grpc, "StatusCode.UNAUTHENTICATED"),
], ids=["http", "grpc"])
def test_tritonclient(triton, status):
    tensor = triton.InferInput(PICTURE, [1], "BYTES")
    tensor.set_data_from_numpy(elements(BATCH[:1]))
    outputs = [triton.InferRequestedOutput(PROBABILITIES, class_count=3)]
    with triton.InferenceServerClient(KEYED) as client:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
        assert client.get_model_metadata(MODEL) and client.get_model_config(MODEL)
        for headers in (None, {"authorization": "Bearer another"}):
            with pytest.raises(InferenceServerException) as caught:
                client.infer(MODEL, [tensor], outputs=outputs, headers=headers)
            assert caught.value.status() == status and caught.value.message()
        result = client.infer(MODEL, [tensor], outputs=outputs, headers={"authorization": f"Bearer {KEY}"})
        same_classes(result.as_numpy(PROBABILITIES), BATCH[0])


def test_grpc_health():
    with grpc.insecure_channel(KEYED) as channel:
        response = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_huggingface_hub():
    found = InferenceClient(model=f"http://{KEYED}", api_key=KEY, timeout=30).image_classification(BATCH[0])
    same([(one.label, one.score) for one in found], BATCH[0], 5)
    with pytest.raises(HfHubHTTPError) as caught:
        InferenceClient(model=f"http://{KEYED}", api_key="another", timeout=30).image_classification(BATCH[0])
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize("path", [f"/v1/models/{MODEL}:predict", "/invocations", "/", f"/models/{MODEL}"])
def test_other_doors_are_closed(path):
    response = requests.post(f"http://{KEYED}{path}", data=BATCH[0], timeout=30)
    assert response.status_code == 401
    assert response.json()


@pytest.mark.parametrize("path", ["/ping", "/health", f"/v1/models/{MODEL}"])
def test_health_is_open(path):
    assert requests.get(f"http://{KEYED}{path}", timeout=30).status_code == 200
