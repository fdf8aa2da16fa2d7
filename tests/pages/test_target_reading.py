"""What the Target page looks at again, and how often."""

import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.errors import TargetError
from core.target import TargetTask
from pages import _target_reading


@pytest.fixture
def task(tmp_path) -> TargetTask:
    for name, shade in (("a", 0), ("b", 100)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            Image.new("L", (9, 9), shade + i).save(tmp_path / "images" / name / f"{i}.png")
    return TargetTask("t", tmp_path / "images", "folder", "binary")


def test_slow_looks_are_rare_and_quick_ones_are_not():
    calls = []

    def look(seconds):
        calls.append(seconds)
        time.sleep(seconds)
        return str(len(calls))

    assert [_target_reading._looked("slow", lambda: look(0.05)) for _ in range(3)] == ["1", "1", "1"]
    time.sleep(20 * 0.06)
    assert _target_reading._looked("slow", lambda: look(0.05)) == "2"
    assert [_target_reading._looked("quick", lambda: look(0)) for _ in range(3)] == ["3", "4", "5"]


def test_a_changed_image_is_noticed_at_once_in_a_small_folder(task):
    before = _target_reading.read(task)
    assert _target_reading.read(task) is before
    Image.new("L", (12, 9), 200).save(task.images / "a" / "0.png")
    after = _target_reading.read(task)
    assert after.key != before.key and after.index["width"].iat[0] == 12


def test_a_changed_label_is_noticed_though_no_image_changed(task):
    csv = task.images / "list.csv"
    lines = ["path,label", *(f"{c}/{i}.png,{c}" for c in "ab" for i in range(12))]
    csv.write_text("\n".join(lines))
    task = replace(task, images=csv, format="manifest")
    assert _target_reading.read(task).listing.labels.sum() == 12
    csv.write_text("\n".join(lines).replace("a/3.png,a", "a/3.png,b "))
    assert _target_reading.read(task).listing.labels.sum() == 13


def test_a_folder_that_may_not_be_read_is_not_looked_at(task, monkeypatch):
    monkeypatch.setattr("os.walk", lambda *_: pytest.fail("it was looked at"))
    with pytest.raises(TargetError, match="outside the folders"):
        _target_reading.read(replace(task, images=Path("/")))
    assert _target_reading.class_names(replace(task, images=Path("/"))) == ()


def test_other_words_in_the_description_do_not_list_the_images_again(task, monkeypatch):
    before = _target_reading.read(task)
    monkeypatch.setattr(_target_reading, "read_listing", lambda *_: pytest.fail("it was listed again"))
    assert _target_reading.read(replace(task, name="other", notes="n")) is before
    again = _target_reading.read(replace(task, labelled_images=9, test_part=(before.listing.ids[0],)))
    assert again.n_test == 1 and again.listing is before.listing


def test_a_zip_archive_is_read_and_kept_like_a_folder(task, tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        for path in task.images.glob("*/*.png"):
            archive.write(path, path.relative_to(tmp_path))
    found = _target_reading.read(replace(task, images=tmp_path / "t.zip"))
    assert set(found.listing.ids) == set(_target_reading.read(task).listing.ids)
    assert found.inspection.n_images == 24
    assert _target_reading.read(replace(task, images=tmp_path / "t.zip")) is found
