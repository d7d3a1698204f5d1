"""Quantises a model to 8-bit integers with ONNX Runtime's tools: weights per channel, activations per tensor.

This module chooses the ranges of the activations and the layers that stay in float, both from the
calibration pictures alone.
"""

import tempfile

import numpy
import onnx
import onnxruntime

from . import activation, dense
from .agreement import answers, divergence, session
from .common import Failure, step

# The number of pictures that give the ranges, and of those among them that decide the float layers.
PICTURES, TRIALS = 192, 48
SEED = 1

# Every other operator stays in float, such as the pooling before the classifier, Sigmoid, Mul and the parts of a layer norm.
# Dense layers are quantised by `dense`, whose outputs stay in float: with 256 steps for those of the classifier, the divergence
# from the float model was a quarter larger.
QUANTISED = ["Conv", "Clip", "Relu", "Add", "MaxPool", "Concat"]
# The most convolutions at the start that stay in float, and the share of the divergence that they have to remove.
FLOAT_LAYERS, GAIN = 5, 2 / 3

BINS = 2048
# Activations with more than SAMPLED values contribute every STRIDE-th value.
STRIDE, SAMPLED = 5, 20_000
# The factors tried on each end of a range, and the exponent of an error in the cost.
CUTS = numpy.linspace(0.4, 1, 25)
POWER = 2.4


def quantise(proto, tensors, several=False):
    """The model in 8-bit integers, calibrated on `tensors`. Keeps the metadata. `several`: each output is a probability of its own."""
    has_maps = activation.remove(proto)
    folded = fold(proto)
    done = step(f"finding the ranges of the activations on {len(tensors)} pictures")
    ranges = {name: Histogram.range(it) for name, it in histograms(folded, tensors).items()}
    done()
    done = step("choosing the layers that stay in float")
    chosen, quantised = choose(folded, ranges, tensors[:: max(len(tensors) // TRIALS, 1)], several)
    done()
    print(f"  the first {chosen} convolutions stay in float")
    if has_maps and not activation.add(quantised):
        raise Failure("The model has class activation maps in float, and none could be made in int8: the file is not written.")
    return fuse(quantised)


def fold(proto):
    """The model with its padding folded into the convolutions and a name on every node, which the quantizer requires."""
    return named(optimised(proto, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC))


def fuse(proto):
    """The model with its operators in integers, where ONNX writes each as one in float between two conversions.

    ONNX Runtime would do the same at each start, which takes as long as all else that it does with the model then. This level
    of its optimisations suits every processor; those for one alone are left to the start.
    """
    return named(optimised(proto, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED))


def optimised(proto, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    # Without this, it warns that the model suits this processor alone, which is true of a higher level.
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = f"{folder}/optimised.onnx"
        onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def named(proto):
    """The model with names on its nodes that don't depend on the run."""
    for index, node in enumerate(proto.graph.node):
        node.name = f"{node.op_type}_{index}"
    return proto


class Histogram:
    """A histogram of an activation. `low` is at most 0 and `high` at least 0."""

    def __init__(self):
        self.low = self.high = 0.0
        self.counts = numpy.zeros(BINS)

    def widen(self, values):
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def count(self, values):
        sample = values.ravel()[:: STRIDE if values.size > SAMPLED else 1]
        self.counts += numpy.histogram(sample, BINS, (self.low, self.high or 1.0))[0]

    def range(self):
        """The ends with the least cost: the rounding to 256 steps inside, plus the clipping outside."""
        width = ((self.high or 1.0) - self.low) / BINS
        values = self.low + (numpy.arange(BINS) + 0.5) * width
        lows, highs = self.low * CUTS, self.high * CUTS
        outside = {
            **{("low", low): (self.counts * numpy.maximum(low - values, 0) ** POWER).sum() for low in lows},
            **{("high", high): (self.counts * numpy.maximum(values - high, 0) ** POWER).sum() for high in highs},
        }

        def cost(ends):
            low, high = ends
            rounding = self.counts.sum() * ((high - low) / 255 / 2) ** POWER / (POWER + 1)
            return rounding + outside["low", low] + outside["high", high]

        return min(((low, high) for low in lows for high in highs), key=cost)


def histograms(proto, tensors):
    """A histogram of the input and of every node's output, by name."""
    inlet = proto.graph.input[0].name
    names = [name for node in proto.graph.node for name in node.output if name]
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    running = session(watched.SerializeToString())
    # Shapes and indices have no range.
    names = [outlet.name for outlet in running.get_outputs() if outlet.type == "tensor(float)"]
    found = {name: Histogram() for name in [inlet, *names]}
    # A histogram needs its ends first. Running the model twice takes less memory than keeping every value.
    for visit in (Histogram.widen, Histogram.count):
        for tensor in tensors:
            for name, values in zip(found, [tensor, *running.run(names, {inlet: tensor})]):
                visit(found[name], values)
    return found


def choose(proto, ranges, tensors, several):
    """The number of first convolutions that stay in float, and the model quantised so."""
    original = answers(proto.SerializeToString(), tensors)
    convolutions = [node.name for node in proto.graph.node if node.op_type == "Conv"]
    if not convolutions:
        raise Failure("The model has no convolution, so that int8 would make nothing faster: the file is not written.")
    trials = []
    for count in range(min(FLOAT_LAYERS + 1, len(convolutions))):
        quantised = insert(proto, ranges, convolutions[:count])
        trials.append((divergence(answers(quantised.SerializeToString(), tensors), original, several), count, quantised))
        if trials[-1][0] <= (1 - GAIN) * trials[0][0]:
            return trials[-1][1:]
    return min(trials, key=lambda trial: trial[0])[1:]


def insert(proto, ranges, kept):
    """The model with its convolutions, what belongs to them and its dense layers quantised, except the nodes named in `kept`."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = onnx.ModelProto()
    model.CopyFrom(proto)
    data = {name: tuple(numpy.float32(end) for end in ends) for name, ends in ranges.items()}
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        # 7-bit weights avoid saturation on processors that accumulate in 16 bits, but cost accuracy on all others.
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, data),
        nodes_to_quantize=[],
        nodes_to_exclude=kept,
        op_types_to_quantize=QUANTISED,
        extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return dense.quantise(quantizer.model.model)
