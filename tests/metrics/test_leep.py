"""LEEP against its definition in plain loops, at its ends, and with source classes that never occur."""

import numpy as np
import pytest
import torch

from core.metrics.calibration import evaluate
from core.metrics.case import make_case
from core.metrics.leep import leep, prepare, published

pytestmark = pytest.mark.usefixtures("without_simulation")

LABELS = np.arange(60) % 3


def of_logits(logits, labels=LABELS):
    case = make_case(None, labels, "multi-class", int(labels.max()) + 1, source_logits=logits)
    return leep(prepare(case), case.labels)


def by_definition(probabilities, labels):
    n, z = probabilities.shape
    joint = np.zeros((labels.max() + 1, z))
    for p, y in zip(probabilities, labels, strict=True):
        joint[y] += p / n
    given = joint / joint.sum(axis=0)
    return np.mean(
        [np.log(sum(given[y, v] * p[v] for v in range(z))) for p, y in zip(probabilities, labels, strict=True)]
    )


def test_it_is_the_mean_log_expected_prediction():
    p = np.random.default_rng(0).dirichlet(np.full(7, 0.3), size=60)
    assert leep(torch.from_numpy(p), LABELS) == pytest.approx(by_definition(p, LABELS), abs=1e-12)


def test_a_head_that_knows_the_labels_scores_zero_and_one_that_knows_nothing_minus_their_entropy():
    assert of_logits(1000.0 * np.eye(3)[LABELS]) == pytest.approx(0, abs=1e-12)
    uneven = np.r_[np.zeros(57, int), 1, 2, 2]
    shares = np.bincount(uneven) / 60
    assert of_logits(np.ones((60, 5)), uneven) == pytest.approx((shares * np.log(shares)).sum(), abs=1e-12)


def test_dead_source_classes_change_nothing_and_extreme_logits_stay_finite():
    logits = np.random.default_rng(1).normal(size=(60, 4))
    dead = np.c_[logits, np.full((60, 3), -1e5)]
    assert of_logits(dead) == pytest.approx(of_logits(logits), abs=1e-12)
    assert np.isfinite(of_logits(logits * 1e6))


@pytest.mark.parametrize("change", [lambda x: x + np.arange(60)[:, None], lambda x: x[:, ::-1], lambda x: np.c_[x, x]])
def test_what_leaves_the_predictions_alone_leaves_the_value(change):
    """Another constant per image; other source classes' order; every source class twice."""
    logits = np.random.default_rng(2).normal(size=(60, 6))
    assert of_logits(change(logits)) == pytest.approx(of_logits(logits), abs=1e-12)


def test_a_head_of_noise_is_not_told_from_shuffled_labels_and_a_good_one_is():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(60, 20))
    record = evaluate("leep", noise, LABELS, "multi-class", 3, source_logits=noise)
    assert record["p"] > 0.05 and record["null"] == pytest.approx(-np.log(3), abs=0.05)
    good = evaluate("leep", noise, LABELS, "multi-class", 3, source_logits=noise + 3 * np.eye(20)[LABELS])
    assert good["verdict"] == "reliable" and good["low"] <= good["value"] <= good["high"] <= 0
    assert good["permutations"] == 200


def test_several_labels_per_image_give_the_mean_over_the_labels():
    logits = np.random.default_rng(4).normal(size=(60, 5))
    rows = np.stack([LABELS == 0, LABELS == 1], axis=1).astype(int)
    record = evaluate("leep", logits, rows, "multi-label", 2, source_logits=logits)
    assert record["value"] == pytest.approx(np.mean([of_logits(logits, column) for column in rows.T]), abs=1e-12)


def test_without_a_source_head_the_reason_stands_in_place_of_the_value(problem):
    features, labels, _ = problem(n=60)
    record = evaluate("leep", features, labels, "multi-class", 3)
    assert record["value"] is None and "the classes it was trained on" in record["reason"]
    assert published(make_case(features, labels, "multi-class", 3)) == {}
