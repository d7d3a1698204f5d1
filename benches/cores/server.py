"""A server to measure: its start, its memory and its CPU time, from /proc."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
from contestants import TICK_MS, free_ports

START_SECONDS = 60


class Server:
    """One process of glimpse on a free port of the loopback address. It is ready when it tells systemd's socket so."""

    def __init__(self, executable, *options):
        self.folder = tempfile.TemporaryDirectory()
        where = pathlib.Path(self.folder.name)
        [self.port] = free_ports(1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, (where / "log").open("wb") as log:
            notified.bind(str(where / "notify"))
            notified.settimeout(START_SECONDS)
            command = [executable, "--listen-addr", f"127.0.0.1:{self.port}", "--log-level", "warn", *options]
            own = os.environ | {"NOTIFY_SOCKET": str(where / "notify")}
            begun = time.monotonic()
            self.process = subprocess.Popen(command, env=own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                while b"READY=1" not in notified.recv(4096):
                    pass
            except TimeoutError:
                self.stop()
                raise SystemExit(f"The server was not ready after {START_SECONDS} s.") from None
            self.ready_ms = (time.monotonic() - begun) * 1000
        self.start_cpu_ms = self.cpu_ms()

    def cpu_ms(self):
        """The CPU time of all its threads."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) * TICK_MS

    def resident_mb(self):
        """The memory that is resident now, with that of its children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [self.process.pid, *(children.read_text().split() if children.exists() else [])]
        return sum(resident(pid) for pid in pids) / 1e6

    def threads(self):
        return len(list(self.tasks()))

    def tasks(self):
        """The folders of its threads."""
        return pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()

    def waits(self):
        """How often its threads have waited so far: for work, for a lock, for the network."""
        return sum(int(status(task)["voluntary_ctxt_switches"]) for task in self.tasks())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def resident(pid):
    """The bytes that are resident of a process; 0 if it has ended."""
    # One that nobody has waited for yet has no such line.
    with contextlib.suppress(OSError, KeyError):
        return int(status(pathlib.Path(f"/proc/{pid}"))["VmRSS"].split()[0]) * 1024
    return 0


def status(folder):
    """The lines of the `status` in a folder of a process or thread (proc(5)), by their names."""
    return dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
