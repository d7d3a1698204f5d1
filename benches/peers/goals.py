"""glimpse's performance goals, and whether a race meets them."""

import dataclasses
import operator

SIGNS = {"at least": operator.ge, "at most": operator.le, "under": operator.lt}


@dataclasses.dataclass(frozen=True)
class Goal:
    """`measure` computes the figure from the medians, or returns `None` if a contestant did not take part."""

    what: str
    measure: callable
    sign: str
    bound: float
    unit: str

    def row(self, medians):
        value = self.measure(medians)
        wanted = f"{self.sign} {self.bound:g} {self.unit}".rstrip()
        if value is None:
            return f"| {self.what} | {wanted} | | not measured |"
        met = SIGNS[self.sign](value, self.bound)
        return f"| {self.what} | {wanted} | {shown(value)} {self.unit}".rstrip() + f" | {'met' if met else 'NOT met'} |"


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.4g}"


def over(numerator, denominator):
    return None if numerator is None or not denominator else numerator / denominator


def rates(other, bodies, connections):
    return lambda medians: over(medians.of("rate", "glimpse", bodies, connections), medians.of("rate", other, bodies, connections))


def p50(other, bodies, connections):
    return lambda medians: over(medians.of("p50_ms", "glimpse", bodies, connections), medians.of("p50_ms", other, bodies, connections))


def tail(medians):
    return over(medians.of("p99_ms", "glimpse", "small", 8), medians.of("p50_ms", "glimpse", "small", 8))


def int8(medians):
    return over(medians.of("rate", "int8", "small", 8), medians.of("rate", "glimpse", "small", 8))


def of_the_pipeline(medians):
    share = over(medians.of("rate", "glimpse", "small", 8), medians.pipeline_rate())
    return share and 100 * share


GOALS = [
    Goal("small, 8 connections: requests/s, of the Python server's", rates("onnx", "small", 8), "at least", 1.45, "times"),
    Goal("small, 8 connections: requests/s, of the replaced stack's", rates("keras", "small", 8), "at least", 25, "times"),
    Goal("small, 8 connections: p99, of p50", tail, "under", 3, "times"),
    Goal("small, 8 connections: requests/s, of the pipeline without HTTP", of_the_pipeline, "at least", 92, "%"),
    Goal("small, 1 connection: p50, of the Python server's", p50("onnx", "small", 1), "at most", 0.75, "times"),
    Goal("12 megapixels, 4 connections: requests/s, of the Python server's", rates("onnx", "large", 4), "at least", 4.5, "times"),
    Goal("12 megapixels, 4 connections: requests/s, of the replaced stack's", rates("keras", "large", 4), "at least", 12, "times"),
    Goal("small, 32 connections: peak memory", lambda medians: medians.of("peak_mb", "glimpse", "small", 32), "under", 200, "MB"),
    Goal("small, 8 connections: requests/s with int8, of those with float", int8, "at least", 1.4, "times"),
    Goal("time to ready", lambda medians: medians.ready_ms("glimpse"), "under", 300, "ms"),
]
# A test measures this goal, not the race.
ALLOCATIONS = "| allocations a request, after warm-up | none that grow with the picture | | counted by `tests/allocations.rs` |"


def table(medians):
    rows = [*(goal.row(medians) for goal in GOALS), ALLOCATIONS]
    return "\n".join(["| goal | | measured | |", "| --- | --- | --- | --- |", *rows])
