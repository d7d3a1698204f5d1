"""Many pictures at once: small ones for their cost, and such of 48 megapixels for the memory that they leave."""

import http.client
import io
import itertools
import threading
import time

from PIL import Image

# Pictures are decoded whole: 144 MB of pixels each.
OPTIONS = ["--jpeg-decode", "exact", "--inference-timeout", "10m", "--queue-depth", "256"]
SIZE = (8000, 6000)
# Longer than the server waits at rest before it gives memory back.
REST_SECONDS = 6
# The memory is looked at so often.
LOOK_SECONDS = 0.05


def cost(server, pictures, clients, requests):
    """Milliseconds of CPU time for a picture, and how often threads wait, after one picture for each client."""
    send(server, pictures, clients, clients, "application/json")
    before = server.cpu_ms(), server.waits()
    send(server, pictures, clients, requests, "application/json")
    return [(now - then) / requests for now, then in zip((server.cpu_ms(), server.waits()), before, strict=True)]


def rage(server, clients, pictures):
    """Sends large pictures from many clients, and returns the most memory that was resident, in MB."""
    most, is_over = [0.0], threading.Event()

    def look():
        while not is_over.wait(LOOK_SECONDS):
            most[0] = max(most[0], server.resident_mb())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        send(server, [large()], clients, pictures, "image/jpeg")
    finally:
        is_over.set()
        looking.join()
    return most[0]


def at_rest(server):
    """The resident memory after some seconds without work."""
    time.sleep(REST_SECONDS)
    return server.resident_mb()


def large():
    """A picture of 48 megapixels in a small file."""
    picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()


def send(server, bodies, clients, count, content_type):
    """Has `count` pictures analyzed, each client sending one after another. A server that is full is asked again."""
    left, wrong = itertools.count(), []

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        while (number := next(left)) < count:
            while (status := ask(connection, bodies[number % len(bodies)], content_type)) == 503:
                time.sleep(0.1)
            if status != 200:
                wrong.append(status)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(min(clients, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} of {count} pictures were not analyzed: {sorted(set(wrong))}")


def ask(connection, body, content_type):
    connection.request("POST", "/api/v1/analyze", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    answer.read()
    return answer.status
