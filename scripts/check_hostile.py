"""Sends hostile pictures and bodies to a running server and prints what each costs.

    check_hostile.py URL PID
    check_hostile.py --write FOLDER

Exits with 1 if an answer has the wrong status, if a request takes more memory than its bound, or if /livez takes too long
meanwhile. Other times are printed and have no bound, since they depend on the machine. Memory is read from /proc; without
/proc it is not checked.

--write writes the pictures and bodies to a folder instead of sending them. scripts/soak sends them from there.
"""

import base64
import concurrent.futures
import contextlib
import gzip
import http.client
import json
import multiprocessing
import os
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from hostile_pictures import GIB, LARGEST_COSTS, PICTURES, REFUSED_COSTS, cases, packed_zeros, png

# MAX_INFLIGHT_BYTES and MAX_BODY_BYTES by default, in MB.
BUDGET = 135
LARGEST_BODY = 20
# The longest that /livez may take while bodies are parsed, in ms. Parsing on the threads that serve connections took 624 ms. The
# workers leave a busy machine's connections waiting for a processor, which takes less.
LIVEZ = 300


def memory(pid, name):
    """The memory of the server and of the processes in which it decodes, in MB."""
    return sum(map(lambda pid: memory_of(pid, name), family(pid)))


def memory_of(pid, name):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(name)), 0) / 1000


def family(pid):
    children = [path.read_text().split() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(child for line in children for child in line)]


def forget_peak(pid):
    for pid in family(pid):
        try:
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            pass


def bodies():
    """Bodies without a picture."""
    nested = b"[" * 100_000 + b"]" * 100_000
    yield "JSON nested 100,000 deep", 400, b'{"a":' + nested + b',"base64Image":""}'
    yield "JSON nested 100,000 deep, instead of a text", 400, b'{"base64Image":' + nested + b"}"
    yield "a body of 100 MB", (413, 0), bytes(100_000_000)


def send(url, picture):
    return post(url, json.dumps({"base64Image": base64.b64encode(picture).decode()}).encode())


def post(url, body):
    request = urllib.request.Request(f"{url}/api/v1/analyze", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        # Answered, and closed, while it was still being sent.
        return 0


@contextlib.contextmanager
def probing(url):
    """Asks for /livez a hundred times a second while the block runs, in a process of its own, so that Python's lock does not
    delay it. The value is the longest time in ms, and is valid after the block."""
    longest, is_over = multiprocessing.Value("d", 0.0), multiprocessing.Event()
    probe = multiprocessing.Process(target=ask_livez, args=(urllib.parse.urlsplit(url).netloc, longest, is_over))
    probe.start()
    try:
        yield longest
    finally:
        is_over.set()
        probe.join()


def ask_livez(address, longest, is_over):
    connection = http.client.HTTPConnection(address, timeout=30)
    while not is_over.wait(0.01):
        begun = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        longest.value = max(longest.value, (time.perf_counter() - begun) * 1000)


def ask(url, method, path, body, headers):
    """Returns the status of a request, or 0 if it fails. http.client writes the whole body before it reads."""
    with contextlib.closing(http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)) as connection:
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        except OSError:
            return 0


def all_at_once(url, requests):
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as clients:
        return sorted(clients.map(lambda request: ask(url, *request), requests))


FORM = {"Content-Type": "multipart/form-data; boundary=x"}
JSON = {"Content-Type": "application/json"}


def gateway():
    """Cases of concurrent bodies: a name, the requests, the allowed statuses, and the bound on memory in MB."""
    padded = png(7000, 7000, packed=packed_zeros(148 << 20))
    padded += bytes(19_000_000 - len(padded))
    form = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n' + padded + b"\r\n--x--\r\n"
    # Each worker has a copy of the file and its pixels beside the body.
    working = (LARGEST_COSTS + LARGEST_BODY) * len(os.sched_getaffinity(0))
    yield "40 forms of 19 MB", [("POST", "/answer", form, FORM)] * 40, {200, 503, 504}, BUDGET + working
    parts = b"--x\r\n\r\n\r\n" * 1_800_000 + b"--x--\r\n"
    yield "3 forms of 1.8 million parts", [("POST", "/answer", parts, FORM)] * 3, {400}, BUDGET
    wide = b'{"a":[' + b"1," * 9_500_000 + b"1]}"
    yield "3 JSON arrays of 9.5 million numbers", [("POST", "/api/v1/analyze", wide, JSON)] * 3, {400}, BUDGET
    objects = b'{"a":[' + b'{"a":{}},' * 2_000_000 + b"{}]}"
    yield "3 JSON arrays of 2 million objects", [("POST", "/api/v1/analyze", objects, JSON)] * 3, {400}, BUDGET
    escapes = b'{"base64Image":"' + b"\\u0041" * 3_000_000 + b'"}'
    yield "3 texts of 3 million escapes", [("POST", "/api/v1/analyze", escapes, JSON)] * 3, {422}, BUDGET
    texts = b'{"images":[' + b'"",' * 6_000_000 + b'""]}'
    yield "3 batches of 6 million empty texts", [("POST", "/api/v1/analyze/batch", texts, JSON)] * 3, {413}, BUDGET
    bomb = gzip.compress(bytes(GIB))
    for path, headers in [("/api/v1/analyze", JSON), ("/api/v1/analyze/batch", JSON), ("/predict", JSON), ("/answer", FORM)]:
        # The buffer for the inflated bytes grows by doubling.
        name = f"a gzip bomb of 1 GB to {path}"
        yield name, [("POST", path, bomb, headers | {"Content-Encoding": "gzip"})], {413}, 2 * LARGEST_BODY + REFUSED_COSTS
    for method, path, status in [
        ("PUT", "/", 405),
        ("POST", "/nothing", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/livez", 200),
        ("POST", "/metrics", 405),
        ("POST", "/answer", 415),
    ]:
        name = f"20 times 10 MB to {method} {path}"
        yield name, [(method, path, bytes(10_000_000), JSON)] * 20, {status}, REFUSED_COSTS


def check_gateway(url, pid):
    failed = 0
    for name, requests, expected, most in gateway():
        forget_peak(pid)
        before, begun = memory(pid, "VmRSS"), time.perf_counter()
        with probing(url) as livez:
            statuses = all_at_once(url, requests)
        took, more = time.perf_counter() - begun, max(0.0, memory(pid, "VmHWM") - before)
        holds = set(statuses) <= expected and more <= most and livez.value <= LIVEZ
        failed += not holds
        counts = ", ".join(f"{statuses.count(status)} x {status}" for status in sorted(set(statuses)))
        figures = f"{took * 1000:6.0f} ms  {more:6.1f} MB  /livez {livez.value:5.1f} ms"
        print(f"{'ok  ' if holds else 'NOT '} {figures}  {name}: {counts}")
    return failed


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, (_, _, picture, *_) in enumerate(cases()):
        (folder / f"{number:02}").write_bytes(picture)


def main():
    if sys.argv[1] == "--write":
        return write(pathlib.Path(sys.argv[2]))
    url, pid = sys.argv[1:]
    for name in ["coffee.png", "coffee.png", "coffee.tif", "coffee.gif"]:
        send(url, (PICTURES / name).read_bytes())
    failed = 0
    sent = [*((case, send) for case in cases()), *((case, post) for case in bodies())]
    for (name, expected, data, *bound), deliver in sent:
        forget_peak(pid)
        before, begun = memory(pid, "VmRSS"), time.perf_counter()
        status = deliver(url, data)
        took, more = time.perf_counter() - begun, max(0.0, memory(pid, "VmHWM") - before)
        is_let_in = name.endswith(("let in", "there"))
        # The request itself is held as well, as text and as bytes.
        most = (bound[0] if bound else LARGEST_COSTS if is_let_in else REFUSED_COSTS) + 3 * len(data) / 1e6 * (status not in (413, 0))
        holds = status in (expected if isinstance(expected, tuple) else (expected,)) and more <= most
        failed += not holds
        print(f"{'ok  ' if holds else 'NOT '} {status}  {took * 1000:6.0f} ms  {more:6.1f} MB  {name}")
    failed += check_gateway(url, pid)
    if failed:
        sys.exit(f"{failed} of them are not answered as they should be, or cost too much.")


if __name__ == "__main__":
    main()
