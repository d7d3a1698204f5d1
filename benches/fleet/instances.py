"""Instances of glimpse on addresses of this machine: started, asked, and treated badly."""

import http.client
import os
import signal
import subprocess
import time

START_SECONDS = 60
# SHUTDOWN_DELAY: longer than the half second in which every balancer checks.
DRAIN = "1500ms"


class Instance:
    """One process of glimpse. It keeps its address when it is started again."""

    def __init__(self, executable, address, logs, options):
        self.executable, self.address, self.options = executable, address, options
        self.log = logs / f"glimpse-{address.replace(':', '-')}.log"
        self.process = None

    def start(self, *more):
        """Starts the process, with more options than its own, and waits until it is ready."""
        self.stop_at_once()
        options = ["--listen-addr", self.address, "--shutdown-delay", DRAIN, "--log-format", "json", *self.options, *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.executable, *options], stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"An instance does not start: see {self.log}.")
            time.sleep(0.05)

    def is_ready(self):
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        """SIGTERM; waits for the end. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop_at_once(self):
        if self.process and self.process.poll() is None:
            self.thaw()
            self.kill()

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)


def cpu_seconds(pid):
    """User and system time of a process (proc(5), /proc/PID/stat)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
