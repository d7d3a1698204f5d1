"""Measures one contestant under one load, with wrk and /proc."""

import dataclasses
import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

from contestants import PATH, TICK_MS, running

SCRIPT = pathlib.Path(__file__).with_name("post.lua")
# Above the time that any contestant takes for a picture, so that a slow answer does not count as an error.
TIMEOUT_SECONDS = 60
# The load generator's threads, equal for all contestants.
THREADS = 2
# How often the CPU time of the pipeline is read. A request takes longer.
POLL_SECONDS = 0.01


@dataclasses.dataclass(frozen=True)
class Load:
    """A number of connections, each sending one request after another."""

    bodies: str
    connections: int

    @property
    def name(self):
        size = {"small": "small", "large": "12 megapixels", "raw": "12 megapixels as the body"}[self.bodies]
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
    """Starts the contestant and measures it after a warm-up."""
    with running(contestant) as server:
        wrk(server.ports, load, bodies[load.bodies], warm_up)
        server.settle()
        return turn(contestant, server, load, bodies, seconds)


def turn(contestant, server, load, bodies, seconds):
    """Measures a running contestant."""
    before = server.cpu_ms()
    said = wrk(server.ports, load, bodies[load.bodies], seconds)
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


def wrk(ports, load, bodies, seconds):
    threads = str(min(THREADS, load.connections))
    options = ["-t", threads, "-c", str(load.connections), "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    ending = bodies.files[0].suffix.removeprefix(".")
    arguments = [str(bodies.folder), str(len(bodies.files)), ending, bodies.content_type]
    command = ["wrk", *options, "-s", str(SCRIPT), f"http://127.0.0.1:{ports[0]}{PATH}", "--", *arguments]
    environment = os.environ | {"PORTS": " ".join(map(str, ports))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or not last.startswith("{"):
        raise SystemExit(f"wrk fails: {(done.stderr or done.stdout).strip()[-500:]}")
    return json.loads(last)


def first_labels(contestant, bodies):
    """The most likely label for every body, in order: `{kind: labels}`. Pictures as the body are left out for a contestant that
    takes JSON only. Ends the race if another request fails."""
    labels = {}
    with running(contestant) as server:
        url = f"http://127.0.0.1:{server.ports[0]}{PATH}"
        for kind, some in bodies.items():
            try:
                labels[kind] = [first_label(url, file, some.content_type) for file in some.files]
            except urllib.error.HTTPError as error:
                if kind != "raw" or labels.get(kind):
                    said = error.read().decode(errors="replace")[:300]
                    raise SystemExit(f"{contestant.name} answers {error.code}: {said}") from None
    return labels


def first_label(url, file, content_type):
    request = urllib.request.Request(url, file.read_bytes(), {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        return json.load(response)[0]["label"]


@dataclasses.dataclass(frozen=True)
class PipelineSample:
    """glimpse's pipeline without HTTP."""

    rate: float
    cpu_ms: float


def pipeline(executable, bodies, seconds, warm_up):
    """Measures `benches/pipeline.rs`, which ends once it has run for `seconds` after loading and its warm-up."""
    command = [executable, bodies.folder, "--seconds", str(seconds), "--warm-up", str(warm_up)]
    # A session of its own, like the servers have, because Linux may schedule by session.
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    process = subprocess.Popen(command, **options)
    try:
        times = cpu_times(process, time.monotonic() + seconds + warm_up + TIMEOUT_SECONDS)
        said, error = process.communicate()
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise SystemExit(f"The pipeline without HTTP fails: {error.strip()[-500:]}")
    rate = float(said.split()[0])
    return PipelineSample(rate, used_in_the_last(seconds, times) / (rate * seconds))


def cpu_times(process, deadline):
    """`(time, CPU time in ms)` of a process, again and again until it ends."""
    times = []
    while process.poll() is None and time.monotonic() < deadline:
        try:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            break
        # A process that has ended, and has not been waited for, has no threads any more.
        if fields[0] != "Z":
            times.append((time.monotonic(), sum(map(int, fields[11:13])) * TICK_MS))
        time.sleep(POLL_SECONDS)
    return times


def used_in_the_last(seconds, times):
    end, used = times[-1]
    return used - max(cpu for at, cpu in times if at <= end - seconds)
