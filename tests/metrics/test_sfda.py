"""SFDA beside the plain form of its definition, its known answers, and what must not change it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh

from core.errors import MetricError
from core.metrics.calibration import evaluate
from core.metrics.case import make_case
from core.metrics.sfda import mean_probability, prepare, sfda

pytestmark = pytest.mark.usefixtures("without_simulation")


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def plain_pass(x, y, shrinkage=None):
    """Class probabilities of one pass, with all generalised eigenvectors as the paper writes them."""
    n, d = x.shape
    priors = np.bincount(y) / n
    means = np.stack([x[y == c].mean(axis=0) for c in range(len(priors))])
    within = sum(p * np.cov(x[y == c].T, bias=True) for c, p in enumerate(priors))
    if shrinkage is None:
        u = within.sum(axis=1)
        for _ in range(3):
            v = within @ u / np.linalg.norm(within @ u)
            u = within @ v / np.linalg.norm(within @ v)
        shrinkage = max(np.exp(-5 * u @ within @ v), 1e-10)
    total = (1 - shrinkage) * np.cov(x.T, bias=True) + shrinkage * np.trace(np.cov(x.T, bias=True)) / d * np.eye(d)
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / d * np.eye(d)
    _, vectors = eigh(total - within, within)
    inverse = vectors @ vectors.T
    logits = x @ inverse @ means.T - np.einsum("cd,de,ce->c", means, inverse, means) / 2 + np.log(priors)
    return softmax(logits), means, shrinkage


def plain_sfda(x, y):
    rows = np.arange(len(y))
    probabilities, means, shrinkage = plain_pass(x, y)
    own = softmax(probabilities)[rows, y]
    others = np.stack([np.delete(means, c, axis=0).mean(axis=0) for c in range(len(means))])
    moved = own[:, None] * x + (1 - own)[:, None] * others[y]
    return plain_pass(moved, y, shrinkage)[0][rows, y].mean()


def an_example(n=200, d=12, classes=3, scale=1.0, seed=0, signal=1.0):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(classes), np.arange(classes), rng.integers(0, classes, size=n - 2 * classes) ** 2 // classes]
    x = rng.normal(size=(n, d)) * scale * np.arange(1, d + 1) ** -0.5 + 3
    x[np.arange(n), y % d] += signal * scale
    return x, y


def value_of(x, y):
    return sfda(torch.from_numpy(x), torch.from_numpy(y))


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
@pytest.mark.parametrize(("n", "d", "classes"), [(200, 12, 3), (150, 30, 2), (400, 100, 7), (60, 3, 5)])
def test_it_is_the_papers_definition_without_its_eigenvectors(n, d, classes, scale):
    x, y = an_example(n, d, classes, scale)
    assert value_of(x, y) == pytest.approx(plain_sfda(x, y), abs=1e-9)


@pytest.mark.parametrize("n", [40, 90])
def test_rotating_wide_features_into_the_space_of_the_images_keeps_the_papers_value(n):
    x, y = an_example(n, 100, 3, scale=0.05)  # so small that it is regularised much, and short of its maximum
    assert 0.4 < plain_sfda(x, y) < 0.99
    assert value_of(x, y) == pytest.approx(plain_sfda(x, y), abs=1e-9)


@pytest.mark.parametrize(("n", "d", "expected"), [(200, 512, 1.0), (2000, 512, 0.29), (10000, 512, 0.20)])
def test_noise_scores_what_public_code_was_seen_to_give(n, d, expected):
    rng = np.random.default_rng(0)
    assert value_of(rng.normal(size=(n, d)), np.arange(n) % 5) == pytest.approx(expected, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([0.01, 1.0, 100.0]),
    st.floats(-50, 50),
    st.integers(2, 4),
    st.sampled_from([8, 70]),
)
def test_scale_shift_order_and_names_change_nothing_in_the_products_form(seed, scale, shift, classes, d):
    def scaled(x, y):
        case = make_case(x, y, "multi-class", classes)
        return mean_probability(prepare(case.scaled), torch.from_numpy(case.labels))

    x, y = an_example(60, d, classes, seed=seed)
    rng = np.random.default_rng(seed)
    rows, names = rng.permutation(60), rng.permutation(classes)
    before = x.copy()
    changed = scaled((x * scale + shift)[rows][:, rng.permutation(d)], names[y[rows]])
    assert changed == pytest.approx(scaled(x, y), abs=1e-6)
    assert np.array_equal(x, before)


def test_duplicated_and_constant_columns_keep_the_value_and_half_precision_is_read():
    x, y = an_example(scale=30.0)  # at the least regularisation, which columns more or less do not change
    value = value_of(x, y)
    assert value_of(np.hstack([x, x, np.ones((len(x), 2))]), y) == pytest.approx(value, abs=1e-6)
    half = x.astype(np.float16)
    assert value_of(half, y) == value_of(half.astype(float), y) == pytest.approx(value, abs=0.01)


def test_rows_that_sum_to_nothing_still_find_the_largest_eigenvalue():
    x, y = an_example(scale=0.4)
    x -= x.mean(axis=1, keepdims=True)  # as behind a layer norm
    turned = x @ np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    assert value_of(x, y) == pytest.approx(value_of(turned, y), abs=0.01)


def test_it_is_refused_where_the_images_of_each_class_are_alike():
    with pytest.raises(MetricError, match="same features"):
        value_of(np.eye(3)[np.arange(30) % 3], np.arange(30) % 3)


def test_at_its_maximum_it_means_nothing_and_has_no_interval(problem):
    features, labels, _ = problem(n=60, d=80, signal=5.0)
    record = evaluate("sfda", features, labels, "multi-class", 3)
    assert record["value"] == record["null"] == pytest.approx(1.0, abs=1e-6)
    assert record["verdict"] == "not meaningful here"
    assert record["reason"].startswith("60 images for 80 features: features in so many directions fit any labels")
    assert record["low"] is None and "half of the images are too few for 80 features" in record["interval"]


def test_wide_features_of_low_rank_are_not_at_the_maximum(problem):
    features, labels, _ = problem(n=90, d=6, signal=3.0)
    record = evaluate("sfda", np.tile(features, 20), labels, "multi-class", 3)
    assert record["verdict"] == "read with care" and record["null"] < 0.6 < record["value"] < 1


def test_an_interval_needs_half_samples_that_are_not_at_the_maximum(problem):
    features, labels, _ = problem(n=90, d=60, signal=3.0)
    record = evaluate("sfda", features, labels, "multi-class", 3)
    assert record["low"] is None and record["verdict"] == "read with care"
    assert record["reason"] == "There is no interval: half of the images are too few for 60 features."
    record = evaluate("sfda", features[:, :30], labels, "multi-class", 3)
    assert record["low"] < record["value"] < record["high"] <= 1


def test_several_labels_per_image_are_scored_one_by_one(problem):
    features, labels, _ = problem(n=90, d=10)
    rows = np.stack([labels == 0, labels == 1], axis=1).astype(int)
    record = evaluate("sfda", features, rows, "multi-label", 2)
    alone = [evaluate("sfda", features, column, "binary", 2)["value"] for column in rows.T]
    assert record["detail"]["by_label"] == pytest.approx(alone, abs=1e-12)
    assert record["value"] == pytest.approx(np.mean(alone), abs=1e-12)
