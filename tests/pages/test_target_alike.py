"""The Target page on copies and shortcuts: what it lists, what it offers, and that it stays quick."""

import re
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.target import TargetTask
from pages._target_reading import read
from pages._target_verdict import verdict_of
from tests.pages.test_target import open_page, press, shown, targets_of, widget


def picture(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(20, 140, (9, 9), dtype=np.uint8)).resize((120, 100), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """30 images per class; b is lettered; a/00 occurs again, smaller, as b/copy, and a/01 as a/again."""
    for c in "ab":
        (tmp_path / "images" / c).mkdir(parents=True)
        for i in range(30):
            image = picture(100 * (c == "b") + i)
            if c == "b":
                ImageDraw.Draw(image).text((6, 4), "LT 34", fill=255, font=ImageFont.load_default(size=14))
            image.save(tmp_path / "images" / c / f"{i:02}.png")
    picture(0).resize((90, 75)).save(tmp_path / "images" / "b" / "copy.png")
    picture(1).resize((90, 75)).save(tmp_path / "images" / "a" / "again.png")
    return tmp_path / "images"


@pytest.fixture
def saved(store, project, folder):  # noqa: F811
    return store.save_target(project, TargetTask("lettered", folder, "folder", "binary"))


def test_copies_are_listed_side_by_side_with_class_and_those_across_classes_first(project, saved):  # noqa: F811
    text = shown(open_page(project, saved))
    assert "**2 sets** of images that are alike" in text and "**1 set across classes**" in text
    assert text.index("`b/copy.png`") < text.index("`a/again.png`")


def test_copies_across_the_locked_test_part_are_listed_with_their_part(store, project, folder):  # noqa: F811
    task = TargetTask("locked", folder, "folder", "binary", test_part=("a/again.png",))
    text = shown(open_page(project, store.save_target(project, task)))
    assert "**1 set across parts**" in text and "**a** · test" in text and "**a** · training" in text


def test_a_shortcut_is_said_in_words_with_what_to_do(project, saved):  # noqa: F811
    text = shown(open_page(project, saved))
    assert "Shortcut risk" in text and "Crop the marks away" in text and "no proof" in text
    assert "a line of bright letters" in text


def verdict(at) -> str:
    return next(m.value for m in at.markdown if m.value.startswith(("**Yes", "**Not")))


def test_the_verdict_names_copies_across_classes_and_shortcuts_with_the_way_there(project, saved):
    text = verdict(open_page(project, saved))
    assert "**Yes, with 3 cautions.**" in text  # and that no test part is kept out
    assert "[1 set of near-duplicates across classes](#target-copies)" in text
    assert re.search(r"\[3 shortcut risks: a (line of )?bright letter[^\]]* and 2 more\]\(#target-shortcuts\)", text)
    assert "not looked" not in text.lower()


def test_the_verdict_says_what_was_not_looked_for_yet_and_names_it_once_it_was(project, saved, monkeypatch):
    monkeypatch.setattr("pages._target_alike.ON_REQUEST", 10)
    at = open_page(project, saved)
    assert "Not looked for yet: [near-duplicates](#target-copies)." in verdict(at) and "1 set of" not in verdict(at)
    press(at, "Look for near-duplicates")
    assert "[1 set of near-duplicates across classes](#target-copies)" in verdict(at)
    press(at, "Edit")
    assert "#" not in verdict(at)  # the form has no such places


def test_the_verdict_before_copies_and_shortcuts_were_looked_for(folder):
    found = read(TargetTask("lettered", folder, "folder", "binary"))
    assert "Not looked for yet: [near-duplicates](#target-copies) and [shortcuts](#target-shortcuts)." in verdict_of(
        found, True
    )


def test_the_verdict_says_when_nothing_was_found_or_images_are_too_few(store, project, folder):
    for path in [*folder.glob("b/*"), *folder.glob("a/again.png"), *folder.glob("a/2*")]:
        path.unlink()
    for i in range(20):
        picture(500 + i).save(folder / "b" / f"{i}.png")
    id = store.save_target(project, TargetTask("plain", folder, "folder", "binary", test_part=("a/00.png",)))
    assert verdict(open_page(project, id)) == (
        "**Yes.** Every image was read. No [near-duplicates](#target-copies) across classes or parts and no "
        "[shortcuts](#target-shortcuts) were found."
    )
    for path in [*folder.glob("?/1*")]:
        path.unlink()
    at = open_page(project, id)
    assert "too few images to look for [shortcuts](#target-shortcuts)" in verdict(at)
    assert "at least 20 are needed" in shown(at)


def test_near_duplicates_become_groups_when_that_is_saved_and_can_be_undone(store, project, saved):  # noqa: F811
    at = open_page(project, saved)
    widget(at, "toggle", "Near-duplicates form a group").set_value(True)
    at.run()
    assert next(m for m in at.metric if m.label == "Number of groups").value == "60"
    press(at, "Save the groups of near-duplicates")
    assert targets_of(store, project)[0].group_similar
    assert "**60 groups** from near-duplicates" in shown(at)
    widget(at, "toggle", "Near-duplicates form a group").set_value(False)
    at.run()
    press(at, "Save without them")
    assert not targets_of(store, project)[0].group_similar


def test_drawing_the_page_again_is_quick(project, saved):  # noqa: F811
    at = open_page(project, saved)
    at.run()
    start = time.perf_counter()
    at.run()
    assert time.perf_counter() - start < 2  # 0.3 s on a quiet machine; the first drawing computes for longer
