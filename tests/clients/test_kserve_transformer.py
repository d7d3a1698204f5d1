"""KServe's own model server as a transformer in front of glimpse: V1 requests in, V2 requests to glimpse."""

import base64
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from support import ADDRESS, BATCH, BROKEN, MODEL, same_classes

STARTS_WITHIN = 60  # seconds


@pytest.fixture(params=["v2", "grpc-v2"])
def transformer(request, tmp_path):
    """The URL of a transformer that speaks this protocol with glimpse."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("kserve_transformer.py"), f"--http_port={port}",
             "--enable_grpc=false", f"--model_name={MODEL}", f"--predictor_host={ADDRESS}",
             f"--predictor_protocol={request.param}", "--enable_predictor_health_check"],
            stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + STARTS_WITHIN
        while not is_ready(url):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def is_ready(url):
    """Asks the transformer for its model. With its health check it asks glimpse in turn."""
    try:
        return requests.get(f"{url}/v1/models/{MODEL}", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def predict(url, *pictures):
    instances = [{"image": {"b64": base64.b64encode(picture).decode()}} for picture in pictures]
    return requests.post(f"{url}/v1/models/{MODEL}:predict", json={"instances": instances}, timeout=30)


def test_transformer(transformer):
    response = predict(transformer, *BATCH)
    assert response.status_code == 200, response.text
    for row, picture in zip(response.json()["predictions"], BATCH, strict=True):
        same_classes([element.encode() for element in row], picture)
    response = predict(transformer, BROKEN)
    assert response.status_code >= 400 and response.json()["error"]
