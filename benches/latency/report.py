"""The tables and the goals of the latencies."""

import datetime
import importlib.metadata
import platform
import statistics

import table
from goals import Goal

# Of each server's own capacity.
SHARES = 0.5, 0.8
NAMES = {
    "glimpse": "glimpse",
    "least": "FastAPI + ONNX Runtime, to the process with fewer requests",
    "random": "FastAPI + ONNX Runtime, to either process at random",
}
COLUMNS = {"capacity": "capacity/s", "rate": "sent/s", "p50": "p50 ms", "p99": "p99 ms", "p999": "p99.9 ms"}
PACKAGES = "fastapi", "uvicorn", "onnxruntime", "pillow"


def ratio(field, other, share):
    """The median of the rounds' ratios, glimpse's to the other's."""
    return lambda rounds: statistics.median(
        getattr(it["glimpse", share], field) / getattr(it[other, share], field) for it in rounds
    )


GOALS = [
    Goal("80 % of the capacity: p99.9, of FastAPI's, to the process with fewer", ratio("p999", "least", 0.8), "at most", 0.333, "times"),
    Goal("80 % of the capacity: p99.9, of FastAPI's, at random", ratio("p999", "random", 0.8), "at most", 0.333, "times"),
]


def results_row(name, share, turns):
    cells = [table.spread([getattr(it, field) for it in turns]) for field in COLUMNS]
    late, errors = table.spread([it.late_ms for it in turns]), sum(it.errors for it in turns)
    count = sum(it.count for it in turns)
    return f"| {share:.0%} | {name} | {' | '.join(cells)} | {count:,} | {late} | {f'**{errors}**' if errors else 0} |"


def results(rounds):
    head = ["", "", *COLUMNS.values(), "requests", "sent late, p99 ms", "errors"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for share in SHARES:
        lines += [results_row(name, share, [it[key, share] for it in rounds]) for key, name in NAMES.items()]
    return "\n".join(lines)


def generator(own):
    """One sentence on what the load generator adds itself."""
    turn, cpu = own
    return (
        f"The load generator alone, against a server that does nothing, at {turn.rate:.0f} requests/s: p50 {turn.p50:.2f} ms, "
        f"p99 {turn.p99:.2f} ms, p99.9 {turn.p999:.2f} ms, {cpu:.2f} ms of CPU time a request."
    )


def verdicts(rounds):
    rows = [goal.row(rounds) for goal in GOALS]
    return "\n".join(["| ratio | goal | measured | |", "| --- | --- | --- | --- |", *rows])


def about(arguments):
    """One sentence with the date, machine, settings and versions."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    settings = f"{arguments.rounds} round{'s' if arguments.rounds > 1 else ''} of {arguments.seconds} s at each load"
    parts = [f"{datetime.date.today():%Y-%m-%d}", table.processor(), settings, f"glimpse {table.glimpse_version()}"]
    return ", ".join([*parts, f"Python {platform.python_version()}", *versions]) + "."
