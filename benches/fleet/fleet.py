"""Three instances behind each balancer in turn, under a steady load, and what becomes of the load when things go wrong.

Prints a row for each balancer and event: what was sent, and what became of it; the milliseconds of the right answers (median
and 99th percentile) before, during and after the event; and the balancer's CPU time for a request, in milliseconds. Exits with
1 for a wrong answer, for a request without an outcome, and for a lost one where none may be lost.
"""

import argparse
import contextlib
import itertools
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import balancers
import events
import network
import pictures
import small_model
import throughput
from instances import Fleet, cpu_seconds
from records import HEAD, Mark, Record

# Each balancer has ports of its own from here on: what another one leaves behind can't keep it from starting.
BALANCER_PORTS = itertools.count(27200, 10)
ONE_RUN = ("127.0.7.254", 27200)


def main():
    # Whatever ends the run, every process and namespace that it has made ends as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    arguments = parse_arguments()
    # Two runs would have the same addresses. The system gives this one back however the run ends.
    held = socket.socket()
    try:
        held.bind(ONE_RUN)
    except OSError:
        sys.exit("Another run has the addresses: wait for its end.")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glimpse-fleet-"))
    try:
        run_in(folder, arguments)
    except BaseException:
        print(f"The logs are in {folder}.", file=sys.stderr)
        raise
    shutil.rmtree(folder)


def run_in(folder, arguments):
    """The whole run, with its files in a folder."""
    arguments.pictures = pictures.tiny(folder) if arguments.small else pictures.usual()
    if arguments.small:
        arguments.options += ["--model", str(small_model.write(folder))]
    if arguments.throughput:
        throughput.compare(arguments, folder)
        return
    wanted = arguments.events or (events.SHORT if arguments.short else list(events.ALL))
    print(HEAD, flush=True)
    records = [*by_address(wanted, arguments, folder), *by_name(wanted, arguments, folder)]
    print(f"\n{sum(record.sent for record in records):,} requests, of which "
          f"{sum(record.counts['Right'] for record in records):,} were answered right")
    failures = [failure for record in records for failure in record.failures()]
    if failures or not records:
        sys.exit("\n".join(failures or ["Nothing was run."]))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--load", required=True, help="the executable of benches/fleet.rs")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--quiet", type=float, default=4, metavar="SECONDS", help="load before an event, and after it")
    parser.add_argument("--requests", type=int, default=0, help="repeat the events until each balancer had so many")
    parser.add_argument("--short", action="store_true", help=f"the events {' and '.join(events.SHORT)} alone")
    known = [balancer.name for balancer in balancers.all_balancers()]
    parser.add_argument("--balancers", nargs="*", choices=known, metavar="BALANCER", help=f"of: {', '.join(known)}")
    parser.add_argument("--events", nargs="*", choices=events.ALL, metavar="EVENT", help=f"of: {', '.join(events.ALL)}")
    parser.add_argument("--small", action="store_true", help="tiny pictures and a tiny model, for very many requests")
    parser.add_argument("--throughput", action="store_true", help="compare three instances with one of two workers instead")
    parser.add_argument("options", nargs="*", help="options of glimpse, behind --")
    return parser.parse_args()


def by_address(wanted, arguments, folder):
    """The events behind balancers whose files have the addresses of three instances."""
    names = [name for name in wanted if name not in events.BY_DNS]
    inside = [name for name in names if name in events.IN_NAMESPACE]
    missing = network.missing("ip", "tc", "iptables") if inside else None
    if missing:
        names = [name for name in names if name not in inside]
        print(f"skipped {', '.join(inside)}: {missing}", flush=True)
    if not names:
        return []
    with network.Namespace() if inside and not missing else contextlib.nullcontext() as namespace:
        fleet = Fleet(arguments.executable, folder, options(arguments), namespace=namespace)
        return run(fleet, balancers.all_balancers(), names, arguments, folder)


def by_name(wanted, arguments, folder):
    """The events behind balancers that find up to four instances by DNS."""
    names = [name for name in wanted if name in events.BY_DNS]
    missing = network.missing("dnsmasq") if names else None
    if missing:
        print(f"skipped {', '.join(names)}: {missing}", flush=True)
    if missing or not names:
        return []
    with network.Names() as dns:
        fleet = Fleet(arguments.executable, folder, options(arguments), names=dns)
        return run(fleet, balancers.balancers_by_name(), names, arguments, folder)


def options(arguments):
    return ["--workers", "1", *arguments.options]


def run(fleet, candidates, names, arguments, folder):
    """The events behind each balancer that is wanted and installed. Returns their records."""
    records = []
    try:
        for balancer in candidates:
            if arguments.balancers and balancer.name not in arguments.balancers:
                continue
            if balancer.path() is None:
                print(f"skipped {balancer.name}: it is not installed", flush=True)
                continue
            records += behind(balancer, fleet, names, arguments, folder)
    finally:
        fleet.stop_at_once()
    return records


def behind(balancer, fleet, names, arguments, folder):
    """The events behind one balancer, again and again if more requests are wanted. Prints a row for each."""
    records = [Record(balancer.name, name, most_lost(balancer, name, arguments.clients)) for name in names]
    fleet.start()
    try:
        balancer.start(fleet, next(BALANCER_PORTS), folder)
        while True:
            for record in records:
                observe(record, balancer, fleet, arguments, folder)
                if not arguments.requests:
                    show(record)
            if sum(record.sent for record in records) >= arguments.requests:
                break
    finally:
        balancer.stop()
    if arguments.requests:
        for record in records:
            show(record)
    return records


def most_lost(balancer, name, clients):
    """How many requests may be lost: none, or those on their way to the instance that is hit, one of each client."""
    event = events.ALL[name]
    return 0 if event.kind is None or event.kind in balancer.repeats else event.hits * clients


def observe(record, balancer, fleet, arguments, folder):
    """One event under load, added to its record."""
    output = folder / "requests"
    # The answers that all others are held against come from an instance, without a balancer.
    command = [arguments.load, "--direct", fleet[0].address, "--http", balancer.http, "--grpc", balancer.grpc]
    shown = [*arguments.pictures, pictures.large(folder)] if events.ALL[record.event].has_large else arguments.pictures
    command += ["--pictures", ",".join(map(str, shown))]
    cpu = cpu_seconds(balancer.process.pid)
    with output.open("wb") as out:
        load = subprocess.Popen([*command, "--clients", str(arguments.clients)], stdin=subprocess.PIPE, stdout=out)
    try:
        time.sleep(arguments.quiet)
        begin = time.time()
        events.ALL[record.event].run(fleet)
        end = time.time()
        time.sleep(arguments.quiet)
    finally:
        load.stdin.close()
        try:
            load.wait(60)
        finally:
            load.kill()
    if load.returncode != 0:
        raise SystemExit(f"The clients ended with {load.returncode}.")
    record.add(output.read_text(), Mark(begin, end), cpu_seconds(balancer.process.pid) - cpu)


def show(record):
    print(record.row(), *record.reasons(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
