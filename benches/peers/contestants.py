"""The contestants: how each is started, measured and stopped. Linux only, because it reads /proc."""

import contextlib
import dataclasses
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches/peers"
# Where every contestant takes pictures.
PATH = "/api/v1/analyze"
# What is sent to one that has no path for readiness.
PICTURE = ROOT / "tests/pictures/rocket.jpg"
START_SECONDS = 120
END_SECONDS = 10
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A server: its command line for a port, its number of processes, and the path that answers 200 once it is ready. Without
    such a path it is ready once it answers a picture."""

    key: str
    name: str
    command: callable
    processes: int
    ready_path: str | None
    environment: dict = dataclasses.field(default_factory=dict)


def glimpse(executable):
    return Contestant("glimpse", "glimpse", serving(executable), 1, "/readyz")


def before(executable):
    """Another build of glimpse, to compare with."""
    return Contestant("before", "glimpse before", serving(executable), 1, "/readyz")


def int8(executable, model):
    return Contestant("int8", "glimpse --precision int8", serving(executable, "--model", str(model)), 1, "/readyz")


def serving(executable, *options):
    def command(port):
        return [executable, "--listen-addr", f"127.0.0.1:{port}", "--log-format", "json", *options]

    return command


def python(script, *options):
    def command(port):
        return [sys.executable, str(PEERS / script), *(option.format(port=port) for option in options)]

    return command


def uvicorn(app, *options):
    def command(port):
        address = ["--host", "127.0.0.1", "--port", str(port), "--app-dir", str(PEERS)]
        return [sys.executable, "-m", "uvicorn", f"{app}:app", "--workers", "1", *address, *options]

    return command


def on_onnx_runtime(model, is_reduced):
    """The environment of the Python servers on ONNX Runtime."""
    return {"MODEL_PATH": str(model), "JPEG_DECODE": "reduced" if is_reduced else "exact"}


def onnx(model, is_reduced=False):
    # The load generator splits its connections evenly between the two processes, which stands for a free load balancer.
    # Connections are kept for as long as nginx keeps them by default: uvicorn's own 5 s would have clients connect again.
    options = "--no-access-log", "--loop", "uvloop", "--http", "httptools", "--timeout-keep-alive", "75"
    command = uvicorn("onnx_server", *options)
    return Contestant("onnx", "FastAPI + ONNX Runtime, 2 processes", command, 2, "/health", on_onnx_runtime(model, is_reduced))


def mosec(model, is_reduced=False):
    # The timeout, in ms, and the size are as for the others. It listens before its workers are there: only an answer tells.
    limits = "--timeout", "60000", "--max-request-size", str(20 * 1024 * 1024)
    command = python("mosec_server.py", "--address", "127.0.0.1", "--port", "{port}", "--log-level", "warning", *limits)
    return Contestant("mosec", "mosec + ONNX Runtime, 2 workers", command, 1, None, on_onnx_runtime(model, is_reduced))


def litserve(model, is_reduced=False):
    command, environment = python("litserve_server.py", "{port}"), on_onnx_runtime(model, is_reduced)
    return Contestant("litserve", "LitServe + ONNX Runtime, 2 workers", command, 1, "/health", environment)


def keras():
    # Hides TensorFlow's notices and any graphics card.
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return Contestant("keras", "FastAPI + Keras (replaced), 1 worker", uvicorn("keras_server"), 1, "/health", quiet)


class Running:
    """A contestant's processes. Each leads its own process group."""

    def __init__(self, contestant, log):
        self.log = log
        self.ports = free_ports(contestant.processes)
        begun = time.monotonic()
        self.processes = []
        try:
            for port in self.ports:
                environment = os.environ | contestant.environment
                output = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                command = contestant.command(port)
                self.processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **output))
            for port in self.ports:
                self.wait_for(port, contestant, begun + START_SECONDS)
        except BaseException:
            self.end()
            raise
        self.ready_ms = (time.monotonic() - begun) * 1000

    def wait_for(self, port, contestant, deadline):
        while not is_ready(port, contestant.ready_path):
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                self.log.seek(0)
                last = self.log.read().decode(errors="replace").strip()[-2000:]
                raise SystemExit(f"{contestant.name} does not start. Its output ends:\n{last}")
            time.sleep(0.002)

    def members(self):
        """The fields of /proc/PID/stat from the state on, for every process of the groups."""
        groups = {process.pid for process in self.processes}
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[2]) in groups:
                        yield folder, fields

    def cpu_ms(self):
        """The processor time of all processes, including ended children."""
        return sum(sum(map(int, fields[11:15])) for _, fields in self.members()) * TICK_MS

    def peak_mb(self):
        """The sum of the peak resident sizes. A page shared by two processes counts twice."""
        total = 0
        for folder, _ in self.members():
            for line in (folder / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1]) * 1024
        return total / 1e6

    def settle(self):
        """Waits until the requests that the load generator abandoned are done."""
        deadline, before = time.monotonic() + START_SECONDS, self.cpu_ms()
        while time.monotonic() < deadline:
            time.sleep(0.2)
            now = self.cpu_ms()
            if now - before <= 2 * TICK_MS:
                return
            before = now

    def end(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def running(contestant):
    """Starts the contestant, yields it once it is ready, and always stops it."""
    with tempfile.TemporaryFile() as log:
        server = Running(contestant, log)
        try:
            yield server
        finally:
            server.end()


def busy_share():
    """The share of processor time in use while no contestant runs."""

    def times():
        numbers = [int(number) for number in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        # The fields idle and iowait.
        return sum(numbers), numbers[3] + numbers[4]

    all_before, idle_before = times()
    time.sleep(2)
    all_after, idle_after = times()
    return 1 - (idle_after - idle_before) / (all_after - all_before)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def is_ready(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        if path is None:
            connection.request("POST", PATH, PICTURE.read_bytes(), {"Content-Type": "image/jpeg"})
        else:
            connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
