"""Trains a classifier on a folder of pictures: the body of MobileNetV2 as it is published, and a new head for the labels.

    train_example.py --pictures DIR [--weights FILE] [--output DIR]

DIR has a folder of pictures for each label, which is named after it. A quarter of each folder is held out of the training.
Writes example.keras, labels.txt and held_out.json, the model's answers on the pictures that it has not seen. It needs Keras
and Pillow, and nothing of this project: copy it, and change what you like.
"""

import argparse
import contextlib
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from PIL import Image, ImageOps

SIZE = (224, 224)
ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
BATCH = 32


@contextlib.contextmanager
def step(text):
    """Prints the time that a step took."""
    begun = time.monotonic()
    yield
    print(f"  {text}: {time.monotonic() - begun:.1f} s", flush=True)


def folders(root):
    """{label: paths of its pictures}, both sorted, so that every run sees them in the same order."""
    found = {folder.name: sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
             for folder in sorted(root.iterdir()) if folder.is_dir()} if root.is_dir() else {}
    if len(found) < 2:
        raise SystemExit(f"{root} needs a folder of pictures for each of at least two labels.")
    for label, paths in found.items():
        if len(paths) < 2:
            raise SystemExit(f"{root / label} needs at least two pictures: one to learn from and one to check with.")
    return found


def pixels(path):
    """The pixels [224, 224, 3] of a picture, 0 to 255. The server does the same: upright, RGB, Pillow's bicubic resize."""
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except OSError as error:
        raise SystemExit(f"{path} can't be read ({error}): remove it or replace it.") from None
    return np.asarray(upright.resize(SIZE, Image.Resampling.BICUBIC), np.float32)


def answers(keras, model, paths):
    """What a model answers for each picture, a batch at a time, because many pictures do not fit into memory at once."""
    found = []
    for begin in range(0, len(paths), BATCH):
        batch = np.stack([pixels(path) for path in paths[begin : begin + BATCH]])
        # From -1 to 1: "--scaling tf" of the exporter.
        found.append(model.predict_on_batch(keras.applications.mobilenet_v2.preprocess_input(batch)))
    return np.concatenate(found)


def train(keras, body, paths, targets, labels):
    """A head that was trained on the body's features. The body is frozen, so one pass over the pictures is enough."""
    with step(f"features of {len(paths)} pictures"):
        features = answers(keras, body, paths)
    with step("training the head"):
        head = keras.Sequential([keras.Input(features.shape[1:]), keras.layers.Dense(len(labels), activation="softmax")])
        head.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
        head.fit(features, targets, batch_size=BATCH, epochs=40, verbose=0)
    return head


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=pathlib.Path, metavar="DIR", required=True)
    parser.add_argument("--weights", metavar="FILE", default="imagenet", help="of MobileNetV2; default: Keras downloads them")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR", default=pathlib.Path("."))
    arguments = parser.parse_args()
    found = folders(arguments.pictures)
    labels = list(found)
    held_out = [(path, label) for label, paths in found.items() for path in paths[::4]]
    learned = [(path, label) for label, paths in found.items() for index, path in enumerate(paths) if index % 4]

    with step("loading Keras and MobileNetV2"):
        import keras

        keras.utils.set_random_seed(1)
        whole = keras.applications.MobileNetV2(weights=arguments.weights)
        # All but the last layer, which answers with ImageNet's 1000 labels.
        body = keras.Model(whole.input, whole.layers[-2].output)
        body.trainable = False
    targets = np.array([labels.index(label) for _, label in learned])
    head = train(keras, body, [path for path, _ in learned], targets, labels)
    model = keras.Model(body.input, head(body.output))

    arguments.output.mkdir(parents=True, exist_ok=True)
    with step("saving example.keras and labels.txt"):
        model.save(arguments.output / "example.keras")
        (arguments.output / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    with step(f"answers for {len(held_out)} pictures that were held out"):
        probabilities = answers(keras, model, [path for path, _ in held_out])
    pictures = [{"path": str(path.resolve()), "label": label, "probabilities": row.tolist()}
                for (path, label), row in zip(held_out, probabilities, strict=True)]
    text = json.dumps({"labels": labels, "pictures": pictures}, indent=1)
    (arguments.output / "held_out.json").write_text(text, encoding="utf-8")
    right = sum(labels[int(row.argmax())] == label for (_, label), row in zip(held_out, probabilities, strict=True))
    print(f"  {right} of {len(held_out)} pictures that were held out have their label")


if __name__ == "__main__":
    main()
