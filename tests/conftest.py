"""Shared fixtures: where the real data is, and a data folder of its own for every test."""

import os
from pathlib import Path

import pytest

from tests.hub_server import Hub, use_hub

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "realdata"
REALDATA = Path(os.environ.get("SOURCESCOUT_REALDATA") or _BESIDE).resolve()  # it may be reached through a link


@pytest.fixture(scope="session")
def realdata() -> Path:
    if not REALDATA.is_dir():
        pytest.skip("the real data is not on this machine")
    return REALDATA


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """No test touches the user's data folder; files under the test's folder and the real data may be read."""
    monkeypatch.setenv("SOURCESCOUT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOURCESCOUT_ROOTS", os.pathsep.join([str(tmp_path), str(REALDATA)]))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this machine that huggingface_hub asks, with an empty cache."""
    served = Hub()
    use_hub(monkeypatch, served.url, tmp_path / "cache")
    yield served
    served.close()


@pytest.fixture
def one_thread():
    """torch on one thread: small networks are slower on several, which other tests then miss."""
    import torch  # not at the top: most tests need none of it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
