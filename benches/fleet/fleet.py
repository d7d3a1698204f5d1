"""Three instances behind each balancer in turn, under a steady load, and what becomes of the load when things go wrong.

Prints a line for each balancer and event, and exits with 1 for a wrong answer, for a sum that does not fit, and for a lost
request where none may be lost.
"""

import argparse
import collections
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import balancers
import events
from instances import Instance, cpu_seconds

FIRST_PORT = 27191
BALANCER_PORT = 27200
# Seconds of load before an event and after it.
QUIET = 4
# Where a request that was on its way may be lost: the balancer does not send it again.
MAY_LOSE = {"SIGKILL, three times": "killed", "frozen": "frozen"}

Request = collections.namedtuple("Request", "second door outcome milliseconds why")


def main():
    arguments = parse_arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glimpse-fleet-"))
    options = ["--workers", "1", "--trusted-proxies", "127.0.0.1", "--inference-timeout", "5s", *arguments.options]
    fleet = [Instance(arguments.executable, f"127.0.0.1:{FIRST_PORT + number}", folder, options) for number in range(3)]
    failures = []
    try:
        for balancer in balancers.all_balancers():
            if arguments.balancers and balancer.name not in arguments.balancers:
                continue
            if balancer.path() is None:
                print(f"skipped {balancer.name}: it is not installed", flush=True)
                continue
            failures += run(balancer, fleet, arguments, folder)
    finally:
        for instance in fleet:
            instance.stop_at_once()
    if failures:
        sys.exit("\n".join(failures))
    shutil.rmtree(folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--load", required=True, help="the executable of benches/fleet.rs")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--short", action="store_true", help="fewer events")
    parser.add_argument("--balancers", nargs="*", help="default: all that are installed")
    parser.add_argument("--events", nargs="*", help="default: all")
    parser.add_argument("options", nargs="*", help="options of glimpse, behind --")
    return parser.parse_args()


def run(balancer, fleet, arguments, folder):
    """Every event behind one balancer. Returns what failed."""
    for instance in fleet:
        instance.start()
    balancer.start([instance.address for instance in fleet], BALANCER_PORT, folder)
    failures = []
    try:
        names = arguments.events or (events.SHORT if arguments.short else events.ALL)
        for name in names:
            failures += observe(balancer, fleet, name, arguments, folder)
    finally:
        balancer.stop()
    return failures


def observe(balancer, fleet, name, arguments, folder):
    """One event under load. Prints its line and returns what failed."""
    log = folder / f"{balancer.name}-{name.replace(' ', '-')}.requests"
    begun = time.monotonic()
    with log.open("wb") as output:
        command = [arguments.load, "--direct", fleet[1].address, "--http", balancer.http, "--grpc", balancer.grpc]
        load = subprocess.Popen([*command, "--clients", str(arguments.clients), "--seconds", "600"], stdout=output)
        cpu = cpu_seconds(balancer.process.pid)
        time.sleep(QUIET)
        begin = time.monotonic() - begun
        events.ALL[name](fleet)
        end = time.monotonic() - begun
        time.sleep(QUIET)
        load.terminate()
        load.wait()
        cpu = cpu_seconds(balancer.process.pid) - cpu
    requests = [parsed(line) for line in log.read_text().splitlines() if line.count(" ") >= 3]
    counts = collections.Counter(request.outcome for request in requests)
    print(line(balancer.name, name, requests, counts, begin, end, cpu), flush=True)
    lost = [request for request in requests if request.outcome == "Lost"]
    for request in lost[:3]:
        print(f"         lost at {request.second:.1f} s by {request.door}: {request.why[:160]}", flush=True)
    failures = []
    if counts["Wrong"]:
        failures.append(f"{balancer.name}, {name}: {counts['Wrong']} wrong answers, see {log}")
    may_lose = name in MAY_LOSE and MAY_LOSE[name] not in balancer.repeats
    if counts["Lost"] and not may_lose:
        failures.append(f"{balancer.name}, {name}: {counts['Lost']} lost requests, see {log}")
    return failures


def parsed(text):
    second, door, outcome, milliseconds, *why = text.split(" ", 4)
    return Request(float(second), door, outcome, float(milliseconds), why[0] if why else "")


def line(balancer, event, requests, counts, begin, end, cpu):
    times = {"before": [], "during": [], "after": []}
    for request in requests:
        if request.outcome == "Right":
            part = "before" if request.second < begin else "during" if request.second < end else "after"
            times[part].append(request.milliseconds)
    shown = "  ".join(f"{part} {percentiles(values)}" for part, values in times.items())
    numbers = "  ".join(f"{counts[outcome]:4d} {outcome.lower()}" for outcome in ("Right", "Refused", "Wrong", "Lost"))
    each = cpu * 1000 / max(len(requests), 1)
    return f"{balancer:8s} {event:22s} {len(requests):5d} sent  {numbers}  p50/p99 ms: {shown}  CPU {each:.2f} ms a request"


def percentiles(values):
    if len(values) < 2:
        return "-"
    return f"{statistics.median(values):.0f}/{statistics.quantiles(values, n=100)[98]:.0f}"


if __name__ == "__main__":
    main()
