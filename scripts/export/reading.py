"""What the graph of a classifier says of itself: the scaling that it begins with, and the kind of output that it ends with.

Graphs are read rather than layers, because a SavedModel has no layers, and because layers may sit inside of other layers, or be
arithmetic on tensors.
"""

import dataclasses

import numpy

LOGITS, SOFTMAX, SIGMOID = "logits", "softmax", "sigmoid"

# What changes the place or the type of values, but not the values.
MOVING = {
    "Cast", "ConcatV2", "ExpandDims", "Identity", "MirrorPad", "Pack", "Pad", "PadV2", "Reshape", "ResizeArea", "ResizeBicubic",
    "ResizeBilinear", "ResizeNearestNeighbor", "ReverseV2", "Squeeze", "StopGradient", "StridedSlice", "Tile", "Transpose",
}  # fmt: skip
# The operators whose result may be any number.
UNBOUNDED = {"AddV2", "Add", "BatchMatMulV2", "BiasAdd", "Conv2D", "DepthwiseConv2dNative", "Einsum", "FusedBatchNormV3", "MatMul", "Sub"}
CONSTANTS = {
    "Identity": lambda it: it, "Sqrt": numpy.sqrt, "Rsqrt": lambda it: 1 / numpy.sqrt(it), "Neg": numpy.negative,
    "Reciprocal": lambda it: 1 / it, "Cast": lambda it: it, "AddV2": numpy.add, "Add": numpy.add, "Sub": numpy.subtract,
    "Squeeze": numpy.squeeze, "Mul": numpy.multiply, "RealDiv": numpy.divide, "Maximum": numpy.maximum, "Reshape": lambda it, shape: it.reshape(shape),
}  # fmt: skip

# From 0 to 255, a mean or a deviation of fewer pixel steps is no scaling of pixels, but a norm of values that were scaled before.
LEAST = 16


@dataclasses.dataclass
class Inside:
    """A scaling inside of the model: `(pixel - mean) / std`, numbers for each channel."""

    mean: list
    std: list

    def __str__(self):
        mean, std = (short(values) for values in (self.mean, self.std))
        return f"(pixel - {mean}) / {std}"


def short(values):
    """The values in brackets, or one if they are equal."""
    # Adding 0 makes -0 a 0.
    texts = [f"{value + 0.0:.6g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


class Graph:
    """A frozen graph of TensorFlow. `inlet` is the name of the node that pictures go in by."""

    def __init__(self, definition, inlet):
        self.nodes = {node.name: node for node in definition.node}
        self.readers = {}
        for node in definition.node:
            for name in self.inputs(node):
                self.readers.setdefault(name, []).append(node)
        self.inlet = inlet

    @staticmethod
    def inputs(node):
        return [name.split(":")[0] for name in node.input if not name.startswith("^")]

    def constant(self, name):
        """The value of a node that depends on constants alone, or `None`."""
        import tensorflow

        node = self.nodes[name]
        if node.op == "Const":
            return tensorflow.make_ndarray(node.attr["value"].tensor)
        if node.op not in CONSTANTS:
            return None
        values = [self.constant(name) for name in self.inputs(node)]
        return None if any(value is None for value in values) else CONSTANTS[node.op](*values)

    def scaling(self):
        """The arithmetic with constants that the input goes through before anything else, if that is a scaling of pixels."""
        factor, shift, name = numpy.float64(1), numpy.float64(0), self.inlet
        while True:
            readers = self.beyond_slices({node.name: node for node in self.readers.get(name, [])})
            if len(readers) != 1:
                break
            ((reader, node),) = readers.items()
            if node.op not in MOVING:
                changed = self.step(node, name, factor, shift)
                if changed is None:
                    break
                factor, shift = changed
            name = reader
        if not numpy.all(numpy.isfinite(factor)) or not numpy.all(factor):
            return None
        factor, shift = numpy.broadcast_arrays(factor, shift)
        mean, std = numpy.ravel(-shift / factor), numpy.ravel(1 / factor)
        is_scaling = max(abs(std).max(), abs(mean).max()) >= LEAST
        return Inside(mean.tolist(), std.tolist()) if is_scaling else None

    def beyond_slices(self, readers):
        """The node that puts slices together again, where all readers are slices: channels in another order."""
        if len(readers) == 1 or any(node.op != "StridedSlice" for node in readers.values()):
            return readers
        found = {node.name: node for name in readers for node in self.readers.get(name, [])}
        return found if {node.op for node in found.values()} <= {"Pack", "ConcatV2"} else readers

    def step(self, node, name, factor, shift):
        """The factor and the shift behind one more operator, or `None` if it is no arithmetic with a constant for each channel."""
        inputs = self.inputs(node)
        if node.op not in ("Mul", "RealDiv", "AddV2", "Add", "Sub", "BiasAdd") or len(inputs) != 2 or inputs[0] == inputs[1]:
            return None
        value = self.constant(inputs[1] if inputs[0] == name else inputs[0])
        if value is None or value.size > 4:
            return None
        value = numpy.ravel(value).astype(numpy.float64)
        first = inputs[0] == name
        if node.op == "Mul":
            return factor * value, shift * value
        if node.op == "RealDiv":
            return (factor / value, shift / value) if first else None
        if node.op == "Sub":
            return (factor, shift - value) if first else (-factor, value - shift)
        return factor, shift + value

    def output(self, name):
        """The kind of an output, and the operator that it comes from."""
        node = self.nodes[name]
        # A mean of probabilities is one, and the mean of logits has their kind.
        while node.op in MOVING | {"Mean", "AvgPool", "Mul", "RealDiv"}:
            node = self.nodes[self.inputs(node)[0]]
        if node.op in ("Softmax", "Sigmoid"):
            return node.op.lower(), node.op
        return (LOGITS if node.op in UNBOUNDED else None), node.op
