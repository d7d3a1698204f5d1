"""What only Linux has, and root may do: a namespace whose one link can be made slow or bad, and names that change."""

import shutil
import signal
import subprocess
import tempfile
import time

NAMESPACE = "glimpse-fleet"
LINK = "glimpse-fleet"
HERE, THERE = "10.203.77.1", "10.203.77.2"
# 60 kB take a quarter of a second.
SLOW = "rate 2mbit burst 16kb latency 1s"
# Of the packets in each direction.
LOST_SHARE = 0.05

DNS_ADDRESS = "127.0.7.53"
NAME = "glimpse-headless"


def missing(*programs):
    """Why nothing here can be had with these programs, as the end of a sentence; `None` where it can."""
    absent = [program for program in (*programs, "unshare") if not shutil.which(program)]
    if absent:
        return f"{', '.join(absent)} is not installed"
    # Root in a container may lack the right.
    allowed = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode == 0
    return None if allowed else "only root may do that"


def call(command):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr.strip()}")


class Namespace:
    """A network namespace with one link to this machine. An instance in it listens on `THERE`."""

    def __enter__(self):
        self.__exit__()
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        call(f"ip netns add {NAMESPACE}")
        call(f"ip link add {LINK} type veth peer name {LINK} netns {NAMESPACE}")
        call(f"ip addr add {HERE}/30 dev {LINK}")
        call(f"ip link set {LINK} up")
        call(f"ip -n {NAMESPACE} addr add {THERE}/30 dev {LINK}")
        call(f"ip -n {NAMESPACE} link set {LINK} up")
        call(f"ip -n {NAMESPACE} link set lo up")

    def __exit__(self, *_):
        # The other end of the link goes with it.
        subprocess.run(["ip", "netns", "del", NAMESPACE], capture_output=True)

    def slow(self, seconds):
        """Both directions at a rate that a picture notices."""
        call(f"tc qdisc add dev {LINK} root tbf {SLOW}")
        call(f"ip netns exec {NAMESPACE} tc qdisc add dev {LINK} root tbf {SLOW}")
        time.sleep(seconds)
        call(f"tc qdisc del dev {LINK} root")
        call(f"ip netns exec {NAMESPACE} tc qdisc del dev {LINK} root")

    def lossy(self, seconds):
        """Packets of both directions are lost at random."""
        rules = [f"{chain} -{side} {LINK} -m statistic --mode random --probability {LOST_SHARE} -j DROP"
                 for chain, side in (("INPUT", "i"), ("OUTPUT", "o"))]
        for rule in rules:
            call(f"ip netns exec {NAMESPACE} iptables -A {rule}")
        time.sleep(seconds)
        for rule in rules:
            call(f"ip netns exec {NAMESPACE} iptables -D {rule}")


class Names:
    """A DNS server (dnsmasq) whose one name has the addresses that are published, as a headless Service of Kubernetes has."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="glimpse-names-")
        self.hosts = f"{self.folder}/hosts"
        self.resolver = f"{self.folder}/resolv.conf"
        with open(self.resolver, "w", encoding="ascii") as resolver:
            resolver.write(f"nameserver {DNS_ADDRESS}\n")
        self.publish([], tell=False)
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file",
                   "--user=root", f"--addn-hosts={self.hosts}", f"--listen-address={DNS_ADDRESS}", "--bind-interfaces",
                   "--local-ttl=1"]
        self.process = subprocess.Popen(command)
        time.sleep(0.5)
        if self.process.poll() is not None:
            shutil.rmtree(self.folder)
            raise SystemExit(f"dnsmasq does not start at {DNS_ADDRESS}: see its message above.")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    def publish(self, addresses, tell=True):
        """Replaces the addresses."""
        with open(self.hosts, "w", encoding="ascii") as hosts:
            hosts.writelines(f"{address} {NAME}\n" for address in addresses)
        if tell:
            self.process.send_signal(signal.SIGHUP)

    def seen_by(self, command):
        """The command, for which this is the system's only DNS server (a mount namespace of its own)."""
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", self.resolver, *command]
