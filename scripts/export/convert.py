"""From a function of TensorFlow to an ONNX graph, through tf2onnx."""

import contextlib
import logging
import os
import re
import unittest.mock

import numpy
import onnx
from onnx import helper

from . import fold
from .common import Failure
from .describe import NCHW, NHWC

OPSET = 17
NHWC_OF_NCHW = [0, 2, 3, 1]

# The largest file that protobuf can write, and the room in it for the names of constants and for the description.
LARGEST, ROOM = 2**31 - 1, 2**20

# TensorFlow gets the values of variables up to this many elements. It needs those of batch norms, which it simplifies.
LARGE = 10_000


def load_keras():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # oneDNN is off, because its results depend on the processor and it prints a notice.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    return keras


def concrete(predict, shape):
    """`predict`, a function from a tensor of this shape to the answers, as a graph of TensorFlow."""
    import tensorflow

    signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="input")]
    function = tensorflow.function(predict, input_signature=signature)
    with without_xla():
        return function.get_concrete_function()


@contextlib.contextmanager
def without_xla():
    """Keras compiles grouped convolutions with XLA, because TensorFlow can't train them on a CPU. tf2onnx needs to see them."""
    import tensorflow

    whole = tensorflow.function

    def function(*arguments, jit_compile=None, **options):
        if jit_compile and not arguments:
            return lambda inner: inner
        return whole(*arguments, jit_compile=jit_compile, **options)

    with unittest.mock.patch.object(tensorflow, "function", function):
        yield


def frozen(function):
    """A graph's definition with its functions inlined, and with its variables and captured tensors as constants.

    Those with more than `LARGE` elements become inputs, because TensorFlow and tf2onnx copy constants over and over. Their values
    are the second result, by name. In a graph with loops or branches all are constants: tf2onnx loses the shapes of inputs there.
    """
    import tensorflow
    from tensorflow.python.framework import convert_to_constants

    known = convert_to_constants._FunctionConverterDataInEager(function, lower_control_flow=False, aggressive_inlining=True)
    whole = any(node.op.removeprefix("Stateless") in ("Case", "If", "While") for node in known.graph_def.node)
    large = {name: data.numpy for name, data in known.tensor_data.items() if data.numpy.size > LARGE and not whole}
    for name, value in large.items():
        known.tensor_data[name] = known.tensor_data[name]._replace(numpy=numpy.zeros((), value.dtype))
    definition, _ = convert_to_constants._replace_variables_by_constants(known)
    for node in definition.node:
        if node.name in large:
            node.op = "Placeholder"
            del node.attr["value"]
            node.attr["shape"].shape.CopyFrom(tensorflow.TensorShape(large[node.name].shape).as_proto())
    return definition, large


def convert(function, layout=NHWC):
    """The ONNX graph of a graph whose input is in `layout`.

    Its own input is in NCHW, which leaves no Transpose before a convolution, or in NHWC if the model needs the channels last.
    """
    import tf2onnx

    definition, weights = frozen(function)
    inlet, output = function.inputs[0].name, function.outputs[0].name
    if output.split(":")[0] not in {node.name for node in definition.node}:
        raise Failure("TensorFlow renames the model's output when it freezes the graph, so that it can't be converted.")
    # tf2onnx logs each operator that it does not know. `check_operators` says it in one sentence.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    names = {inlet: "input"} | {f"{name}:0": name for name in weights}
    transposed = [inlet] if layout == NHWC else None
    proto, _ = tf2onnx.convert.from_graph_def(
        definition, input_names=list(names), output_names=[output], opset=OPSET, inputs_as_nchw=transposed, tensors_to_rename=names
    )
    graph = proto.graph
    constants = fold.take_out(graph, weights)
    weights.clear()
    fold.fold_constants(graph, constants, OPSET)
    fold.fold_into_convolutions(graph, constants)
    replace_erfc(graph, constants)
    keep_padding(graph)
    check_operators(proto)
    if layout == NHWC:
        drop_transpose(graph)
    constants = order_constants(graph, constants)
    if proto.ByteSize() + sum(value.nbytes for value in constants.values()) > LARGEST - ROOM:
        raise Failure("The model is larger than 2 GB, which is more than an ONNX file without further files can hold.")
    fold.put_back(graph, constants)
    return proto


def drop_transpose(graph):
    """Lets the input be in NHWC if nothing but a Transpose from NCHW reads it."""
    (inlet,) = graph.input
    readers = [node for node in graph.node if inlet.name in node.input]
    if len(readers) != 1 or readers[0].op_type != "Transpose":
        return
    (transpose,) = readers
    dimensions = inlet.type.tensor_type.shape.dim
    sides = [dimensions[index].dim_value for index in NHWC_OF_NCHW]
    # `layout` could not tell the layouts of a picture of three times three pixels apart.
    if list(helper.get_node_attr_value(transpose, "perm")) != NHWC_OF_NCHW or len(set(sides[1:])) == 1:
        return
    for node in graph.node:
        node.input[:] = [inlet.name if name == transpose.output[0] else name for name in node.input]
    graph.node.remove(transpose)
    for dimension, side in zip(dimensions, sides):
        dimension.dim_value = side


def layout(proto, channels, size):
    """The layout of the input of a graph for pictures of this size (width, height)."""
    shape = [dimension.dim_value for dimension in proto.graph.input[0].type.tensor_type.shape.dim]
    return NCHW if shape == [1, channels, *size[::-1]] else NHWC


def replace_erfc(graph, constants):
    """Writes TensorFlow's Erfc, of the exact GELU, as 1 - Erf. ONNX knows no Erfc."""
    found = [index for index, node in enumerate(graph.node) if node.op_type == "Erfc"]
    if not found:
        return
    constants["erfc/one"] = numpy.array(1, numpy.float32)
    for index in reversed(found):
        node = graph.node[index]
        inner = f"{node.name}/erf"
        erf = helper.make_node("Erf", list(node.input), [inner], inner)
        rest = helper.make_node("Sub", ["erfc/one", inner], list(node.output), node.name)
        del graph.node[index]
        graph.node.insert(index, erf)
        graph.node.insert(index + 1, rest)


def keep_padding(graph):
    """Lets ONNX Runtime not merge a Pad into the pooling behind it, as its PadFusion does: a pooling's own padding counts as nothing,
    and not as 0, which is another maximum where all values are negative. It leaves a pooling alone that states its padding as VALID."""
    padded = {node.output[0] for node in graph.node if node.op_type == "Pad"}
    for node in graph.node:
        if node.op_type not in ("MaxPool", "AveragePool") or node.input[0] not in padded:
            continue
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if any(attributes["pads"].ints if "pads" in attributes else ()):
            continue
        for name in {"pads", "auto_pad"} & attributes.keys():
            node.attribute.remove(attributes[name])
        node.attribute.append(helper.make_attribute("auto_pad", "VALID"))


def check_operators(proto):
    unknown = sorted({node.op_type for node in proto.graph.node if not onnx.defs.has(node.op_type, node.domain)})
    if unknown:
        raise Failure(f"The model uses {', '.join(unknown)}, for which tf2onnx has no operator of ONNX: replace the layers that need it.")
    if len(proto.graph.input) != 1:
        raise Failure("The converted model has more than one input: it can't be served.")


def order_constants(graph, constants):
    """The constants named after their first use and sorted by it. Numbers the names that tf2onnx has made anew. tf2onnx does all
    that differently in every run, and the same weights are to give the same file."""
    if any(fold.inner_graphs(node) for node in graph.node):
        # The graphs of branches and loops use names of this one.
        return constants
    names = {}
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in constants:
                node.input[index] = names.setdefault(name, f"{node.name}/{index}")
    anew = number_anew(graph)
    return {anew(new): constants[old] for old, new in names.items()}


def number_anew(graph):
    """Gives the numbers behind `__` in names the order of their first use. Returns the function that does so to a name."""
    numbers = {}

    def anew(name):
        return re.sub(r"__(\d+)", lambda found: f"__{numbers.setdefault(found[1], len(numbers))}", name)

    for node in graph.node:
        node.name = anew(node.name)
        node.input[:] = [anew(name) for name in node.input]
        node.output[:] = [anew(name) for name in node.output]
    for named in [*graph.input, *graph.output, *graph.value_info]:
        named.name = anew(named.name)
    return anew
