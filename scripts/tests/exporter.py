"""Runs the exporter as a user does."""

import os
import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "export_model.py"


def run(folder, *arguments, **environment):
    # An empty Keras cache, and no network: the proxy refuses every connection.
    unreachable = {"KERAS_HOME": str(folder / "keras"), "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, str(SCRIPT), "--output-dir", str(folder), *arguments]
    return subprocess.run(command, env=os.environ | unreachable | environment, capture_output=True, text=True, timeout=300)


def is_one_sentence(text):
    return text.count("\n") == 1 and "Traceback" not in text
