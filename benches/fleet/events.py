"""What happens to a fleet under load. Each event is a function that returns when it is over."""

import collections
import contextlib
import resource
import socket
import time

from instances import PORT

# Longer than INFERENCE_TIMEOUT in the test, so that a frozen instance misses the deadline of what it holds.
FROZEN_SECONDS = 12
BAD_SECONDS = 6
# Enough for small allocations, which end the process where they fail; too little for the large picture.
SPARE_BYTES = 2 << 20

# `hits` is how often an instance is hit while it holds requests. A balancer whose `repeats` have `kind` sends them again.
# With `has_large`, one of four pictures takes megabytes.
Event = collections.namedtuple("Event", "run hits kind has_large", defaults=[0, None, False])


def rolling_restart(fleet):
    """Every instance in turn: SIGTERM, its end, a new start."""
    for instance in fleet:
        instance.stop()
        instance.start()


def killed(fleet):
    """One instance, three times: SIGKILL, and a new start after a second."""
    for _ in range(3):
        fleet[0].kill()
        time.sleep(1)
        fleet[0].start()
        time.sleep(1)


def frozen(fleet):
    """One instance: SIGSTOP for longer than its deadline."""
    fleet[0].freeze()
    time.sleep(FROZEN_SECONDS)
    fleet[0].thaw()


def without_memory(fleet):
    """One instance that the system gives hardly any memory beside what it has at its start."""
    fleet[0].stop()
    fleet[0].start()
    pid = fleet[0].process.pid
    before = resource.prlimit(pid, resource.RLIMIT_DATA)
    resource.prlimit(pid, resource.RLIMIT_DATA, (data_bytes(pid) + SPARE_BYTES, before[1]))
    time.sleep(BAD_SECONDS)
    fleet[0].must_have_refused("no_memory")
    resource.prlimit(pid, resource.RLIMIT_DATA, before)


def data_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmData"].split()[0]) * 1024


def refusing(fleet):
    """One instance whose memory for bodies is taken by uploads that do not end: it is ready, and refuses all others."""
    size = 1 << 14
    fleet[0].stop()
    fleet[0].start("--max-body-bytes", "1MiB", "--max-inflight-bytes", "2MiB")
    head = f"POST /api/v1/analyze HTTP/1.1\r\nHost: glimpse\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"
    with contextlib.ExitStack() as uploads:
        for _ in range(130):
            upload = uploads.enter_context(socket.create_connection((fleet[0].host, PORT)))
            upload.sendall(head.encode() + bytes(size - 1))
        time.sleep(BAD_SECONDS)
    fleet[0].must_have_refused("busy")
    fleet[0].stop()
    fleet[0].start()


def slow_link(fleet):
    """One instance behind a link of 2 Mbit/s."""
    fleet.namespace.slow(BAD_SECONDS)


def lost_packets(fleet):
    """One instance behind a link that loses 5 % of the packets."""
    fleet.namespace.lossy(BAD_SECONDS)


def scaling(fleet):
    """From one instance to four and back, by the addresses of one name."""
    for number in range(2, len(fleet) + 1):
        fleet[number - 1].start()
        fleet.publish(number)
        time.sleep(2)
    for number in range(len(fleet) - 1, 0, -1):
        # At the same time, as Kubernetes does.
        fleet.publish(number)
        fleet[number].stop()


ALL = {
    "rolling restart": Event(rolling_restart),
    "SIGKILL, three times": Event(killed, 3, "killed"),
    "frozen for 12 s": Event(frozen, 1, "frozen"),
    "no memory": Event(without_memory, has_large=True),
    "one that refuses": Event(refusing),
    "slow link": Event(slow_link),
    "lost packets": Event(lost_packets),
    "1 to 4 to 1 by DNS": Event(scaling),
}
BY_DNS = ["1 to 4 to 1 by DNS"]
IN_NAMESPACE = ["slow link", "lost packets"]
SHORT = ["rolling restart", "SIGKILL, three times"]
