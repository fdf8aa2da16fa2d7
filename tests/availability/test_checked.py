"""How a candidate stands after its check: files that change, move or go, names that are taken, licences."""

import os
from dataclasses import replace

import pytest

from core import availability
from core.availability import licence_question, require_new_names, require_weights, state_of
from core.catalog import Checkpoint, file_stamp, identity
from core.errors import CheckpointError, SourceScoutError


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    (tmp_path / "w.pth").write_bytes(b"weights")
    return Checkpoint("a", "resnet18", "timm", str(tmp_path / "w.pth"))


def report_of(checkpoint: Checkpoint) -> dict:
    file = checkpoint.weights if checkpoint.kind == "file" else None
    return {"ok": True, "identity": identity(checkpoint), "weights_file": file, "stamp": file_stamp(file)}


def test_a_candidate_is_unchecked_checked_or_failed_as_its_report_says(checkpoint):
    assert state_of(checkpoint, {}) == "unchecked"
    assert state_of(checkpoint, report_of(checkpoint)) == "checked"
    assert state_of(checkpoint, {"ok": False}) == "failed"


def test_an_unchanged_file_is_not_read_again(checkpoint, monkeypatch):
    report = report_of(checkpoint)
    monkeypatch.setattr(availability, "identity", lambda *_: pytest.fail("the file was hashed"))
    assert state_of(checkpoint, report) == "checked"


def test_other_content_is_noticed_and_a_newer_date_alone_is_not_a_change(checkpoint, tmp_path):
    report = report_of(checkpoint)
    os.utime(tmp_path / "w.pth", (1, 1))
    assert state_of(checkpoint, report) == "checked"
    (tmp_path / "w.pth").write_bytes(b"others!")
    assert state_of(checkpoint, report) == "changed"


def test_a_file_that_went_away_is_noticed(checkpoint, tmp_path):
    report = report_of(checkpoint)
    (tmp_path / "w.pth").unlink()
    assert state_of(checkpoint, report) == "gone"


def test_a_random_network_changes_with_the_versions_that_make_it(checkpoint, monkeypatch):
    random = replace(checkpoint, weights="random")
    report = report_of(random)
    assert state_of(random, report) == "checked"
    monkeypatch.setattr("core.catalog.version_of", lambda _: "0.0")
    assert state_of(random, report) == "changed"
    monkeypatch.setattr(availability, "torch_installed", lambda: False)
    assert state_of(random, report) == "checked"


def test_weights_must_be_a_file_under_the_allowed_folders(checkpoint, tmp_path):
    roots = (tmp_path.resolve(),)
    require_weights(checkpoint, roots)
    require_weights(replace(checkpoint, weights="random"), ())
    with pytest.raises(CheckpointError, match="is not there"):
        require_weights(replace(checkpoint, weights=str(tmp_path / "absent.pth")), roots)
    with pytest.raises(CheckpointError, match="is a folder"):
        require_weights(replace(checkpoint, weights=str(tmp_path)), roots)
    with pytest.raises(SourceScoutError, match="outside the folders"):
        require_weights(checkpoint, (tmp_path / "elsewhere",))


def test_a_link_out_of_the_allowed_folders_is_refused(checkpoint, tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "w.pth").symlink_to(tmp_path / "w.pth")
    with pytest.raises(SourceScoutError, match="outside the folders"):
        require_weights(replace(checkpoint, weights=str(tmp_path / "open" / "w.pth")), ((tmp_path / "open").resolve(),))


def test_a_name_is_given_once(checkpoint):
    require_new_names([checkpoint], ["b"])
    with pytest.raises(CheckpointError, match="called a already"):
        require_new_names([checkpoint], ["a"])


LICENCES = {
    "CC-BY-NC-4.0": "excludes commercial",
    "cc by nc sa": "excludes commercial",
    "Non-commercial research": "excludes commercial",
    "noncommercial": "excludes commercial",
    "research use only": "excludes commercial",
    "": "No licence is stated",
    "  ": "No licence is stated",
}


@pytest.mark.parametrize("licence, words", LICENCES.items())
def test_a_licence_is_asked_about_only_when_commercial_use_is_needed(licence, words):
    assert words in licence_question(licence, commercial_use=True)
    assert licence_question(licence, commercial_use=False) == ""


@pytest.mark.parametrize("licence", ["Apache-2.0", "MIT", "BSD-3-Clause", "Inception licence", "CC-BY-4.0", "NCSA"])
def test_usual_open_licences_raise_no_question(licence):
    assert licence_question(licence, commercial_use=True) == ""
