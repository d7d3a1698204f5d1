"""A classifier that costs next to nothing: what a run of a million requests asks is whether any is lost."""

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from balancers import ROOT

sys.path.append(str(ROOT / "scripts"))

from export.common import labels
from export.describe import Description, write_properties

SIZE, POOL = 64, 16
# What the answers depend on: the mean colours of 16 parts of the picture.
FEATURES = 3 * (SIZE // POOL) ** 2


def write(folder):
    """Writes the model, with random weights that are always the same, and returns its path."""
    random = numpy.random.default_rng(0)
    weights = random.normal(size=(FEATURES, len(labels()))).astype(numpy.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["parts"], kernel_shape=[POOL, POOL], strides=[POOL, POOL]),
        helper.make_node("Flatten", ["parts"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(labels())])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="glimpse")
    model.ir_version = 8
    description = Description("small", "1", "random weights", "CC0-1.0", SIZE, SIZE, mean=127.5, std=127.5)
    write_properties(model, description.properties("0" * 64, "benches/fleet/small_model.py"))
    path = folder / "small.onnx"
    onnx.save(model, path)
    return path
