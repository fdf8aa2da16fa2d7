"""What comes with every score: null, p, interval, verdict; for every metric of features and every label type."""

import json

import numpy as np
import pytest

from core.errors import MetricError
from core.metrics import METRICS
from core.metrics.calibration import evaluate

pytestmark = pytest.mark.usefixtures("without_simulation")

OF_FEATURES = [key for key, metric in METRICS.items() if metric.needs == "features"]
CROSS_VALIDATED = ["knn", "linear_probe"]


def numbers(record):
    return {name: record[name] for name in ("value", "raw", "null", "null_sd", "p", "z", "low", "high")}


@pytest.mark.parametrize("key", OF_FEATURES)
def test_a_clear_signal_is_reliable_and_two_runs_agree_to_the_last_bit(key, problem):
    features, labels, folds = problem(n=90, d=12, signal=3.0)
    before = features.copy(), labels.copy(), folds.copy()
    record = evaluate(key, features, labels, "multi-class", 3, None, folds, seed=1)
    assert record == evaluate(key, features, labels, "multi-class", 3, None, folds, seed=1)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["p"] <= 0.05 and record["z"] > 2
    if METRICS[key].pool_relative:
        assert record["verdict"] == "read with care" and record["value"] is None
    else:
        assert record["verdict"] == "reliable"
        assert record["low"] <= record["value"] <= record["high"] and record["value"] > record["null"]
    assert record["n"] == 90 and record["d"] == 12 and record["permutations"] == METRICS[key].permutations
    assert all(np.array_equal(now, then) for now, then in zip((features, labels, folds), before, strict=True))


@pytest.mark.parametrize("key", OF_FEATURES)
def test_noise_is_not_meaningful_and_the_warning_about_features_stays(key):
    rng = np.random.default_rng(2)
    features = rng.normal(size=(200, 2048)).astype(np.float32)
    labels, folds = np.arange(200) % 2, np.arange(200) // 2 % 5
    record = evaluate(key, features, rng.permutation(labels), "binary", 2, None, folds)
    assert record["p"] > 0.05 and record["verdict"] == "not meaningful here"
    assert "Not distinguishable from shuffled labels" in record["reason"]
    assert "200 images for 2048 features" in record["reason"]
    if key == "logme":
        assert 0 <= record["value"] < 0.02
    if key in CROSS_VALIDATED:
        assert 0.35 < record["null"] < 0.6


@pytest.mark.parametrize("key", OF_FEATURES)
def test_renaming_classes_changes_no_value(key, problem):
    features, labels, folds = problem(n=90, d=12)
    record = evaluate(key, features, labels, "multi-class", 3, None, folds)
    renamed = evaluate(key, features, np.array([4, 0, 2])[labels], "multi-class", 5, None, folds)
    assert renamed["value"] == pytest.approx(record["value"], abs=1e-10)
    assert renamed["detail"]["left_out"] == [1, 3]


@pytest.mark.parametrize("key", CROSS_VALIDATED)
def test_classes_far_apart_have_auc_one_for_every_label_type(key, problem):
    features, labels, folds = problem(n=80, d=8, classes=4, signal=40.0)
    multi_label = np.stack([labels % 2, labels // 2, np.zeros_like(labels)], axis=1)
    cases = [(labels, "multi-class", 4), (multi_label, "multi-label", 3), (labels // 2, "binary", 2)]
    for given, label_type, classes in cases:
        record = evaluate(key, features, given, label_type, classes, None, folds)
        assert record["value"] == pytest.approx(1.0, abs=1e-12) and record["p"] <= 0.05
        assert record["high"] == 1.0
    assert evaluate(key, features, multi_label, "multi-label", 3, None, folds)["detail"]["left_out"] == [2]


@pytest.mark.parametrize("key", ["logme", "knn", "linear_probe"])
def test_ordinal_grades_are_scored_step_by_step(key):
    rng = np.random.default_rng(0)
    grades = np.arange(100) % 5
    features = np.c_[grades + 0.3 * rng.normal(size=100), np.ones(100), rng.normal(size=(100, 2))]
    record = evaluate(key, features, grades, "ordinal", 5, None, rng.permutation(100) % 5)
    assert len(record["detail"]["by_column"]) == 4 and record["p"] <= 0.05


@pytest.mark.parametrize("key", OF_FEATURES)
def test_more_than_a_thousand_images_are_shuffled_on_a_part_that_is_named(key, problem, monkeypatch):
    features, labels, folds = problem(n=150, d=10, signal=3.0)
    for fitted in ("linear_probe", "nca"):
        monkeypatch.setitem(METRICS[fitted].params, "null_images", 60)
    record = evaluate(key, features, labels, "multi-class", 3, None, folds)
    assert record["verdict"] == ("read with care" if METRICS[key].pool_relative else "reliable")
    if key in ("linear_probe", "nca"):
        assert record["detail"]["null_images"] == 60


def test_labels_that_follow_the_group_are_not_mistaken_for_signal():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), 15)
    features = rng.normal(size=(12, 6))[groups] + 0.1 * rng.normal(size=(180, 6))
    labels = (np.arange(12) % 2)[groups]
    ignoring = evaluate("logme", features, labels, "binary", 2)
    respecting = evaluate("logme", features, labels, "binary", 2, groups)
    assert ignoring["p"] < 0.01 and respecting["p"] > 0.05
    assert respecting["high"] - respecting["low"] > 1.2 * (ignoring["high"] - ignoring["low"])


@pytest.mark.parametrize("key", ["logme", "knn"])
def test_p_values_of_noise_are_spread_evenly(key):
    p = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels, folds = np.arange(60) % 2, np.arange(60) // 2 % 5
        p.append(evaluate(key, rng.normal(size=(60, 30)), labels, "binary", 2, None, folds, seed)["p"])
    assert np.mean(np.array(p) <= 0.05) <= 0.15 and 0.3 <= np.mean(np.array(p) <= 0.5) <= 0.75


def test_small_classes_are_named_in_the_reason():
    rng = np.random.default_rng(0)
    labels = np.r_[np.zeros(60, int), np.ones(12, int)]
    features = rng.normal(size=(72, 4)) + 3 * labels[:, None]
    record = evaluate("logme", features, labels, "binary", 2)
    assert record["verdict"] == "read with care" and "12 images" in record["reason"]
    few = evaluate("logme", features[52:68], labels[52:68], "binary", 2)
    assert few["verdict"] == "not meaningful here" and "too few to be scored" in few["reason"]


def test_metrics_that_do_not_apply_give_the_reason_in_place_of_a_value():
    labels = np.arange(20)[:, None] % np.array([2, 3, 5]) == 0
    record = evaluate("gradient_ratio", None, labels.astype(int), "multi-label", 3)
    assert record == {"value": None, "reason": METRICS["gradient_ratio"].why_not["multi-label"]}


@pytest.mark.parametrize(
    ("features", "labels", "label_type", "message"),
    [
        (np.full((4, 2), np.nan), [0, 1, 0, 1], "binary", "NaN or infinite"),
        (np.array([[1.0, np.inf], [0, 0], [1, 1]]), [0, 1, 1], "binary", "1 of 3 images"),
        (np.ones((4, 2)), [1, 1, 1, 1], "binary", "same label"),
        (np.ones((4, 2)), [[1, 0], [1, 0], [1, 0], [1, 0]], "multi-label", "same label"),
        (np.ones((4, 2)), [0, 1, 2, 3], "binary", "there are 2 classes"),
        (np.ones((4, 2)), [[0, 1], [1, 0], [1, 2], [0, 0]], "multi-label", "table of 0 and 1"),
        (np.ones((4, 2)), [0, 1, 0], "binary", "for 3 images"),
        (np.ones(4), [0, 1, 0, 1], "binary", "shape"),
    ],
)
def test_unusable_input_is_refused_with_what_to_do(features, labels, label_type, message):
    with pytest.raises(MetricError, match=message) as caught:
        evaluate("logme", features, np.array(labels), label_type, 2)
    assert caught.value.remedy


def test_cross_validation_without_folds_is_refused(problem):
    features, labels, _ = problem(n=30)
    with pytest.raises(MetricError, match="two folds"):
        evaluate("knn", features, labels, "multi-class", 3)
