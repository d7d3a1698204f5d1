"""grpcio: glimpse's own gRPC service, health and reflection, with stubs built from the server's reflection alone."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from support import ADDRESS, BATCH, BROKEN, LABELS, OWN_NAME, PICTURES, answer, same

SERVICE = "glimpse.v1.Classifier"


@pytest.fixture(scope="module")
def channel():
    with grpc.insecure_channel(ADDRESS) as channel:
        yield channel


@pytest.fixture(scope="module")
def service(channel):
    return DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(SERVICE)


@pytest.fixture(scope="module")
def call(channel, service):
    """call(method, message, ...): a call of the service. The message is a dictionary, or several for a stream."""
    def call(method, message=None, **options):
        described = service.methods_by_name[method]
        streaming = described.client_streaming, described.server_streaming
        kinds = ["stream" if streams else "unary" for streams in streaming]
        request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
        stub = getattr(channel, "_".join(kinds))(
            f"/{SERVICE}/{method}",
            request_serializer=request.SerializeToString, response_deserializer=response.FromString)
        message = request(**(message or {})) if kinds[0] == "unary" else (request(**one) for one in message)
        return stub(message, timeout=30, **options)

    return call


def pairs(response):
    return [(one.label, one.confidence) for one in response.predictions]


def fails(code, ask):
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    assert caught.value.code() == code, caught.value


def test_reflection(channel, service):
    assert {"Classify", "ClassifyBatch", "ClassifyStream", "GetModel"} <= set(service.methods_by_name)
    assert [field.number for field in service.methods_by_name["Classify"].input_type.fields] == [1, 2, 3, 4]
    names = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {SERVICE, "inference.GRPCInferenceService", "grpc.health.v1.Health"} <= names


def test_reflection_v1(channel):
    """The messages of v1 are those of v1alpha under another name."""
    ask = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    (response,) = ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=30)
    assert SERVICE in {one.name for one in response.list_services_response.service}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture(call, name):
    same(pairs(call("Classify", {"image": PICTURES[name], "top_k": 5})), PICTURES[name], 5)


def test_maps(call):
    (prediction,) = call("Classify", {"image": next(iter(PICTURES.values())), "top_k": 1, "explain": True}).predictions
    found = prediction.activation
    assert (found.rows, found.columns, len(found.values), max(found.values)) == (7, 7, 49, 1)
    assert (found.window.left, found.window.width) == (0, 1)


def test_options(call):
    same(pairs(call("Classify", {"image": BATCH[0]})), BATCH[0], 3)
    everything = call("Classify", {"image": BATCH[0], "top_k": LABELS})
    same(pairs(everything), BATCH[0], LABELS)
    assert sorted(one.index for one in everything.predictions) == list(range(LABELS))
    likely = [pair for pair in answer(BATCH[0], LABELS) if pair[1] >= 0.1]
    assert pairs(call("Classify", {"image": BATCH[0], "top_k": 5, "min_confidence": 0.1})) == likely


def test_batch(call):
    """Each picture has a result of its own."""
    results = call("ClassifyBatch", {"images": [*BATCH, BROKEN], "top_k": 3}).results
    assert len(results) == 4
    for result, picture in zip(results[:3], BATCH, strict=True):
        same(pairs(result.response), picture)
    assert results[3].failure.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert results[3].failure.message and results[3].failure.reason


def test_stream(call):
    pictures = [*BATCH, BROKEN, BATCH[0]]
    results = list(call("ClassifyStream", [{"image": picture, "top_k": 3} for picture in pictures]))
    assert len(results) == len(pictures)
    for result, picture in zip(results, pictures, strict=True):
        if picture is BROKEN:
            assert result.failure.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        else:
            same(pairs(result.response), picture)


def test_model(call):
    model = call("GetModel")
    assert (model.name, model.labels) == (OWN_NAME, LABELS)
    assert (model.width, model.height) == (224, 224)
    assert "image/jpeg" in model.formats


def test_compression(call):
    same(pairs(call("Classify", {"image": BATCH[0], "top_k": 3}, compression=grpc.Compression.Gzip)), BATCH[0])


def test_errors(call):
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("Classify", {"image": BROKEN}))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("Classify"))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("Classify", {"image": BATCH[0], "top_k": LABELS + 1}))


def test_unknown_method(channel):
    for path in (f"/{SERVICE}/Another", "/another.Service/Classify"):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: channel.unary_unary(path)(b"", timeout=30))


def test_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", SERVICE, "inference.GRPCInferenceService"):
        response = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
        assert response.status == health_pb2.HealthCheckResponse.SERVING
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
    fails(grpc.StatusCode.NOT_FOUND, lambda: health.Check(health_pb2.HealthCheckRequest(service="another"), timeout=30))
