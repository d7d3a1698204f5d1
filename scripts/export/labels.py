"""Reads a classifier's labels from the files in which people keep them."""

import csv
import json

from .common import Failure

HEADERS = {"class", "class_name", "label", "labels", "name"}


def read(path):
    """The labels in the file at `path`, in the order of the model's outputs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"The labels {path} can't be read ({error.strerror}): name the file with --labels.") from None
    except UnicodeDecodeError:
        raise Failure(f"The labels {path.name} are not in UTF-8: save the file as UTF-8.") from None
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
        found = from_json(path.name, text)
    elif path.suffix.lower() == ".csv":
        found = from_csv(path.name, text)
    else:
        found = text.rstrip().splitlines()
    return checked(path.name, found)


def checked(name, labels):
    if not labels:
        raise Failure(f"{name} holds no labels: give one for each output of the model.")
    stripped = [label.strip() if isinstance(label, str) else label for label in labels]
    for index, label in enumerate(stripped):
        if not isinstance(label, str):
            raise Failure(f"{name} has {json.dumps(label)} where label {index} is expected: a label is a text.")
        if not label:
            raise Failure(f"{name} has an empty label at index {index}: give every output a label.")
    return stripped


def from_json(name, text):
    """An array of labels, or an object: index -> label, index -> [class, label] as Keras' class index, label -> index as Keras'
    `class_indices`."""
    try:
        found = json.loads(text, object_pairs_hook=Pairs)
    except ValueError as error:
        raise Failure(f"{name} is not JSON ({error}).") from None
    if not isinstance(found, Pairs):
        if isinstance(found, list):
            return found
        raise Failure(f"{name} holds neither an array nor an object of labels.")
    if found and all(type(value) is int for _, value in found):
        return by_index(name, [(index, label) for label, index in found])
    pairs = [(key, value[1] if isinstance(value, list) and len(value) == 2 else value) for key, value in found]
    return by_index(name, pairs)


class Pairs(tuple):
    """The entries of a JSON object with those that are doubled."""


def from_csv(name, text):
    """A column of labels, or `index,label`, each with or without a header."""
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    columns = {len(row) for row in rows}
    if columns == {1}:
        labels = [row[0] for row in rows]
        return labels[1:] if labels[0].strip().lower() in HEADERS else labels
    if columns != {2}:
        raise Failure(f'{name} has rows of {" and ".join(map(str, sorted(columns)))} columns: write "index,label" or the label alone.')
    return by_index(name, rows if is_index(rows[0][0]) else rows[1:])


def is_index(text):
    return str(text).strip().isascii() and str(text).strip().isdigit()


def by_index(name, pairs):
    """The labels of (index, label) pairs, each index from 0 on exactly once."""
    found = {}
    for index, label in pairs:
        if not is_index(index):
            raise Failure(f'{name} has "{index}" where the index of a label is expected.')
        if int(index) in found:
            raise Failure(f"{name} has the index {int(index)} twice: each output has one label.")
        found[int(index)] = label
    missing = next((index for index in range(len(found)) if index not in found), None)
    if missing is not None:
        raise Failure(f"{name} has no label for index {missing}: the indices have to run from 0 to the number of labels less 1.")
    return [found[index] for index in range(len(found))]
