"""What a server's /metrics lists: names, types, help, labels and their values."""

import base64
import json
import pathlib
import re
import socket
import struct
import time
import urllib.error
import urllib.request

PICTURES = pathlib.Path(__file__).resolve().parents[2] / "tests/pictures"
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# The series that a histogram has.
SUFFIXES = ("_bucket", "_sum", "_count")


class Metric:
    """A metric. `labels` has the values of each label."""

    def __init__(self, name):
        self.name, self.help, self.type = name, "", "untyped"
        self.labels = {}


def parse(text):
    """The metrics in a text of Prometheus' format, by name."""
    metrics = {}
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            _, kind, name, rest = line.split(" ", 3)
            setattr(metrics.setdefault(name, Metric(name)), kind.lower(), rest)
        elif found := SAMPLE.match(line):
            metric = metrics.get(found[1]) or metrics.setdefault(family(found[1], metrics), Metric(found[1]))
            for label, value in LABEL.findall(found[2] or ""):
                metric.labels.setdefault(label, set()).add(value)
    return metrics


def family(series, metrics):
    """The name of the metric that a series belongs to."""
    names = [series.removesuffix(suffix) for suffix in SUFFIXES if series.endswith(suffix)]
    return next((name for name in names if name in metrics and metrics[name].type == "histogram"), series)


def listed(url):
    """The metrics of a server, after requests of every kind: a metric with labels is listed from its first event on."""
    exercise(url)
    # The last request is counted after its answer.
    time.sleep(0.2)
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        return parse(answer.read().decode())


def exercise(url):
    picture = (PICTURES / "coffee.jpg").read_bytes()
    text = base64.b64encode(picture).decode()
    document = {"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [text]}]}
    post(url, "/api/v1/analyze", json.dumps({"base64Image": text}), "application/json")
    post(url, "/predict", json.dumps({"image_data": text}), "application/json")
    post(url, "/v2/models/any/infer", json.dumps(document), "application/json")
    get(url, "/readyz")
    get(url, "/nothing")
    call(url, "/glimpse.v1.Classifier/Classify", field(1, picture))
    call(url, "/glimpse.v1.Classifier/ClassifyBatch", field(1, picture))
    call(url, "/glimpse.v1.Classifier/ClassifyStream", field(1, picture))
    call(url, "/inference.GRPCInferenceService/ModelInfer", b"")
    call(url, "/inference.GRPCInferenceService/ModelStreamInfer", b"")
    call(url, "/inference.GRPCInferenceService/ServerLive", b"")
    # Refused, by the server and by its HTTP library.
    say(url, b"POST /api/v1/analyze HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\nContent-Type: application/json\r\n\r\n")
    say(url, b"no head\r\n\r\n")


def get(url, path):
    ask(urllib.request.Request(url + path))


def post(url, path, body, content_type):
    body = body.encode() if isinstance(body, str) else body
    ask(urllib.request.Request(url + path, body, {"Content-Type": content_type}))


def ask(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
    except urllib.error.HTTPError as refusal:
        refusal.close()


def call(url, method, message):
    """Calls a method of gRPC by gRPC-web, which HTTP/1.1 carries."""
    post(url, method, b"\0" + struct.pack(">I", len(message)) + message, "application/grpc-web+proto")


def field(number, content):
    """A field of a Protocol Buffers message that holds bytes (wire type 2)."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def say(url, head):
    """Sends the bytes and waits for an answer."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head)
        connection.recv(1024)
