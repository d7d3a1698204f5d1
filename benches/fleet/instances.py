"""Instances of glimpse on addresses of this machine: started, asked, killed, frozen."""

import http.client
import os
import pathlib
import re
import signal
import subprocess
import time

from network import HERE, NAMESPACE, THERE

START_SECONDS = 60
# SHUTDOWN_DELAY: longer than the half second in which the balancers check, and than DNS takes to tell them.
DRAIN = "2500ms"
PORT = 8080
OPTIONS = ["--inference-timeout", "5s", "--shutdown-delay", DRAIN, "--log-format", "json",
           "--trusted-proxies", f"127.0.0.0/8,{HERE}"]


class Instance:
    """One process of glimpse. It keeps its address when it is started again."""

    def __init__(self, executable, address, logs, options):
        self.executable, self.host, self.options = executable, address, options
        self.address = f"{address}:{PORT}"
        self.log = logs / f"glimpse-{address}.log"
        self.process = None

    def start(self, *more):
        """Starts the process, with more options than its own, and waits until it is ready."""
        self.stop_at_once()
        command = ["ip", "netns", "exec", NAMESPACE] if self.host == THERE else []
        command += [self.executable, "--listen-addr", self.address, "--instance-id", self.host, *OPTIONS, *self.options, *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"An instance does not start: see {self.log}.")
            time.sleep(0.05)
        if self.process.poll() is not None:
            raise SystemExit(f"Another process answers at {self.address}.")

    def is_ready(self):
        connection = http.client.HTTPConnection(self.host, PORT, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def must_have_refused(self, reason):
        """Stops the run if no request was refused for this reason: the event has not happened."""
        connection = http.client.HTTPConnection(self.host, PORT, timeout=5)
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
        connection.close()
        if not refused(metrics, reason):
            raise SystemExit(f"{self.address} has refused nothing as {reason}.")

    def stop(self):
        """SIGTERM; waits for the end, which must be a good one."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if code != 0:
            raise SystemExit(f"{self.address} ended with {code} after SIGTERM: see {self.log}.")

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


class Fleet(list):
    """Instances, and what is around them: a `namespace` that the third one is in, and `names` that lead to them."""

    def __init__(self, executable, logs, options, namespace=None, names=None):
        super().__init__()
        self.namespace, self.names = namespace, names
        hosts = [f"127.0.7.{number}" for number in range(1, 5 if names else 4)]
        if namespace:
            hosts[2] = THERE
        self.extend(Instance(executable, host, logs, options) for host in hosts)

    def start(self):
        """Starts all; with `names` only the first one, whose address is published."""
        for instance in self[:1] if self.names else self:
            instance.start()
        if self.names:
            self.publish(1)

    def publish(self, number):
        """Gives the name the addresses of the first instances."""
        self.names.publish([instance.host for instance in self[:number]])

    def stop_at_once(self):
        for instance in self:
            instance.stop_at_once()


def refused(metrics, reason):
    """The requests that were refused for this reason, from the text of /metrics."""
    found = re.search(rf'^glimpse_rejected_total{{reason="{reason}"}} (\d+)$', metrics, re.MULTILINE)
    return int(found[1]) if found else 0


def cpu_seconds(pid):
    """User and system time of a process and of those that it has started (proc(5), /proc/PID/stat)."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = stat.read_text(errors="replace").split(" ", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = rest.rsplit(")", 1)[1].split()
        if pid in (int(number), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
