"""What a checkpoint takes: measured where it was checked, else from timm's table, and unknown where nothing tells."""

import shutil

import pytest
from huggingface_hub import constants

from core.availability.fit import fit_of, free_disk
from core.catalog import Checkpoint
from core.catalog_tags import load

TAG = Checkpoint("small", "resnet18.a1_in1k", "timm", "timm")
LARGE = Checkpoint("large", "resnet50.a1_in1k", "timm", "timm")
REPORT = {"ok": True, "parameters": 11_000_000, "feature_dim": 512, "images_per_second": 50.0, "memory_mb": 300.0}


def test_a_checked_network_is_told_as_it_was_measured():
    fit = fit_of(TAG, REPORT, 1000, [])
    assert fit.parameters == 11_000_000 and fit.scaled_from == ""
    assert fit.seconds == pytest.approx(1000 / 50, abs=5) and fit.memory_mb > 300
    assert fit_of(TAG, REPORT, 2000, []).seconds - fit.seconds == pytest.approx(20)


def test_the_time_of_an_unchecked_tag_is_scaled_from_a_measured_one_by_multiply_adds():
    fit, own = fit_of(LARGE, {}, 1000, [(TAG, REPORT)]), fit_of(TAG, REPORT, 1000, [])
    factor = load().loc[LARGE.architecture, "multiply_adds_g"] / load().loc[TAG.architecture, "multiply_adds_g"]
    assert fit.scaled_from == "small" and factor > 2
    assert fit.seconds - own.seconds == pytest.approx(20 * (factor - 1))
    assert fit.parameters == pytest.approx(23.5e6, rel=0.05)


@pytest.mark.parametrize(
    "others", [[], [(TAG, {})], [(TAG, {"ok": False})], [(Checkpoint("f", "x", "timm", "/f"), REPORT)]]
)
def test_where_nothing_was_measured_the_time_is_unknown(others):
    fit = fit_of(LARGE, {}, 1000, others)
    assert fit.seconds is None and fit.parameters and fit.memory_mb


def test_of_a_network_that_no_table_knows_nothing_is_said():
    fit = fit_of(Checkpoint("f", "resnet18", "timm", "/f"), {}, 1000, [(TAG, REPORT)])
    assert fit.parameters is fit.memory_mb is fit.seconds is None


def test_free_disk_is_known_before_the_cache_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "not" / "made" / "yet"))
    assert free_disk() == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)
