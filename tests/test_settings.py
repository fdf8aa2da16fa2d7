"""Where data is kept and what may be read: odd folders and odd paths."""

import pytest

from core.errors import SourceScoutError
from core.settings import full_path, home, require_allowed


def test_the_data_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCESCOUT_HOME", str(tmp_path / "a" / "b"))
    assert home() == tmp_path / "a" / "b" and home().is_dir()


@pytest.mark.parametrize("place", ["file/below", "file", "~no_such_user_here/x"])
def test_a_data_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SOURCESCOUT_HOME", place if place.startswith("~") else str(tmp_path / place))
    with pytest.raises(SourceScoutError, match="data folder") as caught:
        home()
    assert "SOURCESCOUT_HOME" in caught.value.remedy


@pytest.mark.parametrize("path", ["~no_such_user_here/x", "a\0b"])
def test_what_is_no_path_is_refused(tmp_path, path):
    with pytest.raises(SourceScoutError, match="no usable path"):
        require_allowed(path, (tmp_path,))


def test_a_name_that_is_too_long_is_refused_and_one_that_is_not_there_is_not(tmp_path):
    with pytest.raises(SourceScoutError, match="too long"):
        require_allowed(tmp_path / ("x" * 300), (tmp_path,))
    (tmp_path / "file").touch()
    for name in ("gone", "gone/x", "file/x"):
        assert require_allowed(tmp_path / name, (tmp_path,)) == tmp_path / name


def test_an_unknown_user_after_the_tilde_is_refused():
    with pytest.raises(SourceScoutError, match="no usable path"):
        full_path("~no_such_user_here/x")


@pytest.mark.parametrize("path", ["/etc/passwd", "{0}/../x", "{0}/link/passwd"])
def test_what_leads_out_of_the_allowed_folders_is_refused(tmp_path, path):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(SourceScoutError, match="outside the folders"):
        require_allowed(path.format(tmp_path), (tmp_path,))
