"""The pictures that the clients send."""

from PIL import Image

from balancers import ROOT

FOLDER = ROOT / "tests/pictures"
NAMES = ["chelsea_phone.jpg", "chelsea.webp", "rocket_progressive.jpg"]


def usual():
    """Small photographs, so that the instances answer many."""
    return [FOLDER / name for name in NAMES]


def tiny(folder):
    """The same in 2 to 4 kB each."""
    return [made(folder / f"tiny-{name.split('.')[0]}.jpg", FOLDER / name, (120, 80)) for name in NAMES]


def large(folder):
    """One whose pixels take 6.5 MB."""
    return made(folder / "large.webp", FOLDER / "coffee.png", (1800, 1200))


def made(path, source, size):
    if not path.exists():
        with Image.open(source) as picture:
            picture.convert("RGB").resize(size).save(path, quality=80)
    return path
