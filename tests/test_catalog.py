"""Descriptions of checkpoints: what is read, what is refused, and with which words."""

from pathlib import Path

import pytest

from core.catalog import (
    Checkpoint,
    Preprocessing,
    dump_checkpoints,
    identity,
    load_checkpoints,
    parse_checkpoints,
)
from core.errors import CheckpointError

BASE = Path("/data/models")
MINIMAL = '[[checkpoint]]\nname = "a"\narchitecture = "resnet18"\nlibrary = "timm"\nweights = "w.pth"\n'


def parsed(more: str = "", text: str = MINIMAL) -> Checkpoint:
    return parse_checkpoints(text + more, BASE)[0]


GOOD = {
    "nothing but the necessary": ("", {"num_classes": None, "seed": 0, "preprocessing": Preprocessing()}),
    "a headless network": ("num_classes = 0", {"num_classes": 0}),
    "keyword arguments": (
        'kwargs = {pad_type = "same", drop_rate = 0.1, dynamic_img_size = false}',
        {"kwargs": {"pad_type": "same", "drop_rate": 0.1, "dynamic_img_size": False}},
    ),
    "one side for a square": (
        "[checkpoint.preprocessing]\ninput_size = 64",
        {"preprocessing": Preprocessing(input_size=(64, 64))},
    ),
    "channels before the sides": (
        "[checkpoint.preprocessing]\ninput_size = [3, 64, 96]",
        {"preprocessing": Preprocessing(input_size=(64, 96))},
    ),
    "one mean for all channels": (
        "[checkpoint.preprocessing]\nmean = 0.5\nstd = 0.25",
        {"preprocessing": Preprocessing(mean=(0.5,) * 3, std=(0.25,) * 3)},
    ),
    "a grey network": (
        '[checkpoint.preprocessing]\ncolor = "grey"\nmean = [0.4]\nstd = [0.2]\npixel_range = [0, 255]',
        {"preprocessing": Preprocessing(mean=(0.4,), std=(0.2,), color="grey", pixel_range=(0.0, 255.0))},
    ),
    "a grey network without statistics takes the average of ImageNet's": (
        '[checkpoint.preprocessing]\ncolor = "grey"',
        {"preprocessing": Preprocessing(mean=(0.449,), std=(0.226,), color="grey")},
    ),
}


@pytest.mark.parametrize("more, expected", GOOD.values(), ids=GOOD)
def test_good_entries_are_read_as_they_are_meant(more, expected):
    checkpoint = parsed(more)
    assert {name: getattr(checkpoint, name) for name in expected} == expected


@pytest.mark.parametrize("more", [more for more, _ in GOOD.values()], ids=GOOD)
def test_what_is_exported_is_imported_as_the_same(more):
    checkpoint = parsed(more)
    assert parse_checkpoints(dump_checkpoints([checkpoint]), Path("/elsewhere")) == [checkpoint]


BAD = {
    "no TOML": ("= =", "not valid TOML"),
    "an unknown entry": ("weight = 3", "unknown entries ['weight']"),
    "a text for a number": ('num_classes = "ten"', "`num_classes` is 'ten'"),
    "a flag for a number": ("seed = true", "`seed` is True"),
    "fewer than no classes": ("num_classes = -1", "`num_classes` is -1"),
    "more classes than there are": ("num_classes = 99999999999", "`num_classes` is 99999999999"),
    "a negative seed": ("seed = -1", "`seed` is -1"),
    "a seed beyond what torch takes": ("seed = 99999999999999999999", "`seed` is 9999"),
    "a keyword argument that loads a file": (
        'kwargs = {checkpoint_path = "x.pth"}',
        "`checkpoint_path` is not allowed",
    ),
    "a keyword argument that fetches": ('kwargs = {pretrained_cfg = "hf"}', "`pretrained_cfg` is not allowed"),
    "a keyword argument that names a place": ('kwargs = {act_layer = "hf-hub:a/b"}', "keyword argument `act_layer`"),
    "a keyword argument that is a list": ("kwargs = {img_size = [1, 2]}", "keyword argument `img_size`"),
    "a keyword argument without an end": ("kwargs = {drop_rate = inf}", "keyword argument `drop_rate`"),
    "an unknown colour": ('[checkpoint.preprocessing]\ncolor = "RGBA"', 'a: Preprocessing: `color` is "RGBA"'),
    "an unknown preprocessing entry": ("[checkpoint.preprocessing]\nscale = 1", "unknown preprocessing entries"),
    "a mean per wrong channel": ("[checkpoint.preprocessing]\nmean = [0.5, 0.5]", "`mean` has 2 values for 3"),
    "a word as mean": ('[checkpoint.preprocessing]\nmean = ["a", "b", "c"]', "no usable number"),
    "a mean that is no number": ("[checkpoint.preprocessing]\nmean = nan", "must be finite"),
    "no spread": ("[checkpoint.preprocessing]\nstd = 0", "`std` above 0"),
    "one side in a list": ("[checkpoint.preprocessing]\ninput_size = [224]", "`input_size` is (224,)"),
    "an endless side": ("[checkpoint.preprocessing]\ninput_size = [inf, inf]", "no usable number"),
    "a side too large": ("[checkpoint.preprocessing]\ninput_size = 100000", "`input_size` is"),
    "a range upside down": ("[checkpoint.preprocessing]\npixel_range = [1, 0]", "`pixel_range` is"),
    "half a range": ("[checkpoint.preprocessing]\npixel_range = [0]", "`pixel_range` is"),
}


@pytest.mark.parametrize("more, words", BAD.values(), ids=BAD)
def test_bad_entries_are_refused_with_words_and_a_remedy(more, words):
    with pytest.raises(CheckpointError) as caught:
        parsed(more)
    assert words in caught.value.message
    assert caught.value.remedy


BAD_FILES = {
    "an empty file": ("", "no list of checkpoints"),
    "something else beside": (MINIMAL.replace("[[checkpoint]]", 'x = 1\n[[checkpoint]]'), "no list of checkpoints"),
    "a single table": (MINIMAL.replace("[[checkpoint]]", "[checkpoint]"), "no list of checkpoints"),
    "numbers for checkpoints": ("checkpoint = [1, 2]", "`checkpoint` holds 1"),
    "words for checkpoints": ('checkpoint = ["a"]', "`checkpoint` holds 'a'"),
    "the same name twice": (MINIMAL * 2, "Several checkpoints are called a"),
    "no weights": (MINIMAL.replace('weights = "w.pth"', ""), "missing entries weights"),
    "another library": (MINIMAL.replace('"timm"', '"keras"'), '`library` is "keras"'),
    "an architecture on the hub": (MINIMAL.replace("resnet18", "hf-hub:someone/net"), "load from somewhere else"),
    "an architecture that is a path": (MINIMAL.replace("resnet18", "../net"), "load from somewhere else"),
    "a tag of torchvision": (
        MINIMAL.replace('"timm"', '"torchvision"').replace("w.pth", "timm"), 'needs library = "timm"',
    ),
    "a path with a null character": (MINIMAL.replace("w.pth", "a\\u0000b"), "no usable path"),
    "a path of an unknown user": (MINIMAL.replace("w.pth", "~nobody-here/w.pth"), "no usable path"),
}  # fmt: skip


@pytest.mark.parametrize("text, words", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files_are_refused_with_words_and_a_remedy(text, words):
    with pytest.raises(CheckpointError) as caught:
        parse_checkpoints(text, BASE)
    assert words in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "given, expected",
    [("w.pth", "/data/models/w.pth"), ("../w.pth", "/data/w.pth"), ("/else/w.pth", "/else/w.pth"), ("timm", "timm")],
)
def test_relative_weights_are_taken_from_the_folder_of_the_file(given, expected):
    assert parsed(text=MINIMAL.replace("w.pth", given)).weights == expected


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_checkpoints(tmp_path / "c.toml")[0].weights == str((tmp_path / "w.pth").resolve())


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("c.toml", "absent.toml"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoints(tmp_path / name)


def test_the_identity_of_a_file_follows_its_content_and_not_its_name(tmp_path):
    first, second = tmp_path / "a.pth", tmp_path / "b.pth"
    first.write_bytes(b"weights")
    second.write_bytes(b"weights")
    ids = [identity(parsed(text=MINIMAL.replace("w.pth", str(path)))) for path in (first, second)]
    assert ids[0] == ids[1]
    second.write_bytes(b"other weights")
    assert identity(parsed(text=MINIMAL.replace("w.pth", str(second)))) != ids[0]


def test_the_identity_of_a_random_network_follows_all_that_determines_it():
    def of(more: str) -> str:
        return identity(parsed(more, MINIMAL.replace("w.pth", "random")))

    assert of("") == of('source = "none"\nlicence = "MIT"')
    assert len({of(""), of("seed = 1"), of("num_classes = 3"), of('kwargs = {pad_type = "same"}')}) == 4


def test_weights_that_are_not_there_have_no_identity(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        identity(parsed(text=MINIMAL.replace("w.pth", str(tmp_path / "absent.pth"))))
    with pytest.raises(CheckpointError, match="not fetched yet"):
        identity(parsed(text=MINIMAL.replace("w.pth", "timm")))
