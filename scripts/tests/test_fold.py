"""What the export computes beforehand, against ONNX Runtime's answer of the graph that computes it each time."""

import numpy
import onnx
import onnxruntime
import pytest
from export import fold
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
RANDOM = numpy.random.default_rng(1)


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], output, **attributes)


def values(*shape):
    return RANDOM.uniform(0.5, 1.5, shape).astype(numpy.float32)


def graph(nodes, inputs, constants):
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    outputs = [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None] * 4)]
    return helper.make_graph(nodes, "graph", inputs, outputs, [numpy_helper.from_array(value, name) for name, value in constants.items()])


def answer(made):
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    picture = numpy.random.default_rng(2).uniform(-1, 1, (1, 4, 5, 5)).astype(numpy.float32)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"picture": picture})[0]


def folded(nodes, constants, weights):
    """The operators and the names of the constants that are left. The answers have to stay."""
    picture = {"picture": (1, 4, 5, 5)}
    before = answer(graph(nodes, picture, constants | weights))
    made = graph(nodes, picture | {name: value.shape for name, value in weights.items()}, constants)
    known = fold.take_out(made, weights)
    fold.fold_constants(made, known, OPSET)
    fold.fold_into_convolutions(made, known)
    fold.put_back(made, known)
    assert not known and [inlet.name for inlet in made.input] == ["picture"]
    numpy.testing.assert_allclose(answer(made), before, rtol=1e-5, atol=1e-5)
    return [it.op_type for it in made.node], len(made.initializer)


KERNEL = {"kernel": values(3, 3, 4, 6)}
TURNED = node("Transpose", "kernel", "turned", perm=[3, 2, 0, 1])


@pytest.mark.parametrize("behind, constants", [
    ([node("Mul", "factor conv", "scaled"), node("Add", "scaled shift", "answer")], {"factor": values(1, 6, 1, 1), "shift": values(6, 1, 1)}),
    ([node("Mul", "conv two", "answer")], {"two": numpy.array(2, numpy.float32)}),
    ([node("BatchNormalization", "conv scale shift mean variance", "answer", epsilon=1e-3)], {
        name: values(6) for name in ("scale", "shift", "mean", "variance")
    }),
])  # fmt: skip
@pytest.mark.parametrize("bias", [{}, {"bias": values(6)}])
def test_convolutions_do_what_follows_them(behind, constants, bias):
    nodes = [TURNED, node("Conv", " ".join(["picture", "turned", *bias]), "conv"), *behind]
    operators, count = folded(nodes, constants | bias, KERNEL)
    scales_alone = not bias and behind[-1].op_type == "Mul"
    assert (operators, count) == (["Conv"], 1 if scales_alone else 2)


def test_a_kernel_of_two_convolutions_stays_for_the_other():
    nodes = [
        TURNED,
        node("Conv", "picture turned", "one"), node("Mul", "one factor", "scaled"),
        node("Conv", "picture turned", "two"), node("Add", "scaled two", "answer"),
    ]  # fmt: skip
    assert folded(nodes, {"factor": values(6, 1, 1)}, KERNEL) == (["Conv", "Conv", "Add"], 2)


@pytest.mark.parametrize("nodes, constants", [
    ([node("Mul", "conv factor", "scaled"), node("Add", "scaled conv", "answer")], {"factor": values(6, 1, 1)}),
    ([node("Mul", "conv factor", "answer")], {"factor": values(3, 3)}),
    ([node("Relu", "conv", "active"), node("Mul", "active factor", "answer")], {"factor": values(6, 1, 1)}),
])  # fmt: skip
def test_what_is_no_scaling_of_the_channels_stays(nodes, constants):
    operators, _ = folded([TURNED, node("Conv", "picture turned", "conv"), *nodes], constants, KERNEL)
    assert operators == ["Conv", *(it.op_type for it in nodes)]


def test_what_grows_is_not_computed_beforehand():
    nodes = [node("Expand", "one shape", "wide"), node("Add", "picture wide", "answer")]
    constants = {"one": values(1), "shape": numpy.array([1, 4, 5, 5], numpy.int64)}
    assert folded(nodes, constants, {}) == (["Expand", "Add"], 2)
