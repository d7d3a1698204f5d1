"""kserve: KServe's clients for V1, for V2 over REST and for V2 over gRPC."""

import asyncio
import base64

import grpc
import httpx
import pytest
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from support import (ADDRESS, BATCH, BROKEN, MODEL, PICTURE, PIXELS, PROBABILITIES, TENSOR_MODEL, URL, elements,
                     near_probabilities, pixels, same, same_classes, same_probabilities)


def request(*pictures, binary=True, top_k=None):
    if not binary:
        pictures = [base64.b64encode(picture) for picture in pictures]
    tensor = InferInput(PICTURE, [len(pictures)], "BYTES")
    tensor.set_data_from_numpy(elements(pictures), binary_data=binary)
    outputs = None
    if top_k:
        outputs = [RequestedOutput(PROBABILITIES, {"classification": top_k, "binary_data": binary})]
    return InferRequest(MODEL, [tensor], request_id="a-request", request_outputs=outputs)


def tensor_request(binary=True):
    tensor = InferInput(PIXELS, [1, 3, 224, 224], "FP32")
    tensor.set_data_from_numpy(pixels(), binary_data=binary)
    return InferRequest(TENSOR_MODEL, [tensor])


def rest(ask, protocol="v2"):
    """Runs `ask(client)` with a client of this protocol."""
    async def run():
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            await ask(client)

    asyncio.run(run())


def over_grpc(ask):
    async def run():
        async with InferenceGRPCClient(ADDRESS) as client:
            await ask(client)

    asyncio.run(run())


def test_v2_health():
    async def ask(client):
        assert await client.is_server_live(URL) is True
        assert await client.is_server_ready(URL) is True
        assert await client.is_model_ready(URL, MODEL) is True
        assert await client.is_model_ready(URL, "another") is False

    rest(ask)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_v2(binary):
    async def ask(client):
        response = await client.infer(URL, request(*BATCH, binary=binary), MODEL)
        # Over REST the client drops the model's version and reads elements of BYTES as text.
        assert (response.id, response.model_name) == ("a-request", MODEL)
        for row, picture in zip(response.outputs[0].as_numpy(), BATCH, strict=True):
            same_probabilities(row, picture)
        response = await client.infer(URL, request(*BATCH, binary=binary, top_k=3), MODEL)
        assert response.outputs[0].shape == [3, 3]
        for row, picture in zip(response.outputs[0].as_numpy(), BATCH, strict=True):
            same_classes([text.encode() for text in row], picture)
        response = await client.infer(URL, tensor_request(binary), TENSOR_MODEL)
        near_probabilities(response.outputs[0].as_numpy())

    rest(ask)


def test_v2_errors():
    async def ask(client):
        for model, data, status in (("another", request(BATCH[0]), 404), (MODEL, request(BROKEN), 400)):
            with pytest.raises(httpx.HTTPStatusError) as caught:
                await client.infer(URL, data, model)
            assert caught.value.response.status_code == status
            # The client puts the server's "error" in front.
            assert str(caught.value).startswith(caught.value.response.json()["error"])

    rest(ask)


def test_v1():
    async def ask(client):
        assert await client.is_model_ready(URL, MODEL) is True
        instances = [{"b64": base64.b64encode(picture).decode()} for picture in BATCH]
        response = await client.infer(URL, {"instances": instances}, MODEL)
        for predictions, picture in zip(response["predictions"], BATCH, strict=True):
            same([(one["label"], one["confidence"]) for one in predictions], picture)
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await client.infer(URL, {"instances": instances}, "another")
        assert caught.value.response.status_code == 404
        assert caught.value.response.json()["error"]

    rest(ask, "v1")


def test_grpc():
    async def ask(client):
        assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready(MODEL)
        response = await client.infer(request(*BATCH))
        assert (response.id, response.model_name, response.model_version) == ("a-request", MODEL, "1")
        for row, picture in zip(response.outputs[0].as_numpy(), BATCH, strict=True):
            same_probabilities(row, picture)
        response = await client.infer(request(*BATCH, top_k=3))
        for row, picture in zip(response.outputs[0].as_numpy(), BATCH, strict=True):
            same_classes(row, picture)
        near_probabilities((await client.infer(tensor_request())).outputs[0].as_numpy())

    over_grpc(ask)


def test_grpc_errors():
    async def ask(client):
        with pytest.raises(grpc.RpcError) as caught:
            await client.infer(request(BROKEN))
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as caught:
            await client.is_model_ready("another", timeout=5)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND

    over_grpc(ask)
