"""The fields of the form: what people type becomes a checkpoint, and a checkpoint becomes the same fields again."""

import pytest

from core.catalog import Checkpoint, Preprocessing
from core.checkpoint_form import BLANK, checkpoint_of, fields_of, in_words, parse_kwargs
from core.errors import CheckpointError

TYPED = BLANK | {"name": " MobileNetV2,  ImageNet ", "weights": "'/models/w.pth'", "architecture": "mobilenetv2_100 "}


def test_what_is_typed_becomes_a_checkpoint():
    checkpoint = checkpoint_of(TYPED | {"kwargs": "pad_type = same", "num_classes": 0, "statistics": "0.5 / 0.5"})
    assert checkpoint == Checkpoint(
        "MobileNetV2, ImageNet", "mobilenetv2_100", "timm", "/models/w.pth", {"pad_type": "same"}, 0,
        preprocessing=Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3),
    )  # fmt: skip


ROUND_TRIPS = [
    Checkpoint("a", "resnet18", "torchvision", "/w.pth", num_classes=7, source="X", licence="MIT"),
    Checkpoint("a", "resnet18", "timm", "random", {"drop_rate": 0.25, "img_size": 64}, seed=3),
    Checkpoint("a", "resnet18", "timm", "/w.pth", {"qkv_bias": False, "pad_type": "true", "act_layer": "7"}),
    Checkpoint("a", "resnet18.a1_in1k", "timm", "timm", preprocessing=Preprocessing((64, 96), (0.1, 0.2, 0.3))),
    Checkpoint(
        "a", "net", "timm", "/w", preprocessing=Preprocessing((64, 64), (0.449,), (0.226,), "grey", (0.0, 255.0))
    ),
    Checkpoint("a", "net", "timm", "/w", preprocessing=Preprocessing(color="BGR", pixel_range=(-0.5, 0.5))),
    Checkpoint("a", "net", "timm", "/w", preprocessing=Preprocessing(mean=(0.123456789012, 1e-7, 0.3))),
]


@pytest.mark.parametrize("checkpoint", ROUND_TRIPS)
def test_a_checkpoint_that_is_edited_without_changes_stays_the_same(checkpoint):
    assert checkpoint_of(fields_of(checkpoint)) == checkpoint


KWARGS = {
    "": {},
    "pad_type = same": {"pad_type": "same"},
    'pad_type="same"\n\ndrop_rate=0.1': {"pad_type": "same", "drop_rate": 0.1},
    "qkv_bias=False, img_size = 64": {"qkv_bias": False, "img_size": 64},
    "qkv_bias = true": {"qkv_bias": True},
}


@pytest.mark.parametrize("text, expected", KWARGS.items())
def test_keyword_arguments_are_read_from_lines_or_a_list(text, expected):
    assert parse_kwargs(text) == expected


BAD = {
    "no name": ({"name": " "}, "has no name"),
    "no architecture": ({"architecture": ""}, "No architecture"),
    "no file": ({"weights": ""}, "No weights file"),
    "a keyword argument without a value": ({"kwargs": "pad_type"}, "`pad_type` is not understood"),
    "a keyword argument that loads": ({"kwargs": "checkpoint_path = x"}, "`checkpoint_path` is not allowed"),
    "an architecture that fetches": ({"architecture": "hf-hub:a/b"}, "would load from somewhere else"),
    "words as size": ({"input_size": "large"}, "`Input size` is large"),
    "half a pixel": ({"input_size": "224.5"}, "`Input size` is 224.5"),
    "three sides": ({"input_size": "3, 224, 224"}, "`Input size` is 3, 224, 224"),
    "no mean of one's own": ({"statistics": "Own values"}, "`mean` has 0 values"),
    "words as mean": ({"statistics": "Own values", "mean": "low"}, "`Mean` is low"),
}


@pytest.mark.parametrize("typed, words", BAD.values(), ids=BAD)
def test_what_cannot_be_meant_is_refused_with_words_and_a_remedy(typed, words):
    with pytest.raises(CheckpointError) as caught:
        checkpoint_of(TYPED | typed)
    assert words in caught.value.message
    assert caught.value.remedy


def test_fields_that_are_hidden_for_a_tag_cannot_make_it_fail():
    checkpoint = checkpoint_of(TYPED | {"kind": "timm", "input_size": "large", "library": "torchvision"})
    assert (checkpoint.library, checkpoint.weights, checkpoint.preprocessing) == ("timm", "timm", Preprocessing())


def test_a_grey_network_takes_the_average_of_the_three_channels():
    checkpoint = checkpoint_of(TYPED | {"color": "grey"})
    assert checkpoint.preprocessing.mean == (0.449,)


def test_preprocessing_in_words_names_every_step():
    words = in_words(Preprocessing((224, 320), (0.5,) * 3, (0.25,) * 3, "BGR", (0.0, 255.0)))
    for part in ("224 x 320", "without cropping", "blue, green, red", "0 to 255", "0.5, 0.5, 0.5", "0.25"):
        assert part in words
    assert "used as they are" in in_words(Preprocessing(mean=(0.0,) * 3, std=(1.0,) * 3))
    assert "become grey" in in_words(Preprocessing(mean=(0.5,), std=(0.5,), color="grey"))
