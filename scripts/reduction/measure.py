"""Asks two servers and the bench `shrink` about pictures, a piece of them at a time, and removes the pictures."""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import typing
import urllib.error
import urllib.request

from export.common import Failure

from . import pictures
from .design import Task

# Pictures that are made while those before them are asked about, and processes that make them.
PIECE, PROCESSES = 6, 2
# The time for one answer.
SECONDS = 60


class Answer(typing.NamedTuple):
    """`lead` is the first label's confidence less the second's, `milliseconds` the server's time to decode."""

    label: str
    confidence: float
    lead: float
    milliseconds: float


class Pixels(typing.NamedTuple):
    """Changes of the model's input against the file decoded whole, in levels of 0 to 255, and the CPU time to make it.

    `way` says how the server makes it: `direct`, from the coefficients; `reduced`, by libjpeg-turbo; `whole`. The figures of
    `reduced_...` are libjpeg-turbo's for the same file, whatever the server does.
    """

    way: str
    mean: float
    max: float
    reduced_mean: float
    reduced_max: float
    milliseconds: float
    reduced_milliseconds: float


class Result(typing.NamedTuple):
    task: Task
    photograph: str
    exact: Answer
    reduced: Answer
    pixels: Pixels

    @property
    def is_kept(self):
        return self.exact.label == self.reduced.label

    def record(self):
        """The result for a line of JSON."""
        parts = {name: getattr(self, name)._asdict() for name in ("exact", "reduced", "pixels")}
        return {"number": self.task.number, "photograph": self.photograph, **self.task.kind._asdict(), **parts}


class Judges(typing.NamedTuple):
    """The address of a server that decodes whole, that of one that does not, and the executable of `benches/shrink.rs`.

    `rounds` is how many times that measures each picture, the ways in turn.
    """

    exact: str
    reduced: str
    shrink: str
    rounds: int = 1

    def judge(self, names, made):
        """The results for pictures, pairs of a task and a path."""
        pixels = self.pixels([path for _, path in made])
        for (task, path), changes in zip(made, pixels, strict=True):
            file = path.read_bytes()
            yield Result(task, names[task.photograph], ask(self.exact, file), ask(self.reduced, file), changes)

    def pixels(self, paths):
        """What the bench says of each file."""
        listed = paths[0].with_name("files.txt")
        listed.write_text("".join(f"{path}\n" for path in paths))
        done = subprocess.run([self.shrink, "--files", listed, "--rounds", str(self.rounds)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{self.shrink} fails: {done.stderr.strip() or f'it ended with {done.returncode}'}")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        if [line["file"] for line in found] != [str(path) for path in paths]:
            raise Failure(f"{self.shrink} does not print a line for each file.")
        return [Pixels(*(line[field] for field in Pixels._fields)) for line in found]


def ask(url, file):
    request = urllib.request.Request(f"{url}/api/v1/analyze", file, {"Content-Type": "image/jpeg"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            first, second, *_ = json.load(response)
            decode = re.search(r"decode;dur=([\d.]+)", response.headers["Server-Timing"])
    except urllib.error.HTTPError as error:
        raise Failure(f"The server answers {error.code} to a picture of {len(file)} bytes: {error.read().decode()}") from None
    return Answer(first["label"], first["confidence"], first["confidence"] - second["confidence"], float(decode[1]))


def results(judges, photographs, tasks, keep=None):
    """The results of all tasks, in order. `photographs` are names and images.

    Pictures are removed once judged, but for those that `keep(result)` returns a folder for.
    """
    names = [name for name, _ in photographs]
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="glimpse-reduction-")))
        pool = stack.enter_context(concurrent.futures.ProcessPoolExecutor(PROCESSES))
        stack.callback(pool.shutdown, cancel_futures=True)
        started = None
        for begin in [*range(0, len(tasks), PIECE), None]:
            piece = tasks[begin : begin + PIECE] if begin is not None else []
            made, started = started, [start(pool, photographs, task, folder) for task in piece]
            for result, path in judged(judges, names, made or []):
                wanted = keep and keep(result)
                if wanted:
                    shutil.copy(path, wanted)
                path.unlink()
                yield result


def start(pool, photographs, task, folder):
    """Starts to make a picture. Returns the task, the path and the future."""
    path = folder / f"{task.number:04}.jpg"
    return task, path, pool.submit(pictures.make, photographs[task.photograph][1], task, path)


def judged(judges, names, started):
    """Waits for a piece of pictures, and yields each result with its picture's path."""
    for _, _, future in started:
        future.result()
    made = [(task, path) for task, path, _ in started]
    if made:
        for result, (_, path) in zip(judges.judge(names, made), made, strict=True):
            yield result, path
