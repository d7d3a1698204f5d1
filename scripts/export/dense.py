"""Quantises dense layers: weights in 8-bit integers with a scale for each output, inputs with a range that each run finds anew.

A dense layer of one row reads each weight once. Its time is that of reading them, and a quarter of the bytes takes less of it.
The outputs stay in float: those of a classifier are logits, and 256 steps over their range would move the probabilities.
ONNX Runtime fuses the operators written here to one, DynamicQuantizeMatMul.
"""

import numpy
import onnx
from onnx import helper, numpy_helper

# The largest absolute value of a weight in integers. Without -128, the range is symmetric.
LARGEST = 127


def quantise(model):
    """Replaces each Gemm that computes one row with constant weights and a bias."""
    graph = model.graph
    constants = {constant.name: constant for constant in graph.initializer}
    rows = one_row(model)
    nodes = []
    for node in graph.node:
        if node.op_type != "Gemm" or not is_dense(node, constants) or node.input[0] not in rows:
            nodes.append(node)
            continue
        made, added = in_integers(node, weights_of(node, constants))
        nodes.extend(made)
        graph.initializer.extend(added)
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unread(graph)
    return model


def one_row(model):
    """The names of the tensors of one row. A tensor whose shape is not known is not among them."""
    known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {value.name: value.type.tensor_type.shape.dim for value in [*known.value_info, *known.input]}
    return {name for name, dimensions in shapes.items() if len(dimensions) == 2 and dimensions[0].dim_value == 1}


def is_dense(node, constants):
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    plain = attributes.get("alpha", 1) == attributes.get("beta", 1) == 1 and not attributes.get("transA")
    return plain and len(node.input) == 3 and node.input[1] in constants and all(node.input)


def weights_of(node, constants):
    """The weights [inputs, outputs]."""
    weights = numpy_helper.to_array(constants[node.input[1]])
    return weights.T if any(attribute.name == "transB" and attribute.i for attribute in node.attribute) else weights


def in_integers(node, weights):
    """The operators instead of `node`, and their constants."""
    scales = numpy.abs(weights).max(0) / LARGEST
    scales = numpy.where(scales > 0, scales, 1).astype(numpy.float32)
    rounded = numpy.ascontiguousarray(numpy.rint(weights / scales).astype(numpy.int8))
    source, _, bias = node.input
    name = node.name
    made = [
        helper.make_node("DynamicQuantizeLinear", [source], [f"{name}/input", f"{name}/step", f"{name}/zero"], f"{name}/quantise"),
        helper.make_node("MatMulInteger", [f"{name}/input", f"{name}/weights", f"{name}/zero"], [f"{name}/sums"], f"{name}/multiply"),
        helper.make_node("Cast", [f"{name}/sums"], [f"{name}/floats"], f"{name}/cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}/step", f"{name}/scales"], [f"{name}/steps"], f"{name}/scale"),
        helper.make_node("Mul", [f"{name}/floats", f"{name}/steps"], [f"{name}/products"], f"{name}/dequantise"),
        helper.make_node("Add", [f"{name}/products", bias], list(node.output), f"{name}/add"),
    ]
    return made, [numpy_helper.from_array(rounded, f"{name}/weights"), numpy_helper.from_array(scales, f"{name}/scales")]


def drop_unread(graph):
    """Removes the constants that no node reads."""
    read = {name for node in graph.node for name in node.input}
    kept = [constant for constant in graph.initializer if constant.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
