"""Dense layers in 8-bit integers."""

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import agreement, dense

RANDOM = numpy.random.default_rng(0)
WEIGHTS, BIAS = RANDOM.normal(size=(64, 10)).astype(numpy.float32), RANDOM.normal(size=10).astype(numpy.float32)
# A column of an unused output.
WEIGHTS[:, 3] = 0


def gemm(rows=1, weights=WEIGHTS, bias=True, **attributes):
    """A model of one Gemm."""
    inputs = ["in", "weights", *(["bias"] if bias else [])]
    node = helper.make_node("Gemm", inputs, ["out"], "dense", **attributes)
    constants = {"weights": weights, **({"bias": BIAS} if bias else {})}
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, (rows, 64))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (rows, 10))],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def kinds(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("transposed", [False, True])
def test_the_answers_are_nearly_the_same(transposed):
    model = gemm(weights=WEIGHTS.T.copy() if transposed else WEIGHTS, transB=int(transposed))
    source = RANDOM.uniform(0, 6, (1, 64)).astype(numpy.float32)
    before = agreement.answers(model.SerializeToString(), [source])
    model = dense.quantise(model)
    onnx.checker.check_model(model, full_check=True)
    after = agreement.answers(model.SerializeToString(), [source])
    assert kinds(model)[:2] == ["DynamicQuantizeLinear", "MatMulInteger"] and "Gemm" not in kinds(model)
    # Each weight and each input is off by at most half a step.
    weights_off, input_off = numpy.abs(WEIGHTS).max(0) / 127 / 2, source.max() / 255 / 2
    bound = numpy.abs(source).sum() * weights_off + numpy.abs(WEIGHTS).sum(0) * input_off + 64 * weights_off * input_off
    assert (numpy.abs(before - after)[0] <= bound + 1e-4).all() and not numpy.array_equal(before, after)
    assert after[0, 3] == BIAS[3]


def test_the_float_weights_are_gone():
    model = dense.quantise(gemm())
    sizes = {constant.name: (constant.data_type, numpy.prod(constant.dims)) for constant in model.graph.initializer}
    assert sizes == {
        "bias": (TensorProto.FLOAT, 10),
        "dense/weights": (TensorProto.INT8, 640),
        "dense/scales": (TensorProto.FLOAT, 10),
    }


@pytest.mark.parametrize("model", [gemm(rows=2), gemm(bias=False), gemm(alpha=0.5), gemm(beta=2.0)], ids=["rows", "no bias", "alpha", "beta"])
def test_what_is_no_dense_layer_of_one_row_stays(model):
    assert kinds(dense.quantise(model)) == ["Gemm"]
