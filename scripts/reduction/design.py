"""The kinds of JPEG files that are compared, and how they are spread over the photographs.

Every photograph gets every value of every property. Which values meet is drawn anew for each photograph, so that over all
photographs every two values of two properties meet.
"""

import itertools
import random
import typing

from export.common import Failure

GRAY = "gray"
# Written by an encoder that has neither optimised tables nor restart markers.
RARE = {"4:4:0": "440", "4:1:1": "411"}
STANDARD, OPTIMISED = "standard", "optimised"
NO_RESTARTS, EACH_ROW, WITHIN_ROWS = "none", "each row", "within rows"
AS_TAKEN, BLOWN, SATURATED = "as taken", "blown", "saturated"

# By the names of the fields of `Kind`.
VALUES = {
    "megapixels": (12, 3, 8, 48),
    "quality": (75, 85, 92, 95),
    "sampling": ("4:2:0", "4:4:4", "4:2:2", "4:4:0", "4:1:1", GRAY),
    "tables": (STANDARD, OPTIMISED),
    "restarts": (NO_RESTARTS, EACH_ROW, WITHIN_ROWS),
    "grain": ("without", "with"),
    "light": (AS_TAKEN, BLOWN, SATURATED),
    "orientation": (1, 6),
}
# Kinds for each photograph: as many as the longest list of values has.
KINDS = max(map(len, VALUES.values()))
# The short form has the kinds of so many photographs, and all but one of the largest size in a lesser one.
SHORT = 2
LARGEST, LESS = 48, 8


class Kind(typing.NamedTuple):
    megapixels: int
    quality: int
    sampling: str
    tables: str
    restarts: str
    grain: str
    light: str
    orientation: int

    def __str__(self):
        return ", ".join(f"{name} {value}" for name, value in self._asdict().items())

    def possible(self):
        """The kind itself, or for a rare sampling the nearest that its encoder can write."""
        return self._replace(tables=STANDARD, restarts=NO_RESTARTS) if self.sampling in RARE else self


class Task(typing.NamedTuple):
    """One picture to make. `number` tells pictures apart and seeds what is drawn for them."""

    number: int
    photograph: int
    kind: Kind


def rotation(photographs):
    """The tasks of `KINDS` pictures for each photograph."""
    kinds = [(photograph, kind) for photograph in range(photographs) for kind in kinds_of(photograph)]
    return [Task(number, *pair) for number, pair in enumerate(kinds)]


def kinds_of(photograph):
    """The kinds of a photograph, drawn until no value is missing: rare samplings replace tables and restart markers."""
    for attempt in itertools.count():
        columns = (column(name, photograph, attempt) for name in VALUES)
        kinds = [Kind(*values).possible() for values in zip(*columns, strict=True)]
        if all({getattr(kind, name) for kind in kinds} == set(values) for name, values in VALUES.items()):
            return kinds


def column(name, photograph, attempt):
    """The values of a property for the kinds of a photograph. What is left over goes to other values in the next photograph."""
    values = itertools.islice(itertools.cycle(VALUES[name]), photograph * KINDS, (photograph + 1) * KINDS)
    return random.Random(f"{name} {photograph} {attempt}").sample(list(values), KINDS)


def short(photographs):
    """The tasks of `SHORT` photographs' kinds, spread over all photographs.

    One picture keeps the largest size. Pictures of that size take most of the time.
    """
    tasks = [task._replace(photograph=task.number * photographs // (SHORT * KINDS)) for task in rotation(SHORT)]
    largest = [task for task in tasks if task.kind.megapixels == LARGEST]
    return [task._replace(kind=task.kind._replace(megapixels=LESS)) if task in largest[1:] else task for task in tasks]


def every(photographs):
    """The tasks of all kinds that can be written, each with the next photograph, in an order that is drawn."""
    kinds = [kind for kind in itertools.starmap(Kind, itertools.product(*VALUES.values())) if kind == kind.possible()]
    random.Random("every kind").shuffle(kinds)
    return [Task(number, number % photographs, kind) for number, kind in enumerate(kinds)]


def only(tasks, conditions):
    """The tasks whose kinds have the values in `conditions`, texts of the form NAME=VALUE."""
    for condition in conditions:
        name, _, wanted = condition.partition("=")
        if wanted not in map(str, VALUES.get(name, ())):
            raise Failure(f"--only has no {condition}: write {' or '.join(f'{known}={VALUES[known][0]}' for known in VALUES)}.")
        tasks = [task for task in tasks if str(getattr(task.kind, name)) == wanted]
    if not tasks:
        raise Failure("No picture is of all the kinds that --only names: name fewer.")
    return tasks
