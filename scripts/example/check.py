"""Serves the example's model and asks for the pictures that were held out of its training: every answer must be Keras' own.

    check.py --executable FILE --model FILE.onnx --name NAME --answers held_out.json [--all-right]

Each picture is sent three ways: as JSON, as a file over the Open Inference Protocol, and over gRPC. With --all-right the first
label must also be the one of the picture's folder.
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import struct
import subprocess
import threading
import time

import grpc
import requests
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# The greatest accepted difference of a probability.
TOLERANCE = 1e-5
# The most pictures that are asked for.
MOST = 60
SECONDS = 30
SERVICE = "glimpse.v1.Classifier"


@contextlib.contextmanager
def server(executable, model):
    """The address of a server with this model. The server ends with the block."""
    command = [executable, "--model", model, "--listen-addr", "127.0.0.1:0", "--log-format", "json"]
    # Large JPEG pictures are decoded whole, as in training.
    command += ["--jpeg-decode", "exact"]
    # The caller's settings of a server are not for this one.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    running = subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True)
    # A server that is not ready in time is ended, which ends its log and with it the wait.
    late = threading.Timer(SECONDS, running.kill)
    late.start()
    try:
        address = ready_address(running.stdout)
        late.cancel()
        yield address
    finally:
        late.cancel()
        running.terminate()
        try:
            running.wait(SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()


def ready_address(log):
    for line in log:
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("message") == "ready":
                # A log that nobody reads would fill its pipe.
                threading.Thread(target=log.read, daemon=True).start()
                return entry["address"]
    raise SystemExit("The server does not start with this model: see its message above.")


def post(url, **options):
    response = requests.post(url, timeout=SECONDS, **options)
    if response.status_code != 200:
        raise SystemExit(f"{url} answers {response.status_code}: {response.text.strip()}")
    return response


def by_json(address):
    """A function from a picture to its likeliest labels, {label: probability} in order."""
    def ask(picture):
        body = {"base64Image": base64.b64encode(picture).decode()}
        return {one["label"]: one["confidence"] for one in post(f"http://{address}/api/v1/analyze", json=body).json()}

    return ask


def by_open_inference(address, name, labels):
    """The same for all labels. A picture alone, without JSON around it, is answered with JSON and then binary numbers."""
    def ask(picture):
        headers = {"Inference-Header-Content-Length": "0"}
        answer = post(f"http://{address}/v2/models/{name}/infer", data=picture, headers=headers)
        binary = answer.content[int(answer.headers["Inference-Header-Content-Length"]) :]
        # 32-bit floating-point numbers, little-endian, in the order of the labels.
        return in_order(dict(zip(labels, struct.unpack(f"<{len(labels)}f", binary), strict=True)))

    return ask


def by_grpc(channel, labels):
    """The same for all labels over gRPC, with the messages that the server describes itself."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName(SERVICE).methods_by_name["Classify"]
    request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = channel.unary_unary(
        f"/{SERVICE}/Classify", request_serializer=request.SerializeToString, response_deserializer=response.FromString)

    def ask(picture):
        answer = call(request(image=picture, top_k=len(labels)), timeout=SECONDS)
        return {one.label: one.confidence for one in answer.predictions}

    return ask


def in_order(probabilities):
    return dict(sorted(probabilities.items(), key=lambda pair: -pair[1]))


def difference(found, expected):
    """The greatest difference of a probability. The first label must be the likeliest one, to within the tolerance."""
    if not found or expected[next(iter(found))] < max(expected.values()) - TOLERANCE:
        return float("inf")
    return max(abs(probability - expected[label]) for label, probability in found.items())


def ask_all(asks, pictures, labels):
    """The greatest difference of a probability, and the number of answers whose first label is not the picture's own."""
    worst, wrong = 0.0, 0
    for picture in pictures:
        expected = dict(zip(labels, picture["probabilities"], strict=True))
        for way, ask in asks.items():
            found = ask(pathlib.Path(picture["path"]).read_bytes())
            apart = difference(found, expected)
            if not apart <= TOLERANCE:
                raise SystemExit(f"{picture['path']}: over {way} the server answers {found}, and Keras {in_order(expected)}.")
            worst, wrong = max(worst, apart), wrong + (next(iter(found)) != picture["label"])
    return worst, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--executable", "--model", "--name", "--answers"):
        parser.add_argument(option, required=True)
    parser.add_argument("--all-right", action="store_true")
    arguments = parser.parse_args()
    known = json.loads(pathlib.Path(arguments.answers).read_text(encoding="utf-8"))
    labels, pictures = known["labels"], known["pictures"]
    # Every so many, so that all labels are among them.
    pictures = pictures[:: -(-len(pictures) // MOST)]
    begun = time.monotonic()
    with server(arguments.executable, arguments.model) as address, grpc.insecure_channel(address) as channel:
        print(f"  starting the server: {time.monotonic() - begun:.1f} s", flush=True)
        begun = time.monotonic()
        rest = by_open_inference(address, arguments.name, labels)
        asks = {"JSON": by_json(address), "REST": rest, "gRPC": by_grpc(channel, labels)}
        worst, wrong = ask_all(asks, pictures, labels)
    print(f"  asking for {len(pictures)} pictures in {len(asks)} ways: {time.monotonic() - begun:.1f} s")
    print(f"  no probability differs from Keras' by more than {worst:.1e}")
    if arguments.all_right and wrong:
        raise SystemExit(f"{wrong} answers name another label than the picture's own.")


if __name__ == "__main__":
    main()
