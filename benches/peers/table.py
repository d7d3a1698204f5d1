"""The results as Markdown: the median, lowest and highest value of the rounds."""

import datetime
import importlib.metadata
import pathlib
import platform
import re
import statistics
import subprocess

from contestants import ROOT

COLUMNS = {"rate": "requests/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_ms": "CPU ms a request", "peak_mb": "peak MB"}
PACKAGES = ["fastapi", "uvicorn", "mosec", "litserve", "tensorflow-cpu", "tensorflow", "keras", "onnxruntime", "pillow"]


def results(loads, names, samples):
    lines = [f"| | | {' | '.join(COLUMNS.values())} | errors |", "| --- " * (len(COLUMNS) + 3) + "|"]
    for load in loads:
        for key, name in names.items():
            rounds = samples.get((load, key))
            if not rounds:
                continue
            cells = [spread([getattr(sample, field) for sample in rounds]) for field in COLUMNS]
            errors = sum(sample.errors for sample in rounds)
            lines.append(f"| {load.name} | {name} | {' | '.join(cells)} | {f'**{errors}**' if errors else 0} |")
    return "\n".join(lines)


def starts(names, samples):
    lines = ["| | ready after ms |", "| --- | --- |"]
    for wanted, name in names.items():
        times = [sample.ready_ms for (_, key), rounds in samples.items() if key == wanted for sample in rounds]
        lines.append(f"| {name} | {spread(times)} |")
    return "\n".join(lines)


def spread(values):
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def about(arguments):
    """One sentence with the date, machine, settings and versions."""
    decoding = ["the Python servers decode JPEG reduced"] if arguments.reduced else []
    installed = {it.metadata["Name"].lower().replace("_", "-"): it.version for it in importlib.metadata.distributions()}
    versions = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    wrk = re.search(r"wrk \S*?([\d.]+)", subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout)
    parts = [
        f"{datetime.date.today():%Y-%m-%d}",
        processor(),
        f"{arguments.rounds} round{'s' if arguments.rounds > 1 else ''} of {arguments.seconds} s",
        *decoding,
        f"glimpse {glimpse_version()}",
        f"Python {platform.python_version()}",
        *versions,
        f"wrk {wrk[1] if wrk else 'of an unknown version'}",
    ]
    return ", ".join(parts) + "."


def processor():
    said = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)", said, re.MULTILINE)
    return f"{len(re.findall(r'^processor', said, re.MULTILINE))} cores of {model[1] if model else platform.machine()}"


def glimpse_version():
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"{version} ({commit})" if commit else version
