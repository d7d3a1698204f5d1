import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from exporter import run


@pytest.fixture(scope="session")
def efficientnet_lite0(tmp_path_factory):
    folder = tmp_path_factory.mktemp("efficientnet")
    done = run(folder, "--model", "efficientnet-lite0")
    assert done.returncode == 0, done.stderr
    return folder
