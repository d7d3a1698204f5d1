"""Measures how far two models agree on the same pictures."""

import dataclasses
import pathlib

import numpy
import onnxruntime

from .calibration import derived
from .describe import SIGMOID, upright


def options():
    """Options of a single-threaded session, with the arithmetic of the server's (`src/model/session.rs`)."""
    found = onnxruntime.SessionOptions()
    found.intra_op_num_threads = 1
    found.log_severity_level = 3
    found.add_session_config_entry("session.intra_op.allow_spinning", "0")
    found.add_session_config_entry("session.x64quantprecision", "0" if has_dot_products() else "1")
    return found


def has_dot_products():
    """Whether the processor is known to add products of 8 bits in 32 bits (VNNI)."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    return cpuinfo.exists() and not {"avx512_vnni", "avx_vnni"}.isdisjoint(cpuinfo.read_text().split())


def session(model):
    """A session with these options. `model` is a path or a serialized model."""
    return onnxruntime.InferenceSession(model, options(), providers=["CPUExecutionProvider"])


def answers(model, tensors):
    """A model's probabilities, [pictures, labels]."""
    running = session(model)
    name = running.get_inputs()[0].name
    return numpy.concatenate([running.run(None, {name: tensor})[0] for tensor in tensors])


def tensors(description, paths, count, seed):
    """Each picture followed by `count` pictures derived from it, as tensors."""
    images = (image for path in paths for image in [upright(path), *derived(path, count, seed)])
    return [description.tensor(description.resized(image)) for image in images]


@dataclasses.dataclass
class Agreement:
    """The pictures for which two models have the same answer, and the change of its confidence."""

    same: int
    pictures: int
    mean: float
    worst: float
    what: str = "first label"

    @classmethod
    def between(cls, ours, theirs):
        """Compares the most probable labels."""
        first = theirs.argmax(1)
        change = numpy.abs(numpy.take_along_axis(ours - theirs, first[:, None], 1))
        return cls(int((ours.argmax(1) == first).sum()), len(ours), float(change.mean()), float(change.max()))

    @classmethod
    def of_sets(cls, ours, theirs, threshold):
        """Compares the labels with at least `threshold`, of models whose outputs are probabilities of their own."""
        same = ((ours >= threshold) == (theirs >= threshold)).all(1)
        change = numpy.abs(ours - theirs)
        return cls(int(same.sum()), len(ours), float(change.mean()), float(change.max()), "set of labels")

    @property
    def share(self):
        return self.same / self.pictures

    def __str__(self):
        whose = "its confidence" if self.what == "first label" else "a label's confidence"
        return (
            f"{self.same} of {self.pictures} pictures keep their {self.what} ({self.share:.1%}); "
            f"{whose} changes by {self.mean:.4f} on average, by {self.worst:.4f} at most"
        )


def between(ours, theirs, description):
    """The agreement of two models with this description."""
    if description.output == SIGMOID:
        return Agreement.of_sets(ours, theirs, description.threshold)
    return Agreement.between(ours, theirs)


def divergence(ours, theirs, several=False):
    """The mean Kullback-Leibler divergence D(theirs || ours) over the pictures, in nats.

    With `several`, each output is a probability of its own, and a picture's divergence is the sum over them.
    """
    tiny = 1e-9
    found = theirs * numpy.log((theirs + tiny) / (ours + tiny))
    if several:
        found = found + (1 - theirs) * numpy.log((1 - theirs + tiny) / (1 - ours + tiny))
    return float(found.sum(1).mean())
