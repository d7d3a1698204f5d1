"""tritonclient.http and tritonclient.http.aio: Triton's own client, over REST with binary tensor data."""

import asyncio
import base64

import numpy
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from support import (ADDRESS, BATCH, BROKEN, LABELS, MODEL, OWN_NAME, PICTURE, PICTURES, PIXELS, PROBABILITIES,
                     TENSOR_MODEL, elements, near_probabilities, pixels, same_classes, same_probabilities)
from tritonclient.utils import InferenceServerException


@pytest.fixture(scope="module")
def client():
    with triton.InferenceServerClient(ADDRESS, concurrency=8) as client:
        yield client


def pictures(*files, shape=None):
    tensor = triton.InferInput(PICTURE, shape or [len(files)], "BYTES")
    return [tensor.set_data_from_numpy(elements(files).reshape(shape or [len(files)]))]


def classes(top_k=3, **options):
    return [triton.InferRequestedOutput(PROBABILITIES, class_count=top_k, **options)]


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(TENSOR_MODEL, "1")
    assert not client.is_model_ready("another")


def test_descriptions(client):
    server = client.get_server_metadata()
    assert server["name"] == "glimpse"
    assert {"binary_tensor_data", "classification"} <= set(server["extensions"])

    model = client.get_model_metadata(MODEL)
    assert model["name"] == MODEL
    assert model["inputs"][0]["name"] == PICTURE and model["inputs"][0]["datatype"] == "BYTES"
    assert model["outputs"] == [{"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, LABELS]}]

    config = client.get_model_config(TENSOR_MODEL)
    assert config["input"][0]["format"] == "FORMAT_NCHW"
    assert config["input"][0]["data_type"] == "TYPE_FP32"
    assert config["input"][0]["dims"] == [3, 224, 224]
    assert config["max_batch_size"] > 1

    index = {model["name"]: model["state"] for model in client.get_model_repository_index()}
    assert index[MODEL] == index[TENSOR_MODEL] == "READY"


def test_statistics_count_inferences(client):
    def successes():
        (stats,) = client.get_inference_statistics(MODEL)["model_stats"]
        return stats["inference_stats"]["success"]["count"]

    before = successes()
    client.infer(MODEL, pictures(*BATCH))
    assert successes() > before
    assert {stats["name"] for stats in client.get_inference_statistics()["model_stats"]} >= {MODEL, TENSOR_MODEL}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture(client, name):
    result = client.infer(MODEL, pictures(PICTURES[name]), outputs=classes(5))
    same_classes(result.as_numpy(PROBABILITIES), PICTURES[name], 5)


def test_own_name(client):
    """The model's own name works beside the one of --model-name, and the answer repeats the name that was asked for."""
    result = client.infer(OWN_NAME, pictures(BATCH[0]), outputs=classes())
    same_classes(result.as_numpy(PROBABILITIES), BATCH[0])
    assert result.get_response()["model_name"] == OWN_NAME


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_probabilities(client, binary):
    result = client.infer(
        MODEL, pictures(*BATCH), outputs=[triton.InferRequestedOutput(PROBABILITIES, binary_data=binary)])
    found = result.as_numpy(PROBABILITIES)
    for row, picture in zip(found, BATCH, strict=True):
        same_probabilities(row, picture)


def test_no_output_is_named(client):
    result = client.infer(MODEL, pictures(BATCH[0]))
    assert result.get_output(PROBABILITIES)["parameters"]["binary_data_size"] == 4 * LABELS
    same_probabilities(result.as_numpy(PROBABILITIES)[0], BATCH[0])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_classes_of_a_batch(client, binary):
    result = client.infer(MODEL, pictures(*BATCH), outputs=classes(binary_data=binary))
    found = result.as_numpy(PROBABILITIES)
    assert found.shape == (3, 3)
    assert result.get_output(PROBABILITIES)["datatype"] == "BYTES"
    for row, picture in zip(found, BATCH, strict=True):
        # In JSON, tritonclient leaves the elements as text.
        same_classes([one if isinstance(one, bytes) else one.encode() for one in row], picture)


def test_a_column_of_pictures(client):
    """NVIDIA's image_client sends the shape [N, 1]."""
    result = client.infer(MODEL, pictures(*BATCH, shape=[3, 1]), outputs=classes())
    for row, picture in zip(result.as_numpy(PROBABILITIES), BATCH, strict=True):
        same_classes(row, picture)


def test_base64_in_json(client):
    tensor = triton.InferInput(PICTURE, [1], "BYTES")
    tensor.set_data_from_numpy(elements([base64.b64encode(BATCH[0])]), binary_data=False)
    same_classes(client.infer(MODEL, [tensor], outputs=classes()).as_numpy(PROBABILITIES), BATCH[0])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_pixels(client, binary):
    tensor = triton.InferInput(PIXELS, [1, 3, 224, 224], "FP32").set_data_from_numpy(pixels(), binary_data=binary)
    near_probabilities(client.infer(TENSOR_MODEL, [tensor]).as_numpy(PROBABILITIES))


def test_ids_and_versions(client):
    result = client.infer(MODEL, pictures(BATCH[0]), model_version="1", request_id="a-request").get_response()
    assert result["id"] == "a-request"
    assert result["model_name"] == MODEL
    assert result["model_version"] == "1"


def test_parameters_are_accepted(client):
    result = client.infer(
        MODEL, pictures(BATCH[0]), outputs=classes(), timeout=5_000_000, priority=1, parameters={"mine": "value"})
    same_classes(result.as_numpy(PROBABILITIES), BATCH[0])


@pytest.mark.parametrize("request_coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("response_coding", [None, "gzip", "deflate"])
def test_compression(client, request_coding, response_coding):
    result = client.infer(
        MODEL, pictures(*BATCH), outputs=classes(),
        request_compression_algorithm=request_coding, response_compression_algorithm=response_coding)
    for row, picture in zip(result.as_numpy(PROBABILITIES), BATCH, strict=True):
        same_classes(row, picture)


def test_requests_at_the_same_time(client):
    asked = [client.async_infer(MODEL, pictures(BATCH[n % 3]), outputs=classes()) for n in range(8)]
    for n, request in enumerate(asked):
        same_classes(request.get_result().as_numpy(PROBABILITIES), BATCH[n % 3])


def test_errors(client):
    def fails(status, ask):
        with pytest.raises(InferenceServerException) as caught:
            ask()
        assert caught.value.status() == status, caught.value
        assert caught.value.message() and "Parse error" not in caught.value.message()
        return caught.value.message()

    assert "another" in fails("404", lambda: client.get_model_metadata("another"))
    fails("404", lambda: client.infer("another", pictures(BATCH[0])))
    fails("404", lambda: client.infer(MODEL, pictures(BATCH[0]), model_version="2"))
    # The protocol knows the statuses 400, 404, 500 and 503 only.
    fails("400", lambda: client.infer(MODEL, pictures(BROKEN)))
    wrong = triton.InferInput(PICTURE, [1], "INT64").set_data_from_numpy(numpy.zeros(1, numpy.int64))
    fails("400", lambda: client.infer(MODEL, [wrong]))
    fails("400", lambda: client.infer(MODEL, pictures(BATCH[0]), outputs=[triton.InferRequestedOutput("another")]))
    # The server has no shared memory and no trace settings.
    fails("404", client.get_trace_settings)
    fails("404", client.get_system_shared_memory_status)


def test_asyncio():
    async def ask():
        async with triton_aio.InferenceServerClient(ADDRESS) as client:
            assert await client.is_server_live() and await client.is_model_ready(MODEL)
            assert (await client.get_server_metadata())["name"] == "glimpse"
            assert (await client.get_model_config(MODEL))["name"] == MODEL
            assert await client.get_model_repository_index()
            results = await asyncio.gather(
                *(client.infer(MODEL, pictures(picture), outputs=classes()) for picture in BATCH))
            for result, picture in zip(results, BATCH, strict=True):
                same_classes(result.as_numpy(PROBABILITIES), picture)
            for coding in ("gzip", "deflate"):
                result = await client.infer(
                    MODEL, pictures(*BATCH), outputs=classes(),
                    request_compression_algorithm=coding, response_compression_algorithm=coding)
                same_classes(result.as_numpy(PROBABILITIES)[2], BATCH[2])
            with pytest.raises(InferenceServerException):
                await client.infer(MODEL, pictures(BROKEN))

    asyncio.run(ask())
