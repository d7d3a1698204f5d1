"""Makes tests/fixtures and the derived pictures in tests/pictures: files of every kind, Pillow's pixels for them, and a model.

The result is committed. Run this only to add a case. It needs the packages of scripts/setup.
"""

import PIL

from export import common
from fixtures import decoding, heif, kernels, models, pictures, resizing, simple, tiff, torchvision_crops


def main():
    if not PIL.__version__.startswith("13."):
        raise SystemExit(f"This is Pillow {PIL.__version__}; the resize follows Pillow 13: run scripts/setup.")
    fixtures = common.ROOT / "tests" / "fixtures"
    pictures.write(common.PICTURES)
    resizing.write(fixtures)
    kernels.write(fixtures)
    torchvision_crops.write(fixtures)
    models.write(fixtures / "models")
    decoding.write(fixtures / "decode", common.PICTURES)
    heif.write(fixtures / "heic", common.PICTURES)
    simple.write(fixtures, common.PICTURES)
    tiff.write(fixtures / "decode", common.PICTURES)


if __name__ == "__main__":
    main()
