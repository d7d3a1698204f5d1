"""tritonclient.grpc and tritonclient.grpc.aio: Triton's own client, over gRPC, with its streams."""

import asyncio
import queue

import grpc
import numpy
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from support import (ADDRESS, BATCH, BROKEN, LABELS, MODEL, OWN_NAME, PICTURE, PICTURES, PIXELS, PROBABILITIES,
                     TENSOR_MODEL, elements, near_probabilities, pixels, same_classes, same_probabilities)
from tritonclient.utils import InferenceServerException

SERVICE = "inference.GRPCInferenceService"


@pytest.fixture(scope="module")
def client():
    with triton.InferenceServerClient(ADDRESS) as client:
        yield client


def pictures(*files, shape=None):
    tensor = triton.InferInput(PICTURE, shape or [len(files)], "BYTES")
    return [tensor.set_data_from_numpy(elements(files).reshape(shape or [len(files)]))]


def classes(top_k=3):
    return [triton.InferRequestedOutput(PROBABILITIES, class_count=top_k)]


def fails(status, ask):
    with pytest.raises(InferenceServerException) as caught:
        ask()
    assert caught.value.status() == f"StatusCode.{status}", caught.value
    assert caught.value.message()


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(TENSOR_MODEL, "1")


def test_descriptions(client):
    server = client.get_server_metadata()
    assert server.name == "glimpse"
    assert "classification" in server.extensions

    model = client.get_model_metadata(MODEL)
    assert (model.name, list(model.versions)) == (MODEL, ["1"])
    assert (model.inputs[0].name, model.inputs[0].datatype) == (PICTURE, "BYTES")
    assert (model.outputs[0].name, model.outputs[0].datatype) == (PROBABILITIES, "FP32")
    assert list(model.outputs[0].shape) == [-1, LABELS]

    config = client.get_model_config(TENSOR_MODEL).config
    assert config.name == TENSOR_MODEL and config.max_batch_size > 1
    assert config.input[0].data_type == triton.model_config_pb2.TYPE_FP32
    assert config.input[0].format == triton.model_config_pb2.ModelInput.FORMAT_NCHW
    assert list(config.input[0].dims) == [3, 224, 224]
    assert client.get_model_config(MODEL).config.input[0].data_type == triton.model_config_pb2.TYPE_STRING
    assert client.get_model_config(MODEL, as_json=True)["config"]["output"][0]["dims"] == [str(LABELS)]

    index = {model.name: model.state for model in client.get_model_repository_index().models}
    assert index[MODEL] == index[TENSOR_MODEL] == "READY"


def test_messages_are_tritons():
    """The messages that the server describes have the client's fields, numbers and types.

    The server may leave fields and methods out. "properties" is the Open Inference Protocol's own.
    """
    with grpc.insecure_channel(ADDRESS) as channel:
        ours = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(SERVICE).file
        tritons = triton.service_pb2.DESCRIPTOR.pool

        def compare(message):
            theirs = tritons.FindMessageTypeByName(message.full_name)
            for field in message.fields:
                if field.full_name == "inference.ModelMetadataResponse.properties":
                    continue
                other = theirs.fields_by_name[field.name]
                assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)
                if field.enum_type:
                    known = other.enum_type.values_by_name
                    assert all(known[value.name].number == value.number for value in field.enum_type.values)
            for nested in message.nested_types:
                if nested.name != "PropertiesEntry":
                    compare(nested)

        for message in ours.message_types_by_name.values():
            compare(message)
        for method in ours.services_by_name[SERVICE.rpartition(".")[2]].methods:
            other = tritons.FindServiceByName(SERVICE).methods_by_name[method.name]
            for one, two in ((method.input_type, other.input_type), (method.output_type, other.output_type)):
                assert one.full_name == two.full_name
            assert method.client_streaming == other.client_streaming
            assert method.server_streaming == other.server_streaming


def test_statistics_count_inferences(client):
    def successes():
        (stats,) = client.get_inference_statistics(MODEL).model_stats
        return stats.inference_stats.success.count

    before = successes()
    client.infer(MODEL, pictures(*BATCH))
    assert successes() > before
    assert {stats.name for stats in client.get_inference_statistics().model_stats} >= {MODEL, TENSOR_MODEL}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture(client, name):
    result = client.infer(MODEL, pictures(PICTURES[name]), outputs=classes(5))
    same_classes(result.as_numpy(PROBABILITIES), PICTURES[name], 5)


def test_own_name(client):
    """The model's own name works beside the one of --model-name, and the answer repeats the name that was asked for."""
    result = client.infer(OWN_NAME, pictures(BATCH[0]), outputs=classes())
    same_classes(result.as_numpy(PROBABILITIES), BATCH[0])
    assert result.get_response().model_name == OWN_NAME


def test_probabilities(client):
    found = client.infer(MODEL, pictures(*BATCH)).as_numpy(PROBABILITIES)
    for row, picture in zip(found, BATCH, strict=True):
        same_probabilities(row, picture)


@pytest.mark.parametrize("shape", [[3], [3, 1]], ids=["list", "column"])
def test_classes_of_a_batch(client, shape):
    found = client.infer(MODEL, pictures(*BATCH, shape=shape), outputs=classes()).as_numpy(PROBABILITIES)
    assert found.shape == (3, 3)
    for row, picture in zip(found, BATCH, strict=True):
        same_classes(row, picture)


def test_pixels(client):
    tensor = triton.InferInput(PIXELS, [1, 3, 224, 224], "FP32").set_data_from_numpy(pixels())
    near_probabilities(client.infer(TENSOR_MODEL, [tensor]).as_numpy(PROBABILITIES))


def test_ids_and_versions(client):
    result = client.infer(MODEL, pictures(BATCH[0]), model_version="1", request_id="a-request").get_response()
    assert (result.id, result.model_name, result.model_version) == ("a-request", MODEL, "1")


def test_parameters_are_accepted(client):
    result = client.infer(
        MODEL, pictures(BATCH[0]), outputs=classes(), timeout=5_000_000, priority=1, parameters={"mine": "value"})
    same_classes(result.as_numpy(PROBABILITIES), BATCH[0])


def test_compression(client):
    result = client.infer(MODEL, pictures(BATCH[0]), outputs=classes(), compression_algorithm="gzip")
    same_classes(result.as_numpy(PROBABILITIES), BATCH[0])
    # gRPC lets a server refuse a coding; the answer names those that it knows.
    fails("UNIMPLEMENTED", lambda: client.infer(MODEL, pictures(BATCH[0]), compression_algorithm="deflate"))


def test_requests_at_the_same_time(client):
    answers = queue.Queue()
    for n in range(8):
        client.async_infer(
            MODEL, pictures(BATCH[n % 3]), callback=lambda result, error: answers.put((result, error)),
            outputs=classes(), request_id=str(n))
    for _ in range(8):
        result, error = answers.get(timeout=30)
        assert error is None
        same_classes(result.as_numpy(PROBABILITIES), BATCH[int(result.get_response().id) % 3])


def test_stream():
    answers = queue.Queue()
    with triton.InferenceServerClient(ADDRESS) as client:
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for n in range(6):
            client.async_stream_infer(MODEL, pictures(BATCH[n % 3]), outputs=classes(), request_id=str(n))
        # An error belongs to its request: the stream goes on.
        client.async_stream_infer(MODEL, pictures(BROKEN), request_id="broken")
        client.async_stream_infer(MODEL, pictures(BATCH[0]), outputs=classes(), request_id="9")
        received = [answers.get(timeout=30) for _ in range(8)]
        client.stop_stream()
    errors = [error for _, error in received if error]
    assert len(errors) == 1 and errors[0].message()
    results = [result for result, error in received if not error]
    assert sorted(result.get_response().id for result in results) == ["0", "1", "2", "3", "4", "5", "9"]
    for result in results:
        same_classes(result.as_numpy(PROBABILITIES), BATCH[int(result.get_response().id) % 3])


def test_deadline(client):
    fails("DEADLINE_EXCEEDED", lambda: client.infer(MODEL, pictures(*BATCH), client_timeout=0.001))


def test_large_message(client):
    """Beyond the 4 MiB that gRPC servers accept by default."""
    tensor = triton.InferInput(PIXELS, [12, 3, 224, 224], "FP32")
    tensor.set_data_from_numpy(pixels().repeat(12, axis=0))
    found = client.infer(TENSOR_MODEL, [tensor]).as_numpy(PROBABILITIES)
    assert found.shape == (12, LABELS)
    near_probabilities(found[11:])


def test_too_large(client):
    """Beyond MAX_BODY_BYTES (20 MiB) in bytes, and beyond MAX_BATCH (32) in pictures."""
    tensor = triton.InferInput(PIXELS, [36, 3, 224, 224], "FP32")
    tensor.set_data_from_numpy(pixels().repeat(36, axis=0))
    fails("RESOURCE_EXHAUSTED", lambda: client.infer(TENSOR_MODEL, [tensor]))
    fails("INVALID_ARGUMENT", lambda: client.infer(MODEL, pictures(*BATCH * 11)))
    assert client.is_server_live()


def test_errors(client):
    fails("NOT_FOUND", lambda: client.get_model_metadata("another"))
    fails("NOT_FOUND", lambda: client.infer("another", pictures(BATCH[0])))
    fails("NOT_FOUND", lambda: client.infer(MODEL, pictures(BATCH[0]), model_version="2"))
    fails("INVALID_ARGUMENT", lambda: client.infer(MODEL, pictures(BROKEN)))
    wrong = triton.InferInput(PICTURE, [1], "INT64").set_data_from_numpy(numpy.zeros(1, numpy.int64))
    fails("INVALID_ARGUMENT", lambda: client.infer(MODEL, [wrong]))
    other = [triton.InferRequestedOutput("another")]
    fails("INVALID_ARGUMENT", lambda: client.infer(MODEL, pictures(BATCH[0]), outputs=other))
    # The server has no shared memory and no trace settings.
    fails("UNIMPLEMENTED", client.get_trace_settings)
    fails("UNIMPLEMENTED", client.get_system_shared_memory_status)


def test_asyncio():
    async def requests():
        for n, picture in enumerate(BATCH):
            yield {"model_name": MODEL, "inputs": pictures(picture), "outputs": classes(), "request_id": str(n)}

    async def ask():
        async with triton_aio.InferenceServerClient(ADDRESS) as client:
            assert await client.is_server_live() and await client.is_model_ready(MODEL)
            assert (await client.get_server_metadata()).name == "glimpse"
            assert (await client.get_model_config(MODEL)).config.name == MODEL
            assert (await client.get_model_repository_index()).models
            results = await asyncio.gather(
                *(client.infer(MODEL, pictures(picture), outputs=classes()) for picture in BATCH))
            for result, picture in zip(results, BATCH, strict=True):
                same_classes(result.as_numpy(PROBABILITIES), picture)
            streamed = 0
            async for result, error in client.stream_infer(requests()):
                assert error is None
                same_classes(result.as_numpy(PROBABILITIES), BATCH[int(result.get_response().id)])
                streamed += 1
            assert streamed == len(BATCH)
            with pytest.raises(InferenceServerException):
                await client.infer(MODEL, pictures(BROKEN))

    asyncio.run(ask())
