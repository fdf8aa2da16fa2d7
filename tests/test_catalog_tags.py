"""The table of timm's tags: what names tell, that it agrees with timm and published sizes, and the search over it."""

import fnmatch
import random

import pytest
import timm

from core import catalog_tags
from core.catalog import Preprocessing
from core.catalog_tags import QUICK_PICKS, checkpoint_of, has_class_head, load, preprocessing_of, search, why_not
from core.errors import CheckpointError
from data.catalog.make_tags import facts
from data.catalog.measure import NOTHING, measure
from data.catalog.tag_names import UNTOLD, pretraining

NAMES = {
    "resnet50.a1_in1k": ("ImageNet-1K", "supervised"),
    "vit_base_patch16_224.augreg_in21k": ("ImageNet-21K", "supervised"),
    "convnext_tiny.fb_in22k_ft_in1k_384": ("ImageNet-22K, then ImageNet-1K", "supervised"),
    "coatnet_2_rw_224.sw_in12k": ("ImageNet-12K", "supervised"),
    "vit_base_patch16_clip_224.laion2b_ft_in12k_in1k": (
        "LAION-2B, then ImageNet-12K, then ImageNet-1K", "image-text",
    ),
    "vit_base_patch16_clip_224.laion400m_e32": ("LAION-400M", "image-text"),
    "vit_base_patch16_clip_224.openai": ("OpenAI WIT", "image-text"),
    "vit_base_patch16_siglip_224.v2_webli": ("WebLI", "image-text"),
    "vit_base_patch16_clip_224.dfn2b": ("DFN-2B", "image-text"),
    "vit_base_patch16_clip_224.metaclip_2pt5b": ("MetaCLIP 2.5B", "image-text"),
    "vit_small_patch14_dinov2.lvd142m": ("LVD-142M", "self-supervised"),
    "vit_small_patch16_dinov3.lvd1689m": ("LVD-1689M", "self-supervised"),
    "beit_base_patch16_224.in22k_ft_in22k_in1k": (
        "ImageNet-22K, then ImageNet-22K, then ImageNet-1K", "self-supervised",
    ),
    "resnet50.fb_swsl_ig1b_ft_in1k": ("Instagram-1B, then ImageNet-1K", "weakly or semi-supervised"),
    "tf_efficientnet_b0.ns_jft_in1k": ("ImageNet-1K with unlabelled JFT-300M", "weakly or semi-supervised"),
    "deit_tiny_distilled_patch16_224.fb_in1k": ("ImageNet-1K", "distilled"),
    "davit_tiny.msft_in1k": ("ImageNet-1K", "supervised"),
    "vit_base_patch16_224.mae": ("ImageNet-1K", "self-supervised"),
    "convnextv2_atto.fcmae_ft_in1k": ("ImageNet-1K, then ImageNet-1K", "self-supervised"),
    "hiera_base_224.mae": ("ImageNet-1K", "self-supervised"),
    "eva_giant_patch14_224.clip_ft_in1k": ("LAION-400M, then ImageNet-1K", "image-text"),
    "hgnetv2_b4.ssld_stage2_ft_in1k": ("ImageNet-22K, then ImageNet-1K", "distilled"),
    "beit3_base_patch16_224.in22k_ft_in1k": (
        "ImageNet-21K, LAION, COYO-700M and CC15M, then ImageNet-22K, then ImageNet-1K", "self-supervised",
    ),
    "efficientnet_b1.ft_in1k": ("unknown, then ImageNet-1K", "unknown"),
    "qwen3_vit_88m.qwen3_5_0_8b": ("unknown", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("tag, told", NAMES.items(), ids=NAMES)
def test_a_tag_s_name_tells_the_data_in_order_and_the_kind(tag, told):
    assert tag in load().index
    found = pretraining(tag)
    assert (found["data"], found["kind"]) == told
    assert bool(found["told_by"]) == (not found["data"].startswith("unknown"))


def test_the_table_holds_every_tag_of_the_timm_that_it_was_made_with():
    assert timm.__version__ != "1.0.31" or set(load().index) == set(timm.list_pretrained())
    assert len(load()) == load().index.nunique() == 1826


def test_every_hand_checked_entry_describes_a_tag_and_says_what_was_read():
    for row in UNTOLD:
        assert row["read"] and all(fnmatch.filter(load().index, pattern) for pattern in row["tags"]), row


def test_a_random_sample_of_rows_agrees_with_timm_and_with_measuring_again():
    known = sorted(set(load().index) & set(timm.list_pretrained()))
    for tag in random.Random(3).sample(known, 12):
        row = load().loc[tag]
        for key, value in facts(tag).items():
            assert str(row[key]) == str(value), (tag, key)
        for key, value in measure(tag).items():
            assert row[key] == pytest.approx(value, nan_ok=True) or (value is None and row[key] != row[key]), (tag, key)


@pytest.mark.parametrize("tag", ["resnet18.a1_in1k", "test_vit.r160_in1k", "mobilenetv2_100.ra_in1k"])
def test_parameters_and_width_are_those_of_a_built_network(tag):
    network = timm.create_model(tag, pretrained=False)
    row = load().loc[tag]
    assert row["parameters_m"] == pytest.approx(sum(p.numel() for p in network.parameters()) / 1e6, abs=0.001)
    assert row["features"] == network.head_hidden_size
    network.reset_classifier(0)
    assert row["backbone_m"] == pytest.approx(sum(p.numel() for p in network.parameters()) / 1e6, abs=0.001)


# Millions of parameters and G multiply-adds in the papers or in timm's published tables, at 224 pixels.
PUBLISHED = {
    "resnet50.a1_in1k": (25.6, 4.1), "resnet18.a1_in1k": (11.7, 1.8), "densenet121.ra_in1k": (8.0, 2.9),
    "mobilenetv2_100.ra_in1k": (3.5, 0.30), "vit_base_patch16_224.augreg_in1k": (86.6, 17.6),
    "convnext_tiny.fb_in1k": (28.6, 4.5), "swin_tiny_patch4_window7_224.ms_in1k": (28.3, 4.5),
    "vit_base_patch32_clip_224.laion2b": (88, 4.4), "resnet152.a1_in1k": (60.2, 11.6),
}  # fmt: skip


@pytest.mark.parametrize("tag, published", PUBLISHED.items(), ids=PUBLISHED)
def test_sizes_agree_with_published_ones(tag, published):
    row = load().loc[tag]
    assert (row["parameters_m"], row["multiply_adds_g"]) == pytest.approx(published, rel=0.03)


def test_a_network_that_cannot_be_built_has_no_sizes(capsys):
    assert measure("no_such_network") == NOTHING
    assert "not built" in capsys.readouterr().out


def test_unknown_data_is_rare_and_stays_unknown():
    unknown = load()[load()["first_data"] == "unknown"]
    assert 0 < len(unknown) < 180 and not unknown["data"].str.startswith("ImageNet").any()


def test_search_takes_every_word_and_any_value_of_a_filter():
    assert len(search()) == len(load())
    assert set(search("resnet50 a1_in1k").index) >= {"resnet50.a1_in1k"}
    assert set(search(data=("LAION-2B", "LAION-400M"))["data"]) == {"LAION-2B", "LAION-400M"}
    assert set(search(kinds=("self-supervised",), size="small")["kind"]) == {"self-supervised"}
    assert search(size="resnet50")["multiply_adds_g"].between(3, 6.5).all()
    assert set(search(licences=("mit",), input_sizes=(224,))[["licence", "input_height"]].itertuples(index=False)) == {
        ("mit", 224)
    }
    assert search("no such words").empty and search(".*").empty


def test_the_choices_of_a_filter_begin_with_the_usual_and_end_with_the_unknown():
    assert catalog_tags.choices("data")[0] == "ImageNet-1K" and catalog_tags.choices("data")[-1] == "unknown"
    assert catalog_tags.choices("licence")[-1] == "" and 224 in catalog_tags.choices("input_height")


PICKED = {
    "ImageNet-1K, supervised": ({"ImageNet-1K"}, {"supervised"}),
    "ImageNet-21K or -22K, supervised": ({"ImageNet-21K", "ImageNet-22K"}, {"supervised"}),
    "Self-supervised: DINO on ImageNet-1K, DINOv2, DINOv3": (
        {"ImageNet-1K", "LVD-142M", "LVD-1689M"}, {"self-supervised"},
    ),
    "CLIP on LAION": ({"LAION-2B", "LAION-400M"}, {"image-text"}),
    "CLIP on other image-text pairs": ({"OpenAI WIT", "DataComp-XL"}, {"image-text"}),
}  # fmt: skip


@pytest.mark.parametrize("label", QUICK_PICKS)
def test_quick_picks_are_what_their_label_says_and_offer_every_size(label):
    rows = load().loc[list(QUICK_PICKS[label])]
    assert (set(rows["data"]), set(rows["kind"])) == PICKED[label]
    assert not any(why_not(tag) for tag in rows.index)
    assert "base" in set(rows["size"]) and rows["resnet50_class"].any()
    if label != "CLIP on other image-text pairs":
        assert "small" in set(rows["size"])


def test_a_candidate_is_filled_in_from_the_table():
    made = checkpoint_of("vit_small_patch14_dinov2.lvd142m")
    assert (made.name, made.kind, made.licence) == ("vit_small_patch14_dinov2.lvd142m", "timm", "apache-2.0")
    assert made.source == "LVD-142M (self-supervised)"
    assert made.preprocessing == Preprocessing((518, 518))
    assert checkpoint_of("test_vit.r160_in1k").preprocessing == Preprocessing((160, 160), (0.5,) * 3, (0.5,) * 3)


def test_every_tag_that_is_offered_makes_a_valid_candidate():
    offered = [tag for tag in load().index if not why_not(tag)]
    assert len([checkpoint_of(tag) for tag in offered]) > 1700


@pytest.mark.parametrize("tag", ["gcvit_base.in1k", "deepseek_vit_412m_enc.deepseek_v4_1_flash"])
def test_a_tag_that_cannot_be_scored_is_refused_with_the_reason(tag):
    with pytest.raises(CheckpointError, match="cannot be registered") as refused:
        checkpoint_of(tag)
    assert refused.value.remedy


def test_a_tag_that_is_not_in_the_table_keeps_the_usual_preprocessing():
    assert preprocessing_of("no_such_net.tag") == Preprocessing()


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("resnet50.a1_in1k", True),
        ("resnet50_clip.openai", False),
        ("convnext_base.clip_laion2b_augreg_ft_in1k", True),
        ("beit_base_patch16_224.in22k_ft_in22k", True),
        ("a_tag_that_is_newer.than_the_table", True),
    ],
)
def test_the_head_of_image_text_pretraining_gives_no_classes(tag, expected):
    assert has_class_head({"weights": "timm", "architecture": tag}) is expected
    assert has_class_head({"weights": "/a/file.pth", "architecture": tag})
