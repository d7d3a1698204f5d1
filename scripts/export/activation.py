"""Class activation maps as a second output of a model: where in the picture the evidence for a label lies.

Zhou et al., "Learning Deep Features for Discriminative Localization", 2016, equation 2: the map of a label is the sum of the last
feature maps, each times the weight that the dense layer gives it for that label. So a model can have them if it ends in a global
average pooling and one dense layer. Its logit for the label is the mean of the label's map, plus the bias.
"""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT, OUTPUT = "explained", "activation"

# What may stand between the pooling and the dense layer, and between that and the answer.
BETWEEN, BEHIND = ("Squeeze", "Reshape", "Flatten", "Identity"), ("Softmax", "Sigmoid", "Reshape", "Identity")
CHANNELS_LAST = [1, 2]
NCHW_OF_NHWC = [0, 3, 1, 2]

# The greatest accepted difference of a map from the original's, and the labels of each picture that are compared.
TOLERANCE, COMPARED = 1e-4, 5


def add(proto):
    """Gives a model the input `explained`, int64 [1], and the output `activation`, float [k, rows, columns]: the maps of so many of
    its most probable labels, in the order of an answer. Its default is 0, and then there is no map. Returns the rows and columns, or
    None where the model does not end in a pooling and a dense layer.
    """
    graph = proto.graph
    dense = Dense.of(graph)
    size = dense and shape(proto, dense.features)
    if not size or len(size) != 4 or min(size) < 1:
        return None
    batch, channels, rows, columns = [size[axis] for axis in NCHW_OF_NHWC] if dense.is_nhwc else size
    if batch != 1 or channels != dense.inputs:
        return None
    write = Writer(graph)
    # Of equal probabilities the later label is first in an answer, and TopK has the lower index first: so it sees them in reverse.
    backwards = write("Slice", graph.output[0].name, [-1], [-dense.outputs - 1], [1], [-1])
    _, places = write("TopK", backwards, INPUT, outputs=2, axis=1)
    labels = write("Squeeze", write("Sub", dense.outputs - 1, places), [0])
    features = write("Transpose", dense.features, perm=NCHW_OF_NHWC) if dense.is_nhwc else dense.features
    features = write("Reshape", features, [channels, rows * columns])
    maps = write("Gemm", dense.chosen(write, labels), features, transA=0 if dense.is_turned else 1)
    # 0 stands for the number of maps, which -1 can't when there are none.
    write("Reshape", maps, [0, rows, columns], name=OUTPUT)
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.INT64, [1]))
    graph.initializer.append(numpy_helper.from_array(numpy.array([0], numpy.int64), INPUT))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["maps", rows, columns]))
    return rows, columns


def remove(proto):
    """Takes out what `add` has added, and returns whether there was anything."""
    graph = proto.graph
    if len(graph.output) == 1:
        return False
    for parts in (graph.input, graph.output, graph.node, graph.initializer):
        kept = [part for part in parts if part.name not in (INPUT, OUTPUT) and not part.name.startswith(f"{OUTPUT}/")]
        del parts[:]
        parts.extend(kept)
    return True


class Dense:
    """The last layer of a graph, and the feature maps that are averaged before it.

    `weights` is the name of its weights, [inputs, outputs], or [outputs, inputs] if `is_turned`. They are in 8-bit integers if
    `scales` names a factor for each output.
    """

    def __init__(self, pooling, axes, weights, sides, is_turned=False, scales=None):
        self.features, self.is_nhwc = pooling.input[0], axes == CHANNELS_LAST
        self.weights, self.is_turned, self.scales = weights, is_turned, scales
        self.inputs, self.outputs = sides[::-1] if is_turned else sides

    def chosen(self, write, labels):
        """The weights of some labels, [inputs, labels], or [labels, inputs] if they are turned."""
        chosen = write("Gather", self.weights, labels, axis=0 if self.is_turned else 1)
        if self.scales:
            factors = write("Gather", self.scales, labels, axis=0)
            chosen = write("Mul", write("Cast", chosen, to=TensorProto.FLOAT), factors)
        return chosen

    @classmethod
    def of(cls, graph):
        makers = {name: node for node in graph.node for name in node.output}
        constants = {constant.name: constant for constant in graph.initializer}
        if len(graph.output) != 1:
            return None
        node = behind(makers, graph.output[0].name, BEHIND)
        if node is not None and node.op_type == "Add":
            node = made(makers, constants, node)
        if node is None:
            return None
        attributes = {it.name: helper.get_attribute_value(it) for it in node.attribute}
        if node.op_type in ("Gemm", "MatMul") and attributes.get("alpha", 1) == 1 and not attributes.get("transA"):
            source, weights, scales = node.input[0], node.input[1], None
        elif node.op_type == "Mul" and (parts := in_integers(makers, node)):
            source, weights, scales = parts
        else:
            return None
        pooling = behind(makers, source, BETWEEN)
        axes = pooled_axes(pooling, constants)
        if axes is None or weights not in constants or len(constants[weights].dims) != 2:
            return None
        return cls(pooling, axes, weights, list(constants[weights].dims), bool(attributes.get("transB")), scales)


def made(makers, constants, node):
    """The node whose value `node` adds a constant to."""
    others = [name for name in node.input if name not in constants]
    return makers.get(others[0]) if len(others) == 1 else None


def in_integers(makers, product):
    """The source, the weights and their scales of a layer that `dense` has quantised; `product` is its last multiplication."""
    cast, steps = (makers.get(name) for name in product.input)
    sums = makers.get(cast.input[0]) if cast is not None and cast.op_type == "Cast" else None
    if sums is None or sums.op_type != "MatMulInteger" or steps is None or steps.op_type != "Mul":
        return None
    quantised = makers.get(sums.input[0])
    return quantised.input[0], sums.input[1], steps.input[1]


def behind(makers, name, kinds):
    """The node that made a value, beyond the nodes of these kinds."""
    node = makers.get(name)
    while node is not None and node.op_type in kinds:
        node = makers.get(node.input[0])
    return node


def pooled_axes(node, constants):
    """The axes of rows and columns, if the node takes their mean."""
    if node is None or node.op_type not in ("GlobalAveragePool", "ReduceMean"):
        return None
    if node.op_type == "GlobalAveragePool":
        return [2, 3]
    axes = next((list(it.ints) for it in node.attribute if it.name == "axes"), None)
    if axes is None and len(node.input) > 1 and node.input[1] in constants:
        axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
    axes = sorted(axis % 4 for axis in axes or ())
    return axes if axes in ([2, 3], CHANNELS_LAST) else None


def shape(proto, name):
    """The shape of a value, as ONNX infers it."""
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    for info in inferred.graph.value_info:
        if info.name == name:
            return [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]
    return None


class Writer:
    """Appends nodes to a graph. A number or a list among the inputs becomes a constant."""

    def __init__(self, graph):
        self.graph, self.count = graph, 0

    def __call__(self, kind, *inputs, outputs=1, name=None, **attributes):
        self.count += 1
        stem = f"{OUTPUT}/{kind}_{self.count}"
        names = [value if isinstance(value, str) else self.constant(f"{stem}/{place}", value) for place, value in enumerate(inputs)]
        made = [name or f"{stem}:{place}" for place in range(outputs)]
        self.graph.node.append(helper.make_node(kind, names, made, stem, **attributes))
        return made[0] if outputs == 1 else made

    def constant(self, name, value):
        self.graph.initializer.append(numpy_helper.from_array(numpy.array(value, numpy.int64), name))
        return name


def of_keras(model, scaled):
    """A function from pixels to the last features [rows, columns, inputs] and the kernel [inputs, labels] of Keras' own layers; or
    None where these can't be told. `scaled` makes the model's input of pixels."""
    import keras

    poolings = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    if not poolings or not dense:
        return None
    # Blocks of squeeze and excitation have such a pooling as well.
    pooling = poolings[-1]
    features = keras.Model(model.inputs, pooling.input)

    def last(pixels):
        found = numpy.asarray(features(scaled(pixels), training=False))[0]
        return found if pooling.data_format == "channels_last" else found.transpose(1, 2, 0), numpy.asarray(dense[-1].kernel)

    return last


def weighted(features, kernel, labels):
    """The maps [labels, rows, columns] of some labels, before any scale."""
    return numpy.einsum("rci,il->lrc", features, kernel[:, labels])


def difference(session, tensor, last, probabilities):
    """How much the maps of a picture differ from those of the original's `last` layers, at most."""
    labels = numpy.argsort(probabilities)[::-1][:COMPARED]
    name = session.get_inputs()[0].name
    (found,) = session.run([OUTPUT], {name: tensor, INPUT: numpy.array([len(labels)], numpy.int64)})
    features, kernel = last
    # Rounding errors are as large as the products that are summed up, which may cancel each other.
    products = weighted(numpy.abs(features), numpy.abs(kernel), labels).max()
    return float(numpy.abs(found - weighted(features, kernel, labels)).max() / max(1.0, products))
