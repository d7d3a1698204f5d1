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
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

PICTURES = pathlib.Path(__file__).resolve().parents[1] / "tests/pictures"
GIB = 1 << 30
# The memory that a refused picture may add to the server's, in MB.
REFUSED_COSTS = 20
# The same for a picture of 50 million pixels: the pixels, and the decoder's buffers.
LARGEST_COSTS = 220
# MAX_INFLIGHT_BYTES and MAX_BODY_BYTES by default, in MB.
BUDGET = 135
LARGEST_BODY = 20
# The longest that /livez may take while bodies are parsed, in ms. Parsing on the threads that serve connections took 624 ms. The
# workers leave a busy machine's connections waiting for a processor, which takes less.
LIVEZ = 300


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, before=b"", packed=None):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packed = zlib.compress(b"\0" * 1000) if packed is None else packed
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def packed_zeros(length):
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(length >> 20)]
    return b"".join(parts) + packer.flush()


def gif(width, height):
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0;"


def bmp(width, height):
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def tiff(**changes):
    tags = {"width": (256, 4, 1, 10), "height": (257, 4, 1, 10), "bits": (258, 3, 1, 8), "compression": (259, 3, 1, 1)}
    tags |= {"colours": (262, 3, 1, 1), "offsets": (273, 4, 1, 8), "samples": (277, 3, 1, 1), "rows": (278, 4, 1, 10)}
    tags |= {"counts": (279, 4, 1, 100)} | changes
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags.values()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(104)


def webp(kind, data):
    data = kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def jpeg_of_scans(times):
    file = (PICTURES / "rocket_progressive.jpg").read_bytes()
    scan = file[file.rindex(b"\xff\xda") : -2]
    return file[:-2] + scan * times + b"\xff\xd9"


def jpeg_of_directories(count):
    """Directories that overlap: each entry points to another one, and following all pointers reads millions of entries."""
    entries = b"".join(struct.pack("<HHII", 0x8769, 4, 1, 20 + index) for index in range(count))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    file = (PICTURES / "coffee.jpg").read_bytes()
    return file[:2] + segment + file[2:]


def cases():
    zeros = packed_zeros(GIB)
    small = zlib.compress(b"".join(b"\0" + bytes(30) for _ in range(10)))
    huge_jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xdc\xff\xdc\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0\xff\xd9"
    huge = {"width": (256, 4, 1, 7000), "height": (257, 4, 1, 7000), "rows": (278, 4, 1, 7000)}
    yield "PNG of 13000 x 13000, 20 kB", 422, png(13000, 13000, packed=packed_zeros(20 << 20))
    yield "PNG with a zTXt of 1 GB", 200, png(10, 10, chunk(b"zTXt", b"k\0\0" + zeros), small)
    yield "PNG with an iTXt of 1 GB", 200, png(10, 10, chunk(b"iTXt", b"k\0\1\0\0\0" + zeros), small)
    yield "PNG with a colour profile of 1 GB", (200, 422), png(10, 10, chunk(b"iCCP", b"k\0\0" + zeros), small)
    yield "PNG with 1 GB for 10 x 10 pixels", (200, 422), png(10, 10, packed=zeros)
    yield "GIF of 65535 x 65535", 422, gif(65535, 65535)
    yield "BMP of 60000 x 60000", 422, bmp(60000, 60000)
    yield "BMP of 7000 x 7000, without them", 422, bmp(7000, 7000)
    yield "BMP of -2147483648 x -2147483648", 422, bmp(-(2**31), -(2**31))
    yield "WebP of 16384 x 16384", 422, webp(b"VP8X", b"\0\0\0\0\xff\x3f\0\xff\x3f\0")
    yield "WebP of 16383 x 16383, lossy", 422, webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(8))
    yield "JPEG of 65500 x 65500", 422, huge_jpeg
    yield "JPEG with Exif directories that overlap", 200, jpeg_of_directories(5000)
    yield "JPEG of 500 more scans", 422, jpeg_of_scans(500)
    yield "TIFF of 60000 x 60000", 422, tiff(width=(256, 4, 1, 60000), height=(257, 4, 1, 60000))
    yield "TIFF of 4 billion strips", 422, tiff(**huge | {"offsets": (273, 4, 4_000_000_000, 8), "counts": (279, 4, 4_000_000_000, 8)})
    yield "TIFF that lists 8 million strips", (200, 422), tiff(offsets=(273, 1, 8_000_000, 8), counts=(279, 1, 8_000_000, 8)) + bytes(8_000_000)
    yield "WebP of 7000 x 7000, lossy, without them", 422, webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 7000, 7000) + bytes(8))
    yield "WebP of 61 x 43 with a picture of 16383 x 16383", 422, webp(b"VP8X", b"\0\0\0\0\x3c\0\0\x2a\0\0" + b"VP8L" + struct.pack("<I", 8) + b"\x2f\xfe\xbf\xff\x0f\0\0\0")
    yield "TIFF with a strip of 4 GB", 422, tiff(**huge | {"counts": (279, 4, 1, 4_000_000_000)})
    yield "TIFF with a colour profile of 4 GB", (200, 422), tiff(profile=(34675, 7, 4_000_000_000, 8))
    yield "PNG of 7000 x 7000, which is let in", 200, png(7000, 7000, packed=packed_zeros(148 << 20))
    yield "GIF of 7000 x 7000, one pixel of it there", 200, gif(7000, 7000)


def memory(pid, name):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1000


def forget_peak(pid):
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
    bomb = gzip.compress(bytes(GIB))
    for path, headers in [("/api/v1/analyze", JSON), ("/predict", JSON), ("/answer", FORM)]:
        # The buffer for the inflated bytes grows by doubling.
        name = f"a gzip bomb of 1 GB to {path}"
        yield name, [("POST", path, bomb, headers | {"Content-Encoding": "gzip"})], {413}, 2 * LARGEST_BODY + REFUSED_COSTS
    for method, path, status in [
        ("POST", "/", 405),
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
    for number, (_, _, picture) in enumerate(cases()):
        (folder / f"{number:02}").write_bytes(picture)


def main():
    if sys.argv[1] == "--write":
        return write(pathlib.Path(sys.argv[2]))
    url, pid = sys.argv[1:]
    for name in ["coffee.png", "coffee.png", "coffee.tif", "coffee.gif"]:
        send(url, (PICTURES / name).read_bytes())
    failed = 0
    for name, expected, data, deliver in [*((*case, send) for case in cases()), *((*case, post) for case in bodies())]:
        forget_peak(pid)
        before, begun = memory(pid, "VmRSS"), time.perf_counter()
        status = deliver(url, data)
        took, more = time.perf_counter() - begun, max(0.0, memory(pid, "VmHWM") - before)
        is_let_in = name.endswith(("let in", "there"))
        # The request itself is held as well, as text and as bytes.
        most = (LARGEST_COSTS if is_let_in else REFUSED_COSTS) + 3 * len(data) / 1e6 * (status not in (413, 0))
        holds = status in (expected if isinstance(expected, tuple) else (expected,)) and more <= most
        failed += not holds
        print(f"{'ok  ' if holds else 'NOT '} {status}  {took * 1000:6.0f} ms  {more:6.1f} MB  {name}")
    failed += check_gateway(url, pid)
    if failed:
        sys.exit(f"{failed} of them are not answered as they should be, or cost too much.")


if __name__ == "__main__":
    main()
