"""How many pictures a second a core analyzes, and the memory that each worker takes. scripts/sizing runs it.

Starts the server with one worker, with two and with four, and sends it small photographs and photographs of 12 megapixels
from as many clients as there are workers. Prints, for each, the server's own CPU time for a picture, the pictures that a
core would analyze in a second of it, and the peak of its memory. The clients' CPU time does not count.
"""

import argparse
import http.client
import itertools
import pathlib
import signal
import sys
import tempfile
import threading
import time

from instances import PORT, Instance, cpu_seconds

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import bodies

MIB = 1 << 20
WORKERS = (1, 2, 4)
# Pictures before the first one that counts, for each worker: buffers grow with the first ones.
WARM_UP = 8


def main():
    # The server ends with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    arguments = parse_arguments()
    kinds = bodies.make(arguments.pictures, ("small", "large"))
    print("| pictures | workers | CPU ms a picture | pictures a second a core | peak MiB |\n| --- | --- | --- | --- | --- |")
    for kind, made in kinds.items():
        peaks = []
        for workers in WORKERS:
            milliseconds, peak = measure(arguments, workers, [file.read_bytes() for file in made.files])
            peaks.append(peak)
            print(f"| {kind} | {workers} | {milliseconds:.1f} | {1000 / milliseconds:.1f} | {peak:.0f} |", flush=True)
        grown = (peaks[-1] - peaks[0]) / (WORKERS[-1] - WORKERS[0])
        print(f"| {kind} | one more | | | {grown:.0f} |", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--seconds", type=float, default=10, help="for each number of workers")
    parser.add_argument("--pictures", type=pathlib.Path, help="a folder with photographs to send instead")
    return parser.parse_args()


def measure(arguments, workers, requests):
    """Milliseconds of CPU time for a picture, and the peak of the server's memory in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(arguments.executable, "127.0.7.8", pathlib.Path(folder), ["--workers", str(workers)])
        try:
            instance.start()
            send(instance, workers, requests, count=WARM_UP)
            before = cpu_seconds(instance.process.pid)
            sent = send(instance, workers, requests, seconds=arguments.seconds)
            cpu = cpu_seconds(instance.process.pid) - before
            return cpu * 1000 / sent, peak_memory(instance.process.pid) / MIB
        finally:
            instance.stop_at_once()


def send(instance, clients, requests, count=None, seconds=None):
    """Sends from several clients, each a number of pictures or for a time. Returns how many were analyzed."""
    sent, wrong = [], []
    end = time.monotonic() + seconds if seconds else None

    def client(number):
        connection = http.client.HTTPConnection(instance.host, PORT, timeout=60)
        own = itertools.islice(itertools.cycle(requests), number, None)
        for done in itertools.count():
            if done == count or (end and time.monotonic() > end):
                break
            connection.request("POST", "/api/v1/analyze", next(own), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            (sent if answer.status == 200 else wrong).append(answer.status)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong or not sent:
        hint = "; 504 means that the machine is too busy with something else" if 504 in wrong else ""
        raise SystemExit(f"{len(wrong)} pictures were not analyzed: {sorted(set(wrong))}{hint}")
    return len(sent)


def peak_memory(pid):
    """The most memory that the process has had (proc(5), VmHWM), in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("The system does not tell the peak of a process' memory: run this on Linux.")


if __name__ == "__main__":
    main()
