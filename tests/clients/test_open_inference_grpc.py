"""open-inference-grpc: the gRPC stubs that the Open Inference Protocol's working group generates."""

import grpc
import numpy
import pytest
from open_inference.grpc import protocol
from open_inference.grpc.service import GRPCInferenceServiceStub
from support import (ADDRESS, BATCH, BROKEN, LABELS, MODEL, PICTURE, PIXELS, PROBABILITIES, TENSOR_MODEL,
                     near_probabilities, pixels, same_classes, same_probabilities, unpack)

Input = protocol.ModelInferRequest.InferInputTensor
Output = protocol.ModelInferRequest.InferRequestedOutputTensor


@pytest.fixture(scope="module")
def stub():
    with grpc.insecure_channel(ADDRESS) as channel:
        yield GRPCInferenceServiceStub(channel)


def request(*pictures, top_k=None):
    """A request whose pictures are elements of a field. tritonclient sends them as raw bytes instead."""
    contents = protocol.InferTensorContents(bytes_contents=pictures)
    tensor = Input(name=PICTURE, datatype="BYTES", shape=[len(pictures)], contents=contents)
    asked = protocol.ModelInferRequest(model_name=MODEL, id="a-request", inputs=[tensor])
    if top_k:
        parameters = {"classification": protocol.InferParameter(int64_param=top_k)}
        asked.outputs.append(Output(name=PROBABILITIES, parameters=parameters))
    return asked


def floats(response):
    (output,), (raw,) = response.outputs, response.raw_output_contents
    return numpy.frombuffer(raw, "<f4").reshape(output.shape)


def test_health_and_descriptions(stub):
    assert stub.ServerLive(protocol.ServerLiveRequest()).live
    assert stub.ServerReady(protocol.ServerReadyRequest()).ready
    assert stub.ModelReady(protocol.ModelReadyRequest(name=MODEL, version="1")).ready
    assert stub.ServerMetadata(protocol.ServerMetadataRequest()).name == "glimpse"
    model = stub.ModelMetadata(protocol.ModelMetadataRequest(name=TENSOR_MODEL))
    assert (model.name, list(model.versions)) == (TENSOR_MODEL, ["1"])
    assert list(model.inputs[0].shape) == [-1, 3, 224, 224]


def test_probabilities(stub):
    response = stub.ModelInfer(request(*BATCH))
    assert (response.id, response.model_name, response.model_version) == ("a-request", MODEL, "1")
    (output,) = response.outputs
    assert (output.name, output.datatype, list(output.shape)) == (PROBABILITIES, "FP32", [3, LABELS])
    for row, picture in zip(floats(response), BATCH, strict=True):
        same_probabilities(row, picture)


def test_classes(stub):
    response = stub.ModelInfer(request(*BATCH, top_k=3))
    (output,), (raw,) = response.outputs, response.raw_output_contents
    assert (output.datatype, list(output.shape)) == ("BYTES", [3, 3])
    found = unpack(raw)
    for place, picture in enumerate(BATCH):
        same_classes(found[3 * place:3 * place + 3], picture)


@pytest.mark.parametrize("raw", [False, True], ids=["contents", "raw"])
def test_pixels(stub, raw):
    tensor = pixels()
    given = Input(name=PIXELS, datatype="FP32", shape=tensor.shape)
    asked = protocol.ModelInferRequest(model_name=TENSOR_MODEL, inputs=[given])
    if raw:
        asked.raw_input_contents.append(tensor.astype("<f4").tobytes())
    else:
        asked.inputs[0].contents.fp32_contents.extend(tensor.flatten())
    near_probabilities(floats(stub.ModelInfer(asked)))


def test_errors(stub):
    def fails(code, ask):
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        assert caught.value.code() == code, caught.value
        assert caught.value.details()

    fails(grpc.StatusCode.NOT_FOUND, lambda: stub.ModelMetadata(protocol.ModelMetadataRequest(name="another")))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.ModelInfer(request(BROKEN)))
    both = request(BATCH[0])
    both.raw_input_contents.append(len(BATCH[0]).to_bytes(4, "little") + BATCH[0])
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.ModelInfer(both))
