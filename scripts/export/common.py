"""What both exports share: paths, the labels, the pictures, and how a failure is said."""

import hashlib
import os
import pathlib
import time

# ONNX Runtime reports to its maker otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABELS_FILE = ROOT / "models" / "imagenet_labels.txt"
PICTURES = ROOT / "tests" / "pictures"
PICTURE_ENDINGS = {".bmp", ".gif", ".jpg", ".png", ".tif", ".webp"}


class Failure(Exception):
    """One sentence that says what is wrong and what to do."""

    code = 1


class WeightsUnavailable(Failure):
    """The weights can't be had here; another model may serve."""

    code = 3


def labels():
    """The 1000 labels of ImageNet, in the order of a model's output."""
    names = LABELS_FILE.read_text(encoding="utf-8").split()
    if len(names) != 1000:
        raise Failure(f"{LABELS_FILE.name} has {len(names)} labels instead of 1000: check it out again.")
    return names


def pictures():
    """The sample pictures, by name."""
    found = sorted(path for path in PICTURES.iterdir() if path.suffix in PICTURE_ENDINGS)
    if len(found) < 3:
        raise Failure("There are fewer than three pictures in tests/pictures: check them out again.")
    return found


def label_in(path):
    """The label in the name of a picture of ImageNet, which begins with the class and ends with it; none in others."""
    return path.stem.split("_", 1)[1] if path.stem[:1] == "n" and "_" in path.stem else None


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def step(text):
    """Says what is being done and returns a function that says how long it took."""
    print(f"  {text} ...", flush=True)
    begun = time.monotonic()
    return lambda: print(f"  {text}: {time.monotonic() - begun:.1f} s", flush=True)


def write_atomically(path, data):
    """Writes a file whole or not at all: readers see the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
