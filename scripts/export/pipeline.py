"""The export of a model: conversion, comparison with the original, the file and its entry in reference.json.

A model is a module or an object with NAME, FILE, find_weights(given), describe(weights, given) and build(weights).
"""

import dataclasses
import hashlib
import json

import numpy

from . import activation, agreement, calibration, common, preprocess
from .common import Failure, WeightsUnavailable, step
from .convert import layout
from .describe import INT8, SIGMOID, SOFTMAX, Description, properties, write_properties

# The greatest accepted difference of a probability between the two runtimes.
TOLERANCE = 1e-5

# The least share of pictures on which int8 has to keep the answer of float.
AGREEMENT = 0.95
# The pictures derived from each sample picture to measure that share.
CHECKED, CHECK_SEED = 12, 2

# What is known after the conversion only.
FOUND = ("glimpse.input_layout", "glimpse.activation_rows", "glimpse.activation_columns")

# The pictures on which class activation maps are compared with the original's.
MAPPED = 3


def export(model, given, folder, file=None, changes=None):
    """Exports a model into a folder, unless the file there is of the same weights and the same recipe. Returns its path.

    `file` is the name of the file, if it is not the model's own. `changes` are fields of the description that the user asks for.
    """
    output = folder / (file or model.FILE)
    recipe = recipe_sha256()
    try:
        weights = model.find_weights(given)
    except WeightsUnavailable:
        if not is_exported(output, recipe):
            raise
        print(f"{model.NAME}: {output.name} is up to date; its weights are no longer in Keras' cache.")
        return output
    weights_sha256 = common.sha256(weights)
    description = dataclasses.replace(model.describe(weights, given), **(changes or {}))
    if is_same(properties(output), description.properties(weights_sha256, recipe)) and has_reference(folder, model.NAME, weights_sha256):
        print(f"{model.NAME}: {output.name} is up to date.")
        return output
    print(f"{model.NAME}: exporting {output.name}")
    if hasattr(model, "report"):
        model.report(description)
    proto, predict = model.build(weights)
    description.layout = layout(proto, preprocess.CHANNELS[description.colours], description.size)
    description.maps = activation.add(proto)
    write_properties(proto, description.properties(weights_sha256, recipe))
    serialized = proto.SerializeToString()
    # The original and ONNX Runtime hold the weights as well, which are more than a gigabyte in the largest networks.
    del proto
    answers = check(serialized, predict, description)
    folder.mkdir(parents=True, exist_ok=True)
    write_reference(folder, model.NAME, weights_sha256, answers)
    common.write_atomically(output, serialized)
    print(f"{model.NAME}: wrote {output.name} and its entry in reference.json")
    return output


def is_same(ours, theirs):
    """Compares two descriptions, except for what is known after the conversion only."""
    ours, theirs = ({key: value for key, value in fields.items() if key not in FOUND} for fields in (ours, theirs))
    return ours == theirs


def export_int8(original, folder):
    """Makes the int8 model from the exported one and compares their answers. Returns its path."""
    import onnx

    from . import quantise

    paths = calibration.pictures_in(folder)
    paths = paths[:: -(-len(paths) // quantise.PICTURES)]
    output = original.with_name(f"{original.stem}-int8.onnx")
    fields = properties(original)
    description = Description.of(fields)
    fields |= {"glimpse.precision": INT8, "glimpse.recipe": digest(fields["glimpse.recipe"], paths)}
    if properties(output) == fields:
        print(f"{description.name}: {output.name} is up to date.")
        return output
    print(f"{description.name}: making {output.name}")
    count = quantise.PICTURES // len(paths)
    images = [image for path in paths for image in calibration.derived(path, count, quantise.SEED)]
    tensors = [description.tensor(description.resized(image)) for image in images]
    proto = quantise.quantise(onnx.load(original), tensors, description.output == SIGMOID)
    write_properties(proto, fields)
    check_int8(proto.SerializeToString(), original, description)
    common.write_atomically(output, proto.SerializeToString())
    print(f"{description.name}: wrote {output.name}")
    return output


def check_int8(serialized, original, description):
    """Prints how far int8 agrees with float on the sample pictures and on derived pictures other than the calibration's."""
    done = step("comparing int8 with float")
    tensors = agreement.tensors(description, common.pictures(), CHECKED, CHECK_SEED)
    ours, theirs = (agreement.answers(model, tensors) for model in (serialized, str(original)))
    found = agreement.between(ours, theirs, description)
    done()
    print(f"  {found}")
    if not found.share >= AGREEMENT:
        raise Failure(f"Fewer than {AGREEMENT:.0%} of the pictures keep their {found.what} in int8: the file is not written.")


def recipe_sha256():
    """SHA-256 of everything that the export depends on except the weights."""
    scripts = common.ROOT / "scripts"
    inputs = [*sorted((scripts / "export").glob("*.py")), scripts / "export_model.py", scripts / "requirements.txt"]
    return digest("", [*inputs, common.LABELS_FILE, *common.pictures()])


def digest(text, paths):
    """SHA-256 of a text and of the files' names and contents."""
    lines = [text, *(f"{path.name} {common.sha256(path)}" for path in paths)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_exported(output, recipe):
    return properties(output).get("glimpse.recipe") == recipe


def check(serialized, predict, description):
    """Compares ONNX Runtime's answers with the original's and returns the original's top five for each picture."""
    import onnxruntime

    done = step("comparing the ONNX with the original")
    options = onnxruntime.SessionOptions()
    # Without this, it warns that `explained` has a value that may be another one.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
    name, count = session.get_inputs()[0].name, len(description.labels)
    answers, worst, apart = {}, 0.0, []
    last = getattr(predict, "last", None) if description.maps else None
    for path in common.pictures():
        pixels = description.pixels(path)
        original, tensor = predict(pixels), description.tensor(pixels)
        converted = session.run(None, {name: tensor})[0][0]
        if original.shape != (count,) or not are_probabilities(original, description.output):
            raise Failure(f"{description.name} does not answer with {count} probabilities: nothing is written.")
        worst = max(worst, float(numpy.abs(original - converted).max()))
        answers[path.name] = description.top(original, 5)
        if last and len(apart) < MAPPED:
            apart.append(activation.difference(session, tensor, last(pixels), original))
    done()
    # "worst > TOLERANCE" would let NaN pass.
    if not worst <= TOLERANCE:
        raise Failure(f"The ONNX differs from the original by {worst:.1e}, more than {TOLERANCE}: nothing is written.")
    print(f"  on {len(answers)} pictures no probability differs by more than {worst:.1e}")
    check_maps(description, apart)
    return answers


def check_maps(description, apart):
    """Says what class activation maps a model has, and how much they differ from the original's."""
    if description.maps is None:
        print("  no class activation maps: it does not end in a global average pooling and one dense layer")
        return
    rows, columns = description.maps
    if not apart:
        print(f"  class activation maps: {rows} x {columns}; not compared with Keras', because its layers can't be told")
        return
    if not max(apart) <= activation.TOLERANCE:
        raise Failure(f"The maps differ from the original's by {max(apart):.1e}, more than {activation.TOLERANCE}: nothing is written.")
    print(f"  class activation maps: {rows} x {columns}; they differ from the original's by {max(apart):.1e} at most")


def are_probabilities(answer, output):
    if output == SOFTMAX:
        return abs(float(answer.sum()) - 1) <= 1e-3
    return bool(((answer >= 0) & (answer <= 1)).all())


def read_reference(folder):
    try:
        return json.loads((folder / "reference.json").read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError):
        return {}


def has_reference(folder, name, weights_sha256):
    return read_reference(folder).get(name, {}).get("weights_sha256") == weights_sha256


def write_reference(folder, name, weights_sha256, answers):
    models = read_reference(folder)
    models[name] = {"weights_sha256": weights_sha256, "pictures": answers}
    text = json.dumps({"models": dict(sorted(models.items()))}, indent=1, ensure_ascii=False) + "\n"
    common.write_atomically(folder / "reference.json", text.encode())
