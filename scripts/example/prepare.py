"""Prints the path of MobileNetV2's weights, and makes the example's pictures in the folder that is named, if one is.

    python -m example.prepare [FOLDER]

The pictures are cut from this project's sample pictures, in changed light. Those that are held out come from the same
photographs: they show that training, export and server fit together, not how well a model does on new photographs.
Exits with 3 if the weights can be neither found nor downloaded.
"""

import contextlib
import pathlib
import sys

from export import calibration, common, mobilenetv2

LABELS = {"cat": "chelsea.png", "coffee": "coffee.png", "rocket": "rocket.jpg"}
COUNT, SEED = 12, 15


def make(folder):
    done = common.step(f"making {COUNT} pictures for each of {len(LABELS)} labels")
    for label, name in LABELS.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(calibration.derived(common.PICTURES / name, COUNT, SEED)):
            picture.save(folder / label / f"{number:02}.png")
    done()


def main():
    # Standard output has the path alone.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            weights = mobilenetv2.find_weights(None)
            for folder in sys.argv[1:]:
                make(pathlib.Path(folder))
        except common.WeightsUnavailable as failure:
            print(failure, "Set KERAS_HOME to a Keras cache that holds them, or run this where they can be downloaded.")
            sys.exit(failure.code)
        except common.Failure as failure:
            print(failure)
            sys.exit(failure.code)
    print(weights)


if __name__ == "__main__":
    main()
