"""Measures how far two models agree on the same pictures."""

import dataclasses

import numpy
import onnxruntime

from .calibration import derived
from .describe import upright


def session(model):
    """A single-threaded session, with the arithmetic of the server's (`src/model/session.rs`). `model` is a path or a serialized model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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
    """The pictures on which two models have the same first label, and the change of its confidence."""

    same: int
    pictures: int
    mean: float
    worst: float

    @classmethod
    def between(cls, ours, theirs):
        first = theirs.argmax(1)
        change = numpy.abs(numpy.take_along_axis(ours - theirs, first[:, None], 1))
        return cls(int((ours.argmax(1) == first).sum()), len(ours), float(change.mean()), float(change.max()))

    @property
    def share(self):
        return self.same / self.pictures

    def __str__(self):
        return (
            f"{self.same} of {self.pictures} pictures keep their first label ({self.share:.1%}); "
            f"its confidence changes by {self.mean:.4f} on average, by {self.worst:.4f} at most"
        )


def divergence(ours, theirs):
    """The mean Kullback-Leibler divergence D(theirs || ours) over the pictures, in nats."""
    tiny = 1e-9
    return float((theirs * numpy.log((theirs + tiny) / (ours + tiny))).sum(1).mean())
