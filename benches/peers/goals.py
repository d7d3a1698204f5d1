"""glimpse's performance goals, and whether a race meets them.

What can be is a ratio of CPU time a request, measured in the same round: what slows the machine down slows both down.
"""

import dataclasses
import operator

SIGNS = {"at least": operator.ge, "at most": operator.le, "under": operator.lt}
# The servers whose best is meant by "the best Python server".
PYTHON = "onnx", "mosec", "litserve"


@dataclasses.dataclass(frozen=True)
class Goal:
    """`measure` computes the figure from what was measured, or returns `None` if a contestant did not take part."""

    what: str
    measure: callable
    sign: str
    bound: float
    unit: str

    def row(self, measured):
        value = self.measure(measured)
        wanted = f"{self.sign} {self.bound:g} {self.unit}".rstrip()
        if value is None:
            return f"| {self.what} | {wanted} | | not measured |"
        met = SIGNS[self.sign](value, self.bound)
        return f"| {self.what} | {wanted} | {shown(value)} {self.unit}".rstrip() + f" | {'met' if met else 'NOT met'} |"


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.4g}"


def best_python(medians, bodies, connections):
    """The Python server that takes the least CPU time a request, or `None` without one."""
    times = {key: medians.of("cpu_ms", key, bodies, connections) for key in PYTHON}
    raced = [key for key, time in times.items() if time is not None]
    return min(raced, key=times.get, default=None)


def ratio(one, other, bodies, connections, field="cpu_ms"):
    """The ratio of `one` to `other`, each a contestant's key or the best Python server."""

    def of(medians):
        keys = (best_python(medians, bodies, connections) if key == "best" else key for key in (one, other))
        return medians.ratio(field, *keys, bodies, connections)

    return of


def raw_to_before(medians):
    """Of a build before that takes no pictures as the body, the same pictures in JSON count."""
    other = "raw" if medians.of("cpu_ms", "before", "raw", 4) is not None else "large"
    return medians.ratio("cpu_ms", "glimpse", "before", "raw", 4, other)


def to_pipeline(medians):
    return medians.to_pipeline()


def tail(medians):
    return medians.own_ratio("p99_ms", "p50_ms", "glimpse", "small", 8)


def memory(medians):
    return medians.of("peak_mb", "glimpse", "small", 32)


def ready(medians):
    return medians.ready_ms("glimpse")


def ready_to_before(medians):
    before = medians.ready_ms("before")
    return before and medians.ready_ms("glimpse") / before


SMALL, LARGE, RAW = "small, 8 connections", "12 megapixels, 4 connections", "12 megapixels as the body"
PEER = "of the best Python server's"
GOALS = [
    Goal(f"{SMALL}: CPU time, {PEER}", ratio("glimpse", "best", "small", 8), "at most", 0.69, "times"),
    Goal(f"{SMALL}: CPU time, of the replaced stack's", ratio("glimpse", "keras", "small", 8), "at most", 0.04, "times"),
    Goal(f"{SMALL}: CPU time, of the pipeline's without HTTP", to_pipeline, "at most", 1.087, "times"),
    Goal(f"{SMALL}: p99, of p50", tail, "under", 3, "times"),
    Goal(f"small, 1 connection: p50, {PEER}", ratio("glimpse", "best", "small", 1, "p50_ms"), "at most", 0.75, "times"),
    Goal(f"{SMALL}: CPU time with int8, of float's", ratio("int8", "glimpse", "small", 8), "at most", 0.714, "times"),
    Goal(f"{SMALL}: the best Python server's CPU time, of int8's", ratio("best", "int8", "small", 8), "at least", 2.4, "times"),
    Goal(f"{LARGE}: CPU time, {PEER}", ratio("glimpse", "best", "large", 4), "at most", 0.2, "times"),
    Goal(f"{LARGE}: CPU time, of the replaced stack's", ratio("glimpse", "keras", "large", 4), "at most", 0.083, "times"),
    Goal(f"{LARGE}: CPU time, of the build before", ratio("glimpse", "before", "large", 4), "at most", 0.7, "times"),
    Goal(f"{RAW}: CPU time, {PEER}", ratio("glimpse", "best", "raw", 4), "at most", 0.2, "times"),
    Goal(f"{RAW}: CPU time, of the build before", raw_to_before, "at most", 0.7, "times"),
    Goal("small, 32 connections: peak memory", memory, "under", 200, "MB"),
    Goal("time to ready", ready, "under", 300, "ms"),
    Goal("time to ready, of the build before", ready_to_before, "at most", 0.5, "times"),
]
# A test measures this goal, not the race.
ALLOCATIONS = "| allocations a request, after warm-up | none that grow with the picture | | counted by `tests/allocations.rs` |"


def table(medians):
    rows = [*(goal.row(medians) for goal in GOALS), ALLOCATIONS]
    return "\n".join(["| goal | | measured | |", "| --- | --- | --- | --- |", *rows])


def best_servers(medians, loads, names):
    """One sentence that names the best Python server under each load."""
    best = {load.name: best_python(medians, load.bodies, load.connections) for load in loads}
    said = "; ".join(f"{load}: {names[key]}" for load, key in best.items() if key)
    return f"The best Python server by CPU time a request: {said or 'none took part'}."
