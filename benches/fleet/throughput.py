"""What three instances with one worker each answer, beside one instance with two workers, in turn."""

import statistics
import subprocess
import tempfile
import time

from instances import Fleet, Instance, cpu_seconds

CLIENTS = 6
ROUNDS = 6
SECONDS = 5


def compare(arguments, folder):
    """Prints the requests a second of both, and their ratio: the median of the rounds. The clients ask the instances
    themselves, in equal numbers."""
    three = Fleet(arguments.executable, folder, ["--workers", "1", *arguments.options])
    one = Instance(arguments.executable, "127.0.7.9", folder, ["--workers", "2", *arguments.options])
    try:
        three.start()
        one.start()
        measure(arguments, three)
        measure(arguments, [one])
        rounds = [(measure(arguments, three), measure(arguments, [one])) for _ in range(ROUNDS)]
    finally:
        three.stop_at_once()
        one.stop_at_once()
    for index, what in enumerate(("three instances, WORKERS=1", "one instance, WORKERS=2")):
        rate, cpu = (statistics.median(round[index][number] for round in rounds) for number in range(2))
        print(f"{what}: {rate:.1f} requests/s, {cpu:.2f} ms of CPU time a request")
    for number, what in enumerate(("requests/s", "CPU time a request")):
        print(f"{what}, three to one: {statistics.median(a[number] / b[number] for a, b in rounds):.3f}")


def measure(arguments, instances):
    """Requests a second, and milliseconds of CPU time for each."""
    addresses = ",".join(instance.address for instance in instances)
    command = [arguments.load, "--direct", instances[0].address, "--http", addresses, "--grpc", addresses]
    command += ["--clients", str(CLIENTS), "--pictures", ",".join(map(str, arguments.pictures))]
    with tempfile.TemporaryFile("w+") as output:
        clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output)
        # For the answers that all others are held against.
        time.sleep(1)
        before = sum(cpu_seconds(instance.process.pid) for instance in instances)
        begun = time.time()
        time.sleep(SECONDS)
        clients.stdin.close()
        try:
            clients.wait(60)
        finally:
            clients.kill()
        cpu = sum(cpu_seconds(instance.process.pid) for instance in instances) - before
        output.seek(0)
        *lines, _ = output.read().splitlines()
    requests = [line for line in lines if float(line.split()[0]) >= begun]
    wrong = [request for request in requests if " Right " not in request]
    if wrong:
        raise SystemExit(f"An answer is not right: {wrong[0]}")
    seconds = float(requests[-1].split()[0]) - begun
    return len(requests) / seconds, cpu * 1000 / len(requests)
