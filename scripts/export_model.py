"""Exports a classifier to an ONNX file that describes itself, and checks it.

    export_model.py [--model mobilenetv2|efficientnet-lite0] [--weights FILE] [--precision int8 [--calibration DIR]]

Writes models/<model>.onnx, and the model's answers on the sample pictures to models/reference.json. With
--precision int8 it also makes models/<model>-int8.onnx from that file: faster, with nearly the same answers.
Does nothing if neither the weights nor the recipe (this code, the pinned packages, the labels, the pictures)
have changed. Exits with 3 if the weights can be neither found nor downloaded, with 1 for any other failure.
"""

import argparse
import hashlib
import json
import logging
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy

from export import agreement, calibration, common, efficientnet_lite0, mobilenetv2
from export.common import Failure, WeightsUnavailable, step
from export.describe import FLOAT32, INT8, Description, properties, top, write_properties

MODELS = {"mobilenetv2": mobilenetv2, "efficientnet-lite0": efficientnet_lite0}

# The greatest accepted difference of a probability between the two runtimes.
TOLERANCE = 1e-5

# The least share of pictures on which int8 has to keep the first label of float.
AGREEMENT = 0.95
# The pictures derived from each sample picture to measure that share.
CHECKED, CHECK_SEED = 12, 2


def main():
    arguments = parse_arguments()
    model, folder = MODELS[arguments.model], arguments.output_dir
    try:
        export(model, arguments.weights, folder)
        if arguments.precision == INT8:
            export_int8(folder / model.FILE, arguments.calibration)
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(failure.code)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="mobilenetv2", help="default: mobilenetv2")
    parser.add_argument("--weights", type=pathlib.Path, metavar="FILE", help="default: the published weights")
    parser.add_argument("--precision", choices=(FLOAT32, INT8), default=FLOAT32, help="default: float32")
    parser.add_argument(
        "--calibration", type=pathlib.Path, metavar="DIR", default=common.PICTURES, help="pictures for int8; default: tests/pictures"
    )
    parser.add_argument("--output-dir", type=pathlib.Path, default=common.ROOT / "models", help="default: models/")
    return parser.parse_args()


def export(model, given, folder):
    if given and not given.is_file():
        raise Failure(f"There is no weight file {given}.")
    output = folder / model.FILE
    recipe = recipe_sha256()
    try:
        weights = model.find_weights(given)
    except WeightsUnavailable:
        if not is_exported(output, recipe):
            raise
        print(f"{model.NAME}: {output.name} is up to date; its weights are no longer in Keras' cache.")
        return
    weights_sha256 = common.sha256(weights)
    description = model.describe(weights, given)
    properties_now = description.properties(weights_sha256, recipe)
    if properties(output) == properties_now and has_reference(folder, model.NAME, weights_sha256):
        print(f"{model.NAME}: {output.name} is up to date.")
        return
    print(f"{model.NAME}: exporting {output.name}")
    proto, predict = model.build(weights)
    write_properties(proto, properties_now)
    answers = check(proto.SerializeToString(), predict, description)
    folder.mkdir(parents=True, exist_ok=True)
    write_reference(folder, model.NAME, weights_sha256, answers)
    common.write_atomically(output, proto.SerializeToString())
    print(f"{model.NAME}: wrote {output.name} and its entry in reference.json")


def export_int8(original, folder):
    """Makes the int8 model from the exported one and compares their answers."""
    import onnx

    from export import quantise

    paths = calibration.pictures_in(folder)
    paths = paths[:: -(-len(paths) // quantise.PICTURES)]
    output = original.with_name(f"{original.stem}-int8.onnx")
    fields = properties(original)
    description = Description.of(fields)
    fields |= {"glimpse.precision": INT8, "glimpse.recipe": digest(fields["glimpse.recipe"], paths)}
    if properties(output) == fields:
        print(f"{description.name}: {output.name} is up to date.")
        return
    print(f"{description.name}: making {output.name}")
    count = quantise.PICTURES // len(paths)
    images = [image for path in paths for image in calibration.derived(path, count, quantise.SEED)]
    proto = quantise.quantise(onnx.load(original), [description.tensor(description.resized(image)) for image in images])
    write_properties(proto, fields)
    check_int8(proto.SerializeToString(), original, description)
    common.write_atomically(output, proto.SerializeToString())
    print(f"{description.name}: wrote {output.name}")


def check_int8(serialized, original, description):
    """Prints how far int8 agrees with float on the sample pictures and on derived pictures other than the calibration's."""
    done = step("comparing int8 with float")
    tensors = agreement.tensors(description, common.pictures(), CHECKED, CHECK_SEED)
    found = agreement.Agreement.between(agreement.answers(serialized, tensors), agreement.answers(str(original), tensors))
    done()
    print(f"  {found}")
    if not found.share >= AGREEMENT:
        raise Failure(f"Fewer than {AGREEMENT:.0%} of the pictures keep their first label in int8: the file is not written.")


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
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers, worst = {}, 0.0
    for path in common.pictures():
        pixels = description.pixels(path)
        original = predict(pixels)
        converted = session.run(None, {name: description.tensor(pixels)})[0][0]
        if original.shape != (len(common.labels()),) or abs(float(original.sum()) - 1) > 1e-3:
            raise Failure(f"{description.name} does not answer with {len(common.labels())} probabilities: nothing is written.")
        worst = max(worst, float(numpy.abs(original - converted).max()))
        answers[path.name] = top(original, 5)
    done()
    # "worst > TOLERANCE" would let NaN pass.
    if not worst <= TOLERANCE:
        raise Failure(f"The ONNX differs from the original by {worst:.1e}, more than {TOLERANCE}: nothing is written.")
    print(f"  on {len(answers)} pictures no probability differs by more than {worst:.1e}")
    return answers


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


if __name__ == "__main__":
    main()
