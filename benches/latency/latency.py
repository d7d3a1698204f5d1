"""Measures latencies at half and at most of each server's capacity: glimpse, and FastAPI + ONNX Runtime.

Run by scripts/bench_latency. Requests arrive at random (Poisson), whatever has come of those before: an open loop. A latency counts
from the time at which the request was due, so that a server that stalls is charged for all that would have come meanwhile
(coordinated omission). Every round measures each server's capacity anew, and then its latencies at shares of that. Prints tables.
Exits with 1 if a request failed, and, without --short, if a goal is not met.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import bodies
import contestants
import goals
import report
from arrivals import closed_rate, parse, poisson, turn
from contestants import ROOT, Contestant, busy_share, running
from report import SHARES

# The share of processor time used by other processes above which a warning is printed.
BUSY = 0.05
# Clients that send one request after another while the capacity is measured.
CLIENTS = 8
# Connections of the open loop: more than requests are ever under way at these loads.
CONNECTIONS = 128
WARM_UP_SECONDS = 2
# Beyond the times of arrival, for what is under way to be answered.
PATIENCE_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Rival:
    """A server; `balances` has a key of the results for each way in which requests are spread over its processes."""

    contestant: Contestant
    balances: dict


def main():
    # sys.exit unwinds, so that a signal also ends what runs.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("A signal ended the measurement."))
    arguments = parse_arguments()
    model = (ROOT / "models/model.onnx").resolve()
    rivals = [
        Rival(contestants.glimpse(arguments.executable), {"glimpse": "least"}),
        Rival(contestants.onnx(model), {"least": "least", "random": "random"}),
    ]
    folder = bodies.make(None, ["small"])["small"].folder
    busy = busy_share()
    if busy > BUSY:
        print(f"  Other processes use {busy:.0%} of the processors: high percentiles tell of them as well.")
    rounds = [one_round(number, rivals, folder, arguments) for number in range(arguments.rounds)]
    rate = max(it.rate for round_ in rounds for it in round_.values())
    own = cost(rate, folder, arguments)
    said = report.results(rounds), report.generator(own), report.about(arguments), report.verdicts(rounds)
    print("\n" + "\n\n".join(said))
    if any(it.errors for round_ in rounds for it in round_.values()):
        sys.exit("Some requests failed: see the errors in the table.")
    is_met = all(goals.SIGNS[goal.sign](goal.measure(rounds), goal.bound) for goal in report.GOALS)
    sys.exit(0 if is_met or arguments.short else 1)


def parse_arguments():
    parser = argparse.ArgumentParser("scripts/bench_latency", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="one round of short turns, no goals: whether all of it works")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds, whose medians are reported (5; 1 with --short)")
    parser.add_argument("--seconds", type=int, metavar="N", help="seconds at each load (40; 3 with --short)")
    parser.add_argument("--capacity-seconds", type=int, metavar="N", help="seconds to measure a capacity (5; 2 with --short)")
    parser.add_argument("--executable", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--generator", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.short else 5)
    arguments.seconds = arguments.seconds or (3 if arguments.short else 40)
    arguments.capacity_seconds = arguments.capacity_seconds or (2 if arguments.short else 5)
    if min(arguments.rounds, arguments.seconds, arguments.capacity_seconds) < 1:
        parser.error("--rounds, --seconds and --capacity-seconds must be at least 1")
    return arguments


def one_round(number, rivals, folder, arguments):
    """`{(key, share): turn}`."""
    turns = {}
    print(f"  round {number + 1} of {arguments.rounds}:", end="", flush=True)
    # Every second round in reverse, so that a machine that becomes slower does not favour the first.
    for rival in rivals[:: -1 if number % 2 else 1]:
        with running(rival.contestant) as server:
            closed(server, folder, arguments, WARM_UP_SECONDS)
            capacity = closed_rate(closed(server, folder, arguments, arguments.capacity_seconds))
            print(f" {rival.contestant.key} {capacity:.0f}/s", end="", flush=True)
            for share in SHARES:
                # All get the same pattern of arrivals in a round, faster or slower.
                times = poisson(share * capacity, arguments.seconds, f"{number} {share}")
                for key, balance in rival.balances.items():
                    requests, _ = opened(server.ports, balance, folder, times, arguments)
                    turns[key, share] = sample = turn(capacity, arguments.seconds, requests)
                    print(f", {key} {share:.0%}: p99.9 {sample.p999:.0f} ms", end="", flush=True)
        print(";", end="", flush=True)
    print()
    return turns


def closed(server, folder, arguments, seconds):
    command = [arguments.generator, "closed", ports(server.ports), folder, str(CLIENTS), "least", str(seconds)]
    return parse(generate(command, "", seconds)[0])


def opened(to, balance, folder, times, arguments):
    """The requests, and the CPU time of the generator in ms for each."""
    command = [arguments.generator, "open", ports(to), folder, str(CONNECTIONS), balance]
    output, cpu = generate(command, "\n".join(map(str, times)), arguments.seconds)
    return parse(output), cpu * 1000 / max(1, len(times))


def ports(numbers):
    return ",".join(map(str, numbers))


def generate(command, times, seconds):
    """The generator's output, and the seconds of CPU time that it took."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as output:
        given.write(times)
        given.flush()
        given.seek(0)
        # A session of its own, like the servers have, because Linux may schedule by session.
        options = {"start_new_session": True, "preexec_fn": go_first}
        process = subprocess.Popen(list(map(str, command)), stdin=given, stdout=output, **options)
        with killed_after(process, seconds + PATIENCE_SECONDS):
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"The load generator ends with {process.returncode}: see its message above.")
        output.seek(0)
        return output.read(), used.ru_utime + used.ru_stime


def go_first(process=0):
    """Lets the calling process, or another one, run at once whenever a request is due, as clients on another machine would, if the system permits."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


@contextlib.contextmanager
def killed_after(process, seconds):
    """Kills a process that takes longer, or when the block fails."""

    def stop(*_):
        raise SystemExit(f"The load generator takes longer than {seconds} s.")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        signal.alarm(0)


def cost(rate, folder, arguments):
    """What the generator adds: its turn at `rate` against a server that does nothing, and its CPU time in ms a request."""

    def command(port):
        return [str(arguments.generator), "serve", str(port)]

    nothing = Contestant("nothing", "a server that does nothing", command, 1, "/")
    with running(nothing) as server:
        # What the system has it wait for is not the generator's.
        go_first(server.processes[0].pid)
        seconds = min(arguments.seconds, 10)
        times = poisson(rate, seconds, "cost")
        requests, cpu = opened(server.ports, "least", folder, times, arguments)
        return turn(rate, seconds, requests), cpu


if __name__ == "__main__":
    main()
