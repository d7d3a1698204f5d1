"""Measures one contestant under one load, with wrk and /proc."""

import dataclasses
import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

from contestants import running

PATH = "/api/v1/analyze"
SCRIPT = pathlib.Path(__file__).with_name("post.lua")
# Above the time that any contestant takes for a picture, so that a slow answer does not count as an error.
TIMEOUT_SECONDS = 60
# The load generator's threads, equal for all contestants.
THREADS = 2


@dataclasses.dataclass(frozen=True)
class Load:
    """A number of connections, each sending one request after another."""

    bodies: str
    connections: int

    @property
    def name(self):
        size = {"small": "small", "large": "12 megapixels"}[self.bodies]
        return f"{size}, {self.connections} connection{'s' if self.connections > 1 else ''}"


@dataclasses.dataclass(frozen=True)
class Sample:
    """The measurements of one round. `errors` counts the requests that were not answered with 200."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    peak_mb: float
    ready_ms: float
    errors: int


def measure(contestant, load, bodies, seconds, warm_up):
    folder, files = bodies[load.bodies]
    with running(contestant) as server:
        wrk(server.ports, load, folder, len(files), warm_up)
        server.settle()
        before = server.cpu_ms()
        said = wrk(server.ports, load, folder, len(files), seconds)
        used = server.cpu_ms() - before
        good = said["answered"] - said["refused"]
        errors = said["refused"] + said["unanswered"]
        if good + errors == 0:
            raise SystemExit(f"{contestant.name} answered nothing within {seconds} s: raise --seconds.")
        return Sample(
            rate=good / said["microseconds"] * 1e6,
            p50_ms=said["p50"] / 1000,
            p99_ms=said["p99"] / 1000,
            cpu_ms=used / max(good, 1),
            peak_mb=server.peak_mb(),
            ready_ms=server.ready_ms,
            errors=errors,
        )


def wrk(ports, load, folder, count, seconds):
    threads = str(min(THREADS, load.connections))
    options = ["-t", threads, "-c", str(load.connections), "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    command = ["wrk", *options, "-s", str(SCRIPT), f"http://127.0.0.1:{ports[0]}{PATH}", "--", str(folder), str(count)]
    environment = os.environ | {"PORTS": " ".join(map(str, ports))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or not last.startswith("{"):
        raise SystemExit(f"wrk fails: {(done.stderr or done.stdout).strip()[-500:]}")
    return json.loads(last)


def first_labels(contestant, bodies):
    """The most likely label for every body, in order. Ends the race if a request fails."""
    with running(contestant) as server:
        url = f"http://127.0.0.1:{server.ports[0]}{PATH}"
        return [first_label(contestant, url, file) for _, files in bodies.values() for file in files]


def first_label(contestant, url, file):
    request = urllib.request.Request(url, file.read_bytes(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)[0]["label"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{contestant.name} answers {error.code}: {error.read().decode(errors='replace')[:300]}") from None


def pipeline_rate(executable, bodies, seconds, warm_up):
    """Requests/s of glimpse's pipeline without HTTP, from `benches/pipeline.rs`."""
    command = [executable, bodies[0], "--seconds", str(seconds), "--warm-up", str(warm_up)]
    # A session of its own, like the servers have, because Linux may schedule by session.
    options = {"capture_output": True, "text": True, "start_new_session": True}
    done = subprocess.run(command, timeout=seconds + warm_up + TIMEOUT_SECONDS, **options)
    if done.returncode:
        raise SystemExit(f"The pipeline without HTTP fails: {done.stderr.strip()[-500:]}")
    return float(done.stdout.split()[0])
