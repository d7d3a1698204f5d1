"""From a function of TensorFlow to an ONNX graph, through tf2onnx."""

import contextlib
import logging
import os
import re
import unittest.mock

import numpy
import onnx
from onnx import helper, numpy_helper

from .common import Failure
from .describe import NCHW, NHWC

OPSET = 17
NHWC_OF_NCHW = [0, 2, 3, 1]

# The largest file that protobuf can write.
LARGEST = 2**31 - 1


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
    """A graph's definition with its functions inlined, and with its variables and captured tensors as constants."""
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    definition = convert_variables_to_constants_v2(function, lower_control_flow=False, aggressive_inlining=True).graph.as_graph_def()
    values = captured(function)
    for node in definition.node:
        if node.name in values:
            value = values[node.name].numpy()
            node.op = "Const"
            node.ClearField("attr")
            node.attr["dtype"].type = tensorflow.as_dtype(value.dtype).as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tensorflow.make_tensor_proto(value))
    return definition


def captured(function):
    """The tensors that a graph refers to without holding them, by name. Variables are not among them."""
    return {inner.op.name: outer for outer, inner in function.graph.captures if outer.dtype.name != "resource"}


def closed(function):
    """The graph with its captured tensors as constants, which tf2onnx would take for further inputs."""
    import tensorflow

    definition, output = frozen(function), function.outputs[0].name
    names = {node.name for node in definition.node}
    if output.split(":")[0] not in names:
        raise Failure("TensorFlow renames the model's output when it freezes the graph, so that it can't be converted.")
    imported = tensorflow.compat.v1.wrap_function(lambda: tensorflow.graph_util.import_graph_def(definition, name=""), [])
    pruned = imported.prune(imported.graph.get_tensor_by_name("input:0"), imported.graph.get_tensor_by_name(output))
    return concrete(lambda picture: pruned(picture), function.inputs[0].shape)


def convert(function, layout=NHWC):
    """The ONNX graph of a graph whose input is in `layout`.

    Its own input is in NCHW, which leaves no Transpose before a convolution, or in NHWC if the model needs the channels last.
    """
    import tf2onnx

    if captured(function):
        function = closed(function)
    signature = function.structured_input_signature[0]
    again = Again(function)
    transposed = ["input"] if layout == NHWC else None
    # tf2onnx logs each operator that it does not know. `check_operators` says it in one sentence.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    proto, _ = tf2onnx.convert.from_function(again, signature, opset=OPSET, inputs_as_nchw=transposed)
    replace_erfc(proto.graph)
    keep_padding(proto.graph)
    check_operators(proto)
    if layout == NHWC:
        drop_transpose(proto.graph)
    order_constants(proto.graph)
    if proto.ByteSize() > LARGEST:
        raise Failure("The model is larger than 2 GB, which is more than an ONNX file without further files can hold.")
    return proto


class Again:
    """A graph that is there already, to tf2onnx, which asks a function for one."""

    def __init__(self, function):
        self.function = function

    def get_concrete_function(self, *_):
        return self.function


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


def replace_erfc(graph):
    """Writes TensorFlow's Erfc, of the exact GELU, as 1 - Erf. ONNX knows no Erfc."""
    found = [index for index, node in enumerate(graph.node) if node.op_type == "Erfc"]
    if not found:
        return
    graph.initializer.append(numpy_helper.from_array(numpy.float32(1), "erfc/one"))
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


def order_constants(graph):
    """Names the constants after their first use and sorts them by it, and numbers the names that tf2onnx has made anew. tf2onnx
    does all that differently in every run, and the same weights are to give the same file."""
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        # The graphs of branches and loops use names of this one.
        return
    constants = {constant.name: constant for constant in graph.initializer}
    names = {}
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in constants:
                node.input[index] = names.setdefault(name, f"{node.name}/{index}")
    for old, new in names.items():
        constants[old].name = new
    del graph.initializer[:]
    graph.initializer.extend(constants[old] for old in names)
    number_anew(graph)


def number_anew(graph):
    """Gives the numbers behind `__` in names the order of their first use."""
    numbers = {}

    def anew(name):
        return re.sub(r"__(\d+)", lambda found: f"__{numbers.setdefault(found[1], len(numbers))}", name)

    for node in graph.node:
        node.name = anew(node.name)
        node.input[:] = [anew(name) for name in node.input]
        node.output[:] = [anew(name) for name in node.output]
    for named in [*graph.initializer, *graph.input, *graph.output, *graph.value_info]:
        named.name = anew(named.name)
