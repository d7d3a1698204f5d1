"""When requests arrive, and what their latencies come to."""

import dataclasses
import math
import random


def poisson(rate, seconds, seed):
    """The times of arrival, in microseconds, of a Poisson process: `rate` a second, the gaps exponentially distributed."""
    chance = random.Random(seed)
    times, now = [], 0
    while True:
        now += chance.expovariate(rate)
        if now >= seconds:
            return times
        times.append(round(now * 1e6))


@dataclasses.dataclass(frozen=True)
class Request:
    """In microseconds from the beginning; the status is 0 if there was no answer."""

    due: int
    sent: int
    done: int
    status: int


def parse(output):
    """The generator's output."""
    return [Request(*map(int, line.split())) for line in output.splitlines()]


def percentile(values, percent):
    """The least value that at least `percent` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    # In thousandths, because 99.9 % of a number is rarely exact.
    rank = math.ceil(len(ordered) * round(percent * 1000) / 100_000)
    return ordered[max(rank, 1) - 1]


@dataclasses.dataclass(frozen=True)
class Turn:
    """One server's latencies at one share of its capacity, in ms, counted from the time at which a request was due.

    `late_ms` is the p99 of the time by which requests were sent late. `errors` counts those that were not answered with 200.
    """

    capacity: float
    rate: float
    count: int
    p50: float
    p99: float
    p999: float
    late_ms: float
    errors: int


def turn(capacity, seconds, requests):
    good = [request for request in requests if request.status == 200]
    if not good:
        raise SystemExit(f"None of {len(requests)} requests was answered with 200.")
    latencies = [(request.done - request.due) / 1000 for request in good]
    late = [(request.sent - request.due) / 1000 for request in requests]
    values = (percentile(latencies, share) for share in (50, 99, 99.9))
    rate = len(requests) / seconds
    return Turn(capacity, rate, len(requests), *values, percentile(late, 99), len(requests) - len(good))


def closed_rate(requests):
    """Answers a second of clients that send one request after another."""
    good = [request for request in requests if request.status == 200]
    if not good:
        raise SystemExit(f"None of {len(requests)} requests was answered with 200.")
    return len(good) / max(request.done for request in good) * 1e6
