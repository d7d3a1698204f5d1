"""Shared by all exports: paths, labels, pictures, failures, progress."""

import hashlib
import os
import pathlib
import time

# Turns ONNX Runtime's telemetry off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABELS_FILE = ROOT / "models" / "imagenet_labels.txt"
PICTURES = ROOT / "tests" / "pictures"
PICTURE_ENDINGS = {".bmp", ".gif", ".jpg", ".png", ".tif", ".webp"}


class Failure(Exception):
    """An expected failure. Its message is one sentence with the cause and the remedy."""

    code = 1


class WeightsUnavailable(Failure):
    """The weights can be neither found nor downloaded. `scripts/setup` falls back to another model."""

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
    """The label in a file name of ImageNet's form, `nXXXXXXXX_label`, or `None`."""
    return path.stem.split("_", 1)[1] if path.stem[:1] == "n" and "_" in path.stem else None


def first_line(error):
    """The first line of an error's text, or its type if it has none."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def sha256(path):
    """SHA-256 of a file; of a folder, that of its files' names and contents."""
    if hasattr(path, "sha256"):
        return path.sha256()
    if path.is_dir():
        lines = (f"{file.relative_to(path).as_posix()} {sha256(file)}" for file in sorted(path.rglob("*")) if file.is_file())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def step(text):
    """Prints the start of a step and returns a function that prints the time it took."""
    print(f"  {text} ...", flush=True)
    begun = time.monotonic()
    return lambda: print(f"  {text}: {time.monotonic() - begun:.1f} s", flush=True)


def write_atomically(path, data):
    """Replaces a file atomically: readers see the old content or the new content."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
