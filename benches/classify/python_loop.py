"""What glimpse classify is measured against: a loop in Python that says what is in the pictures of a folder, one JSON a line.

It is tuned for this: a process a core, each with one session of ONNX Runtime with one thread, for all of its pictures; chunks of
pictures, so that processes seldom wait for each other; scaling into one tensor that is kept. JPEG files are decoded reduced by
glimpse's own rule (`src/image/decode/jpeg.rs`): six pixels for each of the model's. Pillow's `reducing_gap` is not used: by the
same rule it would never begin, because JPEG files that are large enough have been decoded reduced already, and with less it
changes the answers. --whole decodes JPEG files whole, as loops usually do.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps

ANSWERS = 3
CHUNK = 4
REDUCTIONS = 8, 4, 2
PIXELS_KEPT = 6
# Values of keys in the model's description (models/README.md) that the loop does not handle.
OTHERS = {"input_window": "stretch", "input_colours": "RGB", "input_layout": "NCHW", "output": "softmax"}

analyst = None


class Analyst:
    """A session, and what the model file says of itself."""

    def __init__(self, model, is_whole):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        said = {key.removeprefix("glimpse."): value for key, value in self.session.get_modelmeta().custom_metadata_map.items()}
        for key, value in OTHERS.items():
            if said.get(key, value) != value:
                raise SystemExit(f"The loop can't run a model whose {key} is {said[key]}: export one with {value}.")
        self.is_whole = is_whole
        self.size = int(said["input_width"]), int(said["input_height"])
        self.kernel = Image.Resampling[said["input_resize"].upper()]
        self.labels = json.loads(said["labels"])
        mean, deviation = (numpy.array(json.loads(said[f"input_{key}"]), numpy.float32) for key in ("mean", "std"))
        self.factor, self.offset = (values[:, None, None] for values in (1 / deviation, -mean / deviation))
        self.tensor = numpy.empty((1, 3, *self.size[::-1]), numpy.float32)

    def line(self, path):
        """The picture's line of output."""
        with Image.open(path) as image:
            if not self.is_whole:
                self.reduce(image)
            # Pillow's convert copies a picture that has the mode already.
            colours = image if image.mode == "RGB" else image.convert("RGB")
            small = colours.resize(self.size, self.kernel)
        # Turned after the resize, when there is little to turn; the input is square.
        ImageOps.exif_transpose(small, in_place=True)
        planes = numpy.asarray(small).transpose(2, 0, 1)
        numpy.multiply(planes, self.factor, out=self.tensor[0])
        self.tensor += self.offset
        probabilities = self.session.run(None, {self.input: self.tensor})[0][0]
        best = numpy.argpartition(probabilities, -ANSWERS)[-ANSWERS:]
        best = best[numpy.argsort(probabilities[best])[::-1]]
        answer = [{"label": self.labels[index], "confidence": float(probabilities[index])} for index in best]
        return json.dumps({"file": path, "predictions": answer}, ensure_ascii=False)

    def reduce(self, image):
        """Has libjpeg-turbo decode fewer pixels of a JPEG file. Pictures of other formats stay as they are."""
        width, height = image.size
        for reduction in REDUCTIONS:
            if min(width, height) // reduction >= max(self.size) * PIXELS_KEPT:
                image.draft("RGB", (width // reduction, height // reduction))
                return


def start(model, is_whole):
    global analyst
    analyst = Analyst(model, is_whole)


def line(path):
    return analyst.line(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("pictures", type=pathlib.Path, help="a picture, or a folder of pictures")
    parser.add_argument("--whole", action="store_true", help="decode JPEG files whole")
    arguments = parser.parse_args()
    given = arguments.pictures
    paths = [str(path) for path in sorted(given.iterdir())] if given.is_dir() else [str(given)]
    with multiprocessing.Pool(os.cpu_count(), start, (arguments.model, arguments.whole)) as pool:
        for said in pool.imap(line, paths, CHUNK):
            sys.stdout.write(said + "\n")
        # Ends the processes in peace, so that their CPU time counts as this one's.
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
