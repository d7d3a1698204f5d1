"""The balancers of scripts/deploy/balancers, each as its file says, on addresses of this machine."""

import pathlib
import re
import shutil
import socket
import subprocess
import time

from network import NAME

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "scripts/deploy/balancers"
TOOLS = ROOT / ".tools/fleet/bin"
START_SECONDS = 20

ENVOY = ["-c", "{folder}/envoy.yaml", "--concurrency", "1", "-l", "warn"]
HAPROXY = ["-f", "{folder}/haproxy.cfg"]

# The ports in the files, and how far those of a test are from the first one.
PORTS = {"8000": 0, "8001": 1, "9901": 2}


class Balancer:
    """A balancer in front of instances. `repeats` says what it sends again: requests whose instance was killed, or
    frozen. `by_name` turns the text of its files into one that finds the instances by
    DNS."""

    def __init__(self, name, program, files, command, grpc_port=0, repeats=frozenset(), preface="", by_name=None):
        self.name, self.program, self.files, self.command = name, program, files, command
        self.grpc_port, self.repeats, self.preface, self.by_name = grpc_port, repeats, preface, by_name
        self.process = None

    def path(self):
        """The program's path; `None` where it is not installed."""
        ours = TOOLS / self.program
        return str(ours) if ours.is_file() else shutil.which(self.program)

    def start(self, fleet, first_port, folder):
        """Starts it in front of the fleet and waits until it answers. Sets the addresses of both doors."""
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            text = (FILES / file).read_text()
            if fleet.names:
                text = self.by_name(text)
            (folder / file).write_text(self.preface.format(folder=folder) + configured(text, fleet, first_port))
        self.http = f"127.0.0.1:{first_port}"
        self.grpc = f"127.0.0.1:{first_port + self.grpc_port}"
        command = [self.path(), *(part.format(folder=folder) for part in self.command)]
        if fleet.names:
            command = fleet.names.seen_by(command)
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        end = time.monotonic() + START_SECONDS
        while not (listens(self.http) and listens(self.grpc)):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.name} does not start: see {folder / 'log'}.")
            time.sleep(0.1)
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended, and another process has its ports: see {folder / 'log'}.")
        # Its first checks of the instances.
        time.sleep(1.5)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def configured(text, fleet, first_port):
    """The text of a file with addresses of this machine in place of the names and ports in it."""
    for number, instance in enumerate(fleet, 1):
        text = text.replace(f"address: glimpse-{number},", f"address: {instance.host},")
        text = text.replace(f"glimpse-{number}:8080", instance.address)
    text = text.replace("address: 0.0.0.0", "address: 127.0.0.1")
    text = text.replace("admin off\n", "admin off\n\tdefault_bind 127.0.0.1\n")
    for port, offset in PORTS.items():
        pattern = rf"(port_value: |listen |bind :|address: \":|^:){port}\b"
        text = re.sub(pattern, lambda found, offset=offset: here(found[1], first_port + offset), text, flags=re.MULTILINE)
    return text


def here(before, port):
    """A port as its file writes it, on the loopback address alone."""
    return {"listen ": "listen 127.0.0.1:", "bind :": "bind 127.0.0.1:", 'address: ":': 'address: "127.0.0.1:',
            ":": "http://127.0.0.1:"}.get(before, before) + str(port)


def listens(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def envoy_by_name(text):
    """Envoy's file with one name in place of three."""
    text = re.sub(r" *- endpoint: .*glimpse-[23].*\n", "", text)
    return text.replace("glimpse-1", NAME)


def haproxy_by_name(text):
    """HAProxy's file with the servers of haproxy-dns.cfg, as that says."""
    return text.replace("default_backend glimpse", "default_backend found")


def all_balancers():
    """Every balancer with the addresses of the instances in its files, in the order of the tables."""
    nginx = "daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;\n"
    return [
        Balancer("envoy", "envoy", ["envoy.yaml"], ENVOY, repeats={"killed", "frozen"}),
        Balancer("haproxy", "haproxy", ["haproxy.cfg"], HAPROXY),
        Balancer("nginx", "nginx", ["nginx.conf"], ["-p", "{folder}", "-c", "{folder}/nginx.conf"], 1, preface=nginx),
        Balancer("traefik", "traefik", ["traefik.yaml", "traefik-services.yaml"], ["--configFile={folder}/traefik.yaml"],
                 repeats={"killed"}),
        # An address in front of a block of Caddy's is a name that it answers for; `default_bind` is where it listens.
        Balancer("caddy", "caddy", ["Caddyfile"], ["run", "--config", "{folder}/Caddyfile"], repeats={"killed"}),
    ]


def balancers_by_name():
    """Those that find the instances by DNS. nginx and Traefik ask DNS at the start only, and Caddy does not check instances
    that it finds so."""
    haproxy = ["haproxy.cfg", "haproxy-dns.cfg"]
    return [
        Balancer("envoy", "envoy", ["envoy.yaml"], ENVOY, by_name=envoy_by_name),
        Balancer("haproxy", "haproxy", haproxy, [*HAPROXY, "-f", "{folder}/haproxy-dns.cfg"], by_name=haproxy_by_name),
    ]
