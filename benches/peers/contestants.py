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
START_SECONDS = 120
END_SECONDS = 10
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A server: its command line for a port, its number of processes, and the path that answers 200 once it is ready."""

    key: str
    name: str
    command: callable
    processes: int
    ready_path: str
    environment: dict = dataclasses.field(default_factory=dict)


def glimpse(executable):
    return Contestant("glimpse", "glimpse", serving(executable), 1, "/readyz")


def int8(executable, model):
    return Contestant("int8", "glimpse --precision int8", serving(executable, "--model", str(model)), 1, "/readyz")


def serving(executable, *options):
    def command(port):
        return [executable, "--listen-addr", f"127.0.0.1:{port}", "--log-format", "json", *options]

    return command


def uvicorn(app, *options):
    def command(port):
        address = ["--host", "127.0.0.1", "--port", str(port), "--app-dir", str(PEERS)]
        return [sys.executable, "-m", "uvicorn", f"{app}:app", *address, *options]

    return command


def onnx(model):
    # The load generator splits its connections evenly between the two processes, which stands for a free load balancer.
    command = uvicorn("onnx_server", "--no-access-log", "--loop", "uvloop", "--http", "httptools")
    return Contestant("onnx", "FastAPI + ONNX Runtime, 2 processes", command, 2, "/health", {"MODEL_PATH": str(model)})


def keras():
    # Hides TensorFlow's notices and any graphics card.
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return Contestant("keras", "FastAPI + Keras (replaced)", uvicorn("keras_server"), 1, "/health", quiet)


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
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
