import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from export import common, random_weights
from exporter import run


@pytest.fixture(scope="session")
def efficientnet_lite0(tmp_path_factory):
    folder = tmp_path_factory.mktemp("efficientnet")
    done = run(folder, "--model", "efficientnet-lite0")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def few_pictures(monkeypatch):
    """Lets exports in this process compare on three of the sample pictures. The others are the same pictures in other formats."""
    chosen = [path for path in common.pictures() if path.name in random_weights.NAMES]
    monkeypatch.setattr(common, "pictures", lambda: chosen)
