"""What happens to a fleet under load. Each event is a generator's worth of time: it returns when it is over."""

import time

# Longer than INFERENCE_TIMEOUT in the test, so that a frozen instance misses the deadline of what it holds.
FROZEN_SECONDS = 12


def rolling_restart(fleet):
    """Every instance in turn: SIGTERM, its end, a new start."""
    for instance in fleet:
        code = instance.stop()
        if code != 0:
            raise SystemExit(f"{instance.address} ended with {code} after SIGTERM: see {instance.log}.")
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
    """One instance that may take hardly any more memory: it answers 503."""
    import resource

    _, hard = resource.prlimit(fleet[0].process.pid, resource.RLIMIT_DATA)
    resource.prlimit(fleet[0].process.pid, resource.RLIMIT_DATA, (data_bytes(fleet[0].process.pid), hard))
    time.sleep(5)
    resource.prlimit(fleet[0].process.pid, resource.RLIMIT_DATA, (hard, hard))


def data_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmData"].split()[0]) * 1024


def refusing(fleet):
    """One instance without room for any picture: it answers 503 to all, and is ready."""
    fleet[0].stop()
    fleet[0].start("--max-inflight-bytes", "1000")
    time.sleep(5)
    fleet[0].stop()
    fleet[0].start()


ALL = {
    "rolling restart": rolling_restart,
    "SIGKILL, three times": killed,
    "frozen": frozen,
    "no memory": without_memory,
    "one that refuses": refusing,
}
SHORT = ["rolling restart", "SIGKILL, three times", "one that refuses"]
