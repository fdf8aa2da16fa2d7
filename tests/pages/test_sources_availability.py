"""The Sources page: what a candidate's line says of its availability, with the date of the answer."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from huggingface_hub import constants
from streamlit.testing.v1 import AppTest

from core.availability.records import Address, folder, keep_answer
from core.catalog import Checkpoint
from core.catalog_tags import checkpoint_of
from core.target import TargetTask
from pages import _sources_availability
from pages._text import ago
from tests.pages.conftest import SHELL
from tests.pages.test_sources import named, text_of

TAG = "resnet18.a1_in1k"
ADDRESS = Address(f"timm/{TAG}")
OFFER = {"state": "downloadable", "file": "model.safetensors", "bytes": 46_800_000, "sha256": "0" * 64}


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Opens the view Checkpoints, with nothing in the hub's cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def open_page() -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=30).run()
        app.session_state["sources_view"] = "Checkpoints"
        app.switch_page("sources.py").run()
        assert not app.exception
        return app

    return open_page


@pytest.fixture
def tag(store, project):
    store.save_checkpoint(project, checkpoint_of(TAG), {}, id="first")


def answered(days: int = 0, **answer) -> None:
    """The hub gave this answer so many days ago."""
    keep_answer(ADDRESS, answer)
    file = folder() / "hub" / f"{ADDRESS.key}.json"
    asked = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"asked": asked}))


def test_before_the_hub_was_asked_the_page_says_so(page, tag):
    shown = text_of(page())
    assert "The hub was not asked yet." in shown and "Downloadable" not in shown


def test_an_answer_is_shown_with_its_age_size_and_a_download(page, tag):
    answered(days=3, **OFFER)
    app = page()
    assert "The hub was asked 3 days ago: check again." in text_of(app)
    assert "Downloadable" in text_of(app) and not named(app.button, "Download 46.8 MB").disabled


def test_too_little_disk_is_said_before_the_download(page, tag, monkeypatch):
    monkeypatch.setattr(_sources_availability, "free_disk", lambda: 10**6)
    answered(**OFFER)
    app = page()
    assert named(app.button, "Download 46.8 MB").disabled and "too little: 0.2 GB are needed" in text_of(app)


def test_a_licence_that_changed_on_the_hub_is_marked_beside_the_state(page, tag, store, project):
    store.save_target(project, TargetTask("t", Path("/x"), "folder", "binary", commercial_use=True))
    answered(**OFFER, licence="cc-by-nc-4.0")
    shown = text_of(page())
    assert "Downloadable" in shown and "Licence may conflict" in shown and "not legal advice" in shown
    assert r"registered as apache\-2\.0" in shown
    assert "(https://creativecommons.org/licenses/by-nc/4.0/legalcode)" in shown


def test_where_only_files_of_ours_are_registered_nobody_needs_to_be_asked(page, store, project, tmp_path):
    store.save_checkpoint(project, Checkpoint("F", "resnet18", "timm", str(tmp_path / "f.pth")), {})
    app = page()
    assert "Broken link" in text_of(app) and "Check availability" not in [button.label for button in app.button]


AGES = {0: "just now", 59: "just now", 60: "1 minute ago", 7300: "2 hours ago", 3 * 86_400: "3 days ago"}


@pytest.mark.parametrize("seconds, words", AGES.items())
def test_an_age_is_told_in_its_largest_unit(seconds, words):
    assert ago((datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()) == words
