"""What the start takes, what each further worker costs, what a storm leaves, what idle connections cost. scripts/bench_cores
runs it.

With --against, the start of another build is measured in turns with this one's. Prints a line for each goal, and ends with 1 if
one is missed. Times are medians.
"""

import argparse
import pathlib
import statistics
import sys

import beside
import idle
import storm
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benches/peers"))
import bodies

# Goals of the project: see benches/README.md.
START_RATIO = 0.5
READY_RATIO = 1.3
MEMORY_RATIO, MEMORY_MB_A_WORKER = 1.5, 2
STORM_RATIO = 1.2
IDLE_PERCENT = 0.5
# Kinds of requests: name, type, requests to measure, and milliseconds of CPU time beside the stages, at most.
KINDS = {
    "small": ("small, JSON", "application/json", 400, 0.6),
    "large": ("12 megapixels, JSON", "application/json", 80, 3),
    "raw": ("12 megapixels, the file", "image/jpeg", 80, 3),
}
# A short run has one request in so many.
SHORT = 10


def main():
    arguments = parse_arguments()
    verdicts = []
    verdicts += start("float", {}, arguments)
    if arguments.int8:
        models = {arguments.executable: arguments.int8, arguments.against: arguments.against_int8 or arguments.int8}
        verdicts += start("int8", models, arguments)
    verdicts += workers(arguments)
    verdicts += beside_the_stages(arguments)
    verdicts += after_storm(arguments)
    verdicts += connections(arguments)
    print("\n| goal | measured | |\n| --- | --- | --- |")
    for goal, measured, is_met in verdicts:
        print(f"| {goal} | {measured} | {'met' if is_met else 'NOT MET'} |")
    return 0 if arguments.short or all(is_met for *_, is_met in verdicts) else 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--against", help="another build")
    parser.add_argument("--int8", type=pathlib.Path, help="an int8 model whose start is measured too")
    parser.add_argument("--against-int8", type=pathlib.Path, help="that of the other build; default: the same")
    parser.add_argument("--rounds", type=int, default=20, help="starts of each build")
    parser.add_argument("--workers", type=int, default=64, help="the most workers")
    parser.add_argument("--connections", type=int, default=10_000, help="idle connections")
    parser.add_argument("--seconds", type=float, default=20, help="for which idle connections are watched")
    parser.add_argument("--short", action="store_true", help="looks whether all of it works, in less than a minute")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.rounds, arguments.workers, arguments.connections, arguments.seconds = 3, 8, 500, 2
    return arguments


def start(name, models, arguments):
    """The time from exec to ready, with the page cache warm: a first start of each build does not count. `models` are files to
    serve in place of a build's own model."""
    builds = [build for build in (arguments.against, arguments.executable) if build]
    times = {build: [] for build in builds}
    for turn in range(arguments.rounds + 1):
        for build in builds if turn % 2 else reversed(builds):
            model = ["--model", str(models[build])] if build in models else []
            with Server(build, *model) as server:
                if turn:
                    times[build].append((server.ready_ms, server.start_cpu_ms))
    print(f"\n| start, {name} | ready ms | CPU ms |\n| --- | --- | --- |")
    for build in builds:
        ready, cpu = zip(*times[build], strict=True)
        label = "this build" if build == arguments.executable else "the other build"
        print(f"| {label} | {shown(ready)} | {shown(cpu)} |", flush=True)
    if not arguments.against:
        return []
    pairs = zip(times[arguments.executable], times[arguments.against], strict=True)
    ratio = statistics.median(one[0] / other[0] for one, other in pairs)
    return [(f"start, {name}: at most {START_RATIO} of the other build's", f"{ratio:.2f}", ratio <= START_RATIO)]


def workers(arguments):
    """Ready, idle memory, and what a small request costs with as many clients as there are workers. A lock that all of them take
    would make requests wait more often, the more workers there are."""
    pictures = [file.read_bytes() for file in bodies.make(None, ("small",))["small"].files]
    counts = [count for count in (1, 2, 4, 8, 16, 32, 64, 128, 256) if count <= arguments.workers]
    rounds = max(arguments.rounds // 4, 1)
    ready, memory, waits = {count: [] for count in counts}, {}, {}
    print("\n| workers | ready ms | idle MB | threads | CPU ms a small request | waits |\n| --- | --- | --- | --- | --- | --- |")
    for turn in range(rounds):
        for count in counts if turn % 2 else reversed(counts):
            with Server(arguments.executable, "--workers", str(count)) as server:
                ready[count].append(server.ready_ms)
    for count in counts:
        with Server(arguments.executable, "--workers", str(count)) as server:
            memory[count], threads = server.resident_mb(), server.threads()
            cpu, waits[count] = storm.cost(server, pictures, clients=count, requests=max(4 * count, 100))
        cells = shown(ready[count]), f"{memory[count]:.0f}", str(threads), f"{cpu:.1f}", f"{waits[count]:.1f}"
        print(f"| {count} | {' | '.join(cells)} |", flush=True)
    first, last = counts[0], counts[-1]
    ratio = statistics.median(ready[last]) / statistics.median(ready[first])
    most = MEMORY_RATIO * memory[first] + MEMORY_MB_A_WORKER * last
    one, all_of_them = waits[first], waits[last]
    return [
        (f"ready with {last} workers: at most {READY_RATIO} times as late as with one", f"{ratio:.2f}", ratio <= READY_RATIO),
        (f"idle memory with {last} workers: at most {most:.0f} MB", f"{memory[last]:.0f} MB", memory[last] <= most),
        (f"waits with {last} workers: at most those with one, {one:.1f}", f"{all_of_them:.1f}", all_of_them <= one),
    ]


def beside_the_stages(arguments):
    """The CPU time of a request that is neither decode nor resize nor inference, with one client."""
    print("\n| request | connections' threads, CPU ms | worker, CPU ms | decode | resize | inference | beside them |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    verdicts = []
    with Server(arguments.executable, "--workers", "1") as server:
        for kind, made in bodies.make(None, tuple(KINDS)).items():
            pictures = [file.read_bytes() for file in made.files]
            name, content_type, requests, most = KINDS[kind]
            requests //= SHORT if arguments.short else 1
            serving, working, *stages = beside.measure(server, pictures, requests, content_type)
            rest = serving + max(working - sum(stages), 0)
            cells = " | ".join(f"{value:.2f}" for value in (serving, working, *stages, rest))
            print(f"| {name} | {cells} |", flush=True)
            verdicts.append((f"{name}: at most {most} ms beside the stages", f"{rest:.2f} ms", rest <= most))
    return verdicts


def after_storm(arguments):
    """Memory before and after as many pictures of 48 megapixels as the workers can have in work, twice."""
    with Server(arguments.executable, "--workers", str(arguments.workers), *storm.OPTIONS) as server:
        before = server.resident_mb()
        peak = storm.rage(server, clients=arguments.workers, pictures=2 * arguments.workers)
        after = storm.at_rest(server)
    print(f"\nStorm on {arguments.workers} workers: {before:.0f} MB before, {peak:.0f} MB at most, {after:.0f} MB at rest.", flush=True)
    ratio = after / before
    return [(f"memory after a storm: at most {STORM_RATIO} times that before", f"{ratio:.2f}", ratio <= STORM_RATIO)]


def connections(arguments):
    """The CPU time that idle connections take, and the threads."""
    with Server(arguments.executable, *idle.OPTIONS) as server:
        percent, opened, more_threads = idle.watch(server, arguments.connections, arguments.seconds)
    print(f"\n{opened} idle connections: {percent:.2f} % of a core, {more_threads} more threads.", flush=True)
    return [
        (f"{opened} idle connections: at most {IDLE_PERCENT} % of a core", f"{percent:.2f} %", percent <= IDLE_PERCENT),
        ("threads for idle connections: none", str(more_threads), more_threads == 0),
    ]


def shown(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    sys.exit(main())
