"""open-inference-openapi: the client that the Open Inference Protocol's working group generates, over REST and JSON."""

import asyncio
import base64

import numpy
import pytest
from open_inference.openapi.client import AsyncOpenInferenceClient, OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError, NotFoundError
from open_inference.openapi.types import InferenceRequest, RequestInput, RequestOutput, TensorData
from support import (BATCH, BROKEN, LABELS, MODEL, PICTURE, PIXELS, PROBABILITIES, TENSOR_MODEL, URL,
                     near_probabilities, pixels, same_classes, same_probabilities)

client = OpenInferenceClient(base_url=URL)


def request(*pictures, top_k=None, **options):
    """A request in JSON: each picture as base64 text."""
    data = TensorData.parse_obj([base64.b64encode(picture).decode() for picture in pictures])
    tensor = RequestInput(name=PICTURE, shape=[len(pictures)], datatype="BYTES", data=data)
    if top_k:
        options["outputs"] = [RequestOutput(name=PROBABILITIES, parameters={"classification": top_k})]
    return InferenceRequest(inputs=[tensor], **options)


def values(output):
    """The client nests a tensor's data in objects."""
    return output.dict()["data"]


def test_health_and_descriptions():
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness(MODEL)
    client.check_model_version_readiness(MODEL, "1")
    assert client.read_server_metadata().name == "glimpse"
    model = client.read_model_metadata(MODEL)
    assert (model.name, model.versions) == (MODEL, ["1"])
    assert (model.inputs[0].name, model.inputs[0].datatype) == (PICTURE, "BYTES")
    assert client.read_model_version_metadata(TENSOR_MODEL, "1").inputs[0].shape == [-1, 3, 224, 224]


def test_probabilities():
    response = client.model_infer(MODEL, request=request(*BATCH, id="a-request"))
    assert response.id == "a-request"
    (output,) = response.outputs
    assert (output.name, output.datatype, output.shape) == (PROBABILITIES, "FP32", [3, LABELS])
    found = numpy.array(values(output), numpy.float32).reshape(output.shape)
    for row, picture in zip(found, BATCH, strict=True):
        same_probabilities(row, picture)


def test_classes():
    response = client.model_version_infer(MODEL, "1", request=request(*BATCH, top_k=3))
    (output,) = response.outputs
    assert (output.datatype, output.shape) == ("BYTES", [3, 3])
    found = numpy.array([text.encode() for text in values(output)], numpy.object_).reshape(3, 3)
    for row, picture in zip(found, BATCH, strict=True):
        same_classes(row, picture)


def test_pixels():
    tensor = pixels()
    data = TensorData.parse_obj(tensor.flatten().tolist())
    request = InferenceRequest(inputs=[RequestInput(name=PIXELS, shape=tensor.shape, datatype="FP32", data=data)])
    (output,) = client.model_infer(TENSOR_MODEL, request=request).outputs
    near_probabilities(numpy.array(values(output), numpy.float32).reshape(output.shape))


def test_errors():
    """The client knows the statuses 400, 404, 500 and 503, with a JSON body; 404 only where it asks for readiness."""
    def fails(status, error, ask):
        with pytest.raises(error) as caught:
            ask()
        assert caught.value.status_code == status
        assert caught.value.body["error"]

    fails(404, NotFoundError, lambda: client.check_model_readiness("another"))
    fails(404, ApiError, lambda: client.read_model_metadata("another"))
    fails(404, ApiError, lambda: client.model_version_infer(MODEL, "2", request=request(BATCH[0])))
    fails(400, BadRequestError, lambda: client.model_infer(MODEL, request=request(BROKEN)))


def test_asyncio():
    async def ask():
        client = AsyncOpenInferenceClient(base_url=URL)
        await client.check_server_readiness()
        response = await client.model_infer(MODEL, request=request(BATCH[0], top_k=3))
        same_classes([text.encode() for text in values(response.outputs[0])], BATCH[0])

    asyncio.run(ask())
