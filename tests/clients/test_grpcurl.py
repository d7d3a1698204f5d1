"""grpcurl 1.8.6: finds services by reflection (v1alpha, the only one that it knows) and calls them."""

import base64
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from support import ADDRESS, BATCH, BROKEN, MODEL, PICTURE, PROBABILITIES, same, same_classes, unpack

GRPCURL = Path(sys.executable).parent / "grpcurl"
pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the package has no other executable")


def grpcurl(*words, data=None, succeeds=True):
    """Runs grpcurl and returns what it prints. `data` is the message of the call."""
    options, given = [], None
    if data is not None:
        options, given = ["-d", "@"], json.dumps(data)
    command = [GRPCURL, "-plaintext", "-max-time", "20", *options, ADDRESS, *words]
    done = subprocess.run(command, input=given, text=True, capture_output=True)
    assert (done.returncode == 0) == succeeds, done.stderr
    return done.stdout if succeeds else done.stderr


def call(method, message):
    return json.loads(grpcurl(method, data=message))


def base64_of(picture):
    return base64.b64encode(picture).decode()


def test_list_and_describe():
    services = set(grpcurl("list").split())
    assert {"inference.GRPCInferenceService", "glimpse.v1.Classifier", "grpc.health.v1.Health"} <= services
    assert "inference.GRPCInferenceService.ModelInfer" in grpcurl("list", "inference.GRPCInferenceService")
    assert "rpc Classify " in grpcurl("describe", "glimpse.v1.Classifier")
    assert "raw_input_contents" in grpcurl("describe", "inference.ModelInferRequest")


def test_health():
    for service in ("", "inference.GRPCInferenceService", "glimpse.v1.Classifier"):
        assert call("grpc.health.v1.Health/Check", {"service": service}) == {"status": "SERVING"}
    assert "NotFound" in grpcurl("grpc.health.v1.Health/Check", data={"service": "another"}, succeeds=False)


def test_inference():
    response = call("inference.GRPCInferenceService/ModelInfer", {
        "model_name": MODEL,
        "inputs": [{"name": PICTURE, "datatype": "BYTES", "shape": [1],
                    "contents": {"bytes_contents": [base64_of(BATCH[0])]}}],
        "outputs": [{"name": PROBABILITIES, "parameters": {"classification": {"int64_param": 3}}}],
    })
    same_classes(unpack(base64.b64decode(response["rawOutputContents"][0])), BATCH[0])


def test_own_service():
    response = call("glimpse.v1.Classifier/Classify", {"image": base64_of(BATCH[1]), "top_k": 3})
    same([(one["label"], one["confidence"]) for one in response["predictions"]], BATCH[1])


def test_errors():
    message = grpcurl("glimpse.v1.Classifier/Classify", data={"image": base64_of(BROKEN)}, succeeds=False)
    assert "Code: InvalidArgument" in message
