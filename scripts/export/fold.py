"""Computes beforehand what depends on the constants of an ONNX graph alone.

The constants are a dict of arrays by name, and not yet in the graph: protobuf never gives back the room of a constant that is replaced.
"""

import collections

import numpy
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def take_out(graph, weights):
    """Takes the constants out of the graph. `weights` are the values of inputs, which become constants too."""
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    inputs = [inlet for inlet in graph.input if inlet.name not in weights]
    del graph.initializer[:]
    del graph.input[:]
    graph.input.extend(inputs)
    return constants | weights


def put_back(graph, constants):
    """Moves the constants that are used into the graph."""
    used = set(reads(graph))
    for name in list(constants):
        value = constants.pop(name)
        if name in used:
            graph.initializer.append(numpy_helper.from_array(numpy.asarray(value, order="C"), name))


def reads(graph):
    """Every name that the graph and the graphs inside of it read, once for each reader."""
    yield from (outlet.name for outlet in graph.output)
    for node in graph.node:
        yield from node.input
        for inner in inner_graphs(node):
            yield from reads(inner)


def inner_graphs(node):
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def keep(graph, nodes):
    del graph.node[:]
    graph.node.extend(nodes)


def fold_constants(graph, constants, opset):
    """Computes the nodes that read constants alone, unless the result is larger than what they read."""
    readers = collections.Counter(reads(graph))
    outputs = {outlet.name for outlet in graph.output}
    kept = []
    for node in graph.node:
        names = [name for name in node.input if name]
        foldable = names and all(name in constants for name in names) and len(node.output) == 1 and node.output[0] not in outputs
        value = computed(node, {name: constants[name] for name in names}, opset) if foldable and not inner_graphs(node) else None
        if value is None or value.nbytes > max(constants[name].nbytes for name in names):
            kept.append(node)
            continue
        constants[node.output[0]] = value
        for name in names:
            forget(name, constants, readers)
    keep(graph, kept)


def computed(node, values, opset):
    inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape) for name, value in values.items()]
    outputs = [helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)]
    graph = helper.make_graph([node], "constant", inputs, outputs)
    return ReferenceEvaluator(graph, opsets={"": opset}).run(None, values)[0]


def forget(name, constants, readers):
    """Takes one reader off a constant, and drops the constant with its last."""
    readers[name] -= 1
    if not readers[name]:
        del constants[name]


def fold_into_convolutions(graph, constants):
    """Lets each convolution scale and shift its channels itself, where a batch norm or a bias does it behind the convolution."""
    readers = collections.Counter(reads(graph))
    kept, convolutions = [], {}
    for node in graph.node:
        source = next((name for name in node.input if name in convolutions and readers[name] == 1), None)
        convolution = convolutions.get(source)
        change = affine(node, source, constants, constants[convolution.input[1]].shape) if convolution else None
        if change:
            change_convolution(convolution, *change, constants, readers)
            convolution.output[0] = node.output[0]
        else:
            kept.append(node)
            convolution = node if node.op_type == "Conv" and all(name in constants for name in node.input[1:]) else None
        if convolution:
            convolutions[convolution.output[0]] = convolution
    keep(graph, kept)


def affine(node, source, constants, shape):
    """What a node multiplies each channel of a convolution's output with, and what it adds, or `None` if it does something else.

    `shape` is that of the kernel.
    """
    values = [constants.get(name) for name in node.input if name != source]
    if node.op_type not in ("Mul", "Add", "BatchNormalization") or not values or any(value is None for value in values):
        return None
    values = [value.astype(numpy.float64) for value in values]
    if node.op_type == "BatchNormalization":
        epsilon = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), 1e-5)
        scale, shift, mean, variance = values
        factor = scale / numpy.sqrt(variance + epsilon)
        return factor, shift - mean * factor
    (value,) = values
    if (1,) * (len(shape) - value.ndim) + value.shape not in ((1, shape[0], *[1] * (len(shape) - 2)), (1,) * len(shape)):
        return None
    value = numpy.broadcast_to(value.ravel(), shape[:1])
    return (value, numpy.float64(0)) if node.op_type == "Mul" else (numpy.float64(1), value)


def change_convolution(node, factor, shift, constants, readers):
    """Gives a convolution constants of its own, because others may read those that it has."""
    kernel, bias = constants[node.input[1]], constants[node.input[2]] if len(node.input) > 2 else numpy.float32(0)
    changed = []
    if factor.ndim:
        changed.append((1, "kernel", kernel * factor.astype(kernel.dtype).reshape(-1, *[1] * (kernel.ndim - 1))))
    if shift.ndim or len(node.input) > 2:
        changed.append((2, "bias", (bias * factor + shift).astype(kernel.dtype)))
    for index, what, value in changed:
        name = f"{node.name}/{what}/{node.output[0]}"
        constants[name], readers[name] = value, 1
        if len(node.input) > index:
            forget(node.input[index], constants, readers)
            node.input[index] = name
        else:
            node.input.append(name)
