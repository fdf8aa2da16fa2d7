"""Descriptions of targets: what is read, what is refused, and with which words."""

from pathlib import Path

import pytest

from core.errors import TargetError
from core.target import TargetTask, dump_target, load_target, parse_target

BASE = Path("/data/studies")
MINIMAL = 'name = "busi"\nimages = "busi"\nformat = "folder"\nlabel_type = "multi-class"\n'

GOOD = {
    "nothing but the necessary": ("", {"images": Path("/data/studies/busi"), "test_part": (), "commercial_use": False}),
    "words about the task": (
        'modality = "ultrasound"\nanatomy = "breast"\ncolor = "grey"\nnotes = """two\nlines"""',
        {"modality": "ultrasound", "anatomy": "breast", "color": "grey", "notes": "two\nlines"},
    ),
    "columns and groups": (
        'label_columns = ["a", "b"]\ngroup_column = "patient_id"\nsplit_column = "split"',
        {"label_columns": ("a", "b"), "group_column": "patient_id", "split_column": "split"},
    ),
    "a pattern with backslashes": (r"group_pattern = '(\d+)_'", {"group_pattern": r"(\d+)_"}),
    "near-duplicates as groups": ("group_similar = true", {"group_similar": True}),
    "grades in their order": (
        'class_order = ["low", "high"]\nclass_meanings = {low = "grade 1"}',
        {"class_order": ("low", "high"), "class_meanings": {"low": "grade 1"}},
    ),
    "limits": ("labelled_images = 120\ncommercial_use = true", {"labelled_images": 120, "commercial_use": True}),
    "a locked test part": ('test_part = ["benign/1.png"]', {"test_part": ("benign/1.png",)}),
}


@pytest.mark.parametrize("more, expected", GOOD.values(), ids=GOOD)
def test_good_entries_are_read_as_they_are_meant(more, expected):
    task = parse_target(MINIMAL + more, BASE)
    assert {name: getattr(task, name) for name in expected} == expected


@pytest.mark.parametrize("more", [more for more, _ in GOOD.values()], ids=GOOD)
def test_what_is_exported_is_imported_as_the_same(more):
    task = parse_target(MINIMAL + more, BASE)
    assert parse_target(dump_target(task), Path("/elsewhere")) == task


@pytest.mark.parametrize(
    "spelling, label_type",
    [
        ("multiclass", "multi-class"),
        ("multi_label", "multi-label"),
        ("Multilabel", "multi-label"),
        ("Ordinal", "ordinal"),
    ],
)
def test_usual_spellings_of_the_label_type_are_understood(spelling, label_type):
    assert parse_target(MINIMAL.replace("multi-class", spelling), BASE).label_type == label_type


BAD = {
    "no TOML": (MINIMAL + "= =", "not valid TOML"),
    "an empty file": ("", "Missing entries: name, images, format, label_type"),
    "no images": (MINIMAL.replace('images = "busi"\n', ""), "Missing entries: images"),
    "a name of spaces": (MINIMAL.replace('name = "busi"', 'name = "  "'), "The target has no name"),
    "an unknown entry": (MINIMAL + "label_colums = []", "Unknown entries: label_colums"),
    "an unknown format": (MINIMAL.replace('"folder"', '"dicom"'), '`format` is "dicom"'),
    "an unknown label type": (MINIMAL.replace("multi-class", "segmentation"), '`label_type` is "segmentation"'),
    "an unknown colour": (MINIMAL + 'color = "gray"', '`color` is "gray"'),
    "a text for a list": (MINIMAL + 'label_columns = "a"', "`label_columns` is 'a'"),
    "numbers in a list of texts": (MINIMAL + "class_order = [1, 2]", "`class_order` is [1, 2]"),
    "a number for a text": (MINIMAL.replace('name = "busi"', "name = 7"), "`name` is 7"),
    "a text for a flag": (MINIMAL + 'commercial_use = "yes"', "`commercial_use` is 'yes'"),
    "a flag for a number": (MINIMAL + "labelled_images = true", "`labelled_images` is True"),
    "fewer than no images": (MINIMAL + "labelled_images = -1", "`labelled_images` is -1"),
    "more images than there are": (MINIMAL + "labelled_images = 99999999999999999999", "`labelled_images` is 9999"),
    "a list for the meanings": (MINIMAL + 'class_meanings = ["a"]', "`class_meanings` is ['a']"),
    "numbers for the meanings": (MINIMAL + "class_meanings = {a = 1}", "`class_meanings` is {'a': 1}"),
    "a number for the label type": (MINIMAL.replace('"multi-class"', "2"), "`label_type` is 2"),
    "a path with a null character": (MINIMAL.replace('images = "busi"', 'images = "a\\u0000b"'), "no usable path"),
    "a path of an unknown user": (MINIMAL.replace('images = "busi"', 'images = "~nobody-here/x"'), "no usable path"),
}


@pytest.mark.parametrize("text, words", BAD.values(), ids=BAD)
def test_bad_entries_are_refused_with_words_and_a_remedy(text, words):
    with pytest.raises(TargetError) as caught:
        parse_target(text, BASE)
    assert words in caught.value.message
    assert caught.value.remedy


def test_relative_images_are_taken_from_the_folder_of_the_file(tmp_path):
    (tmp_path / "TARGET.toml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_target(tmp_path / "TARGET.toml").images == (tmp_path / "busi").resolve()


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "TARGET.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("TARGET.toml", "absent.toml"):
        with pytest.raises(TargetError, match="cannot be read"):
            load_target(tmp_path / name)


def test_a_task_made_in_code_is_held_to_the_same_words():
    with pytest.raises(TargetError, match="`format` is"):
        TargetTask("busi", BASE, "zip", "binary")
