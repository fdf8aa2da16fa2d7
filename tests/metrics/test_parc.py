"""PARC against its definition in scipy and scikit-learn, with ties, grades and features of few directions."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from core.metrics.calibration import evaluate
from core.metrics.parc import parc


def by_definition(features, labels, apart):
    """The textbook form: the label distances exact, the feature distances rounded so that ties stay ties."""
    components = PCA(min(32, *features.shape), svd_solver="full").fit_transform(features)
    distances = (1 - np.corrcoef(StandardScaler().fit_transform(components))).round(12)
    pairs = np.triu_indices(len(labels), 1)
    return 100 * spearmanr(distances[pairs], apart(labels[:, None], labels)[pairs]).statistic


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("ordinal", [False, True])
@pytest.mark.parametrize(("d", "classes"), [(50, 2), (8, 5), (200, 3)])
def test_it_is_the_rank_correlation_of_the_definition(d, classes, ordinal, repeats, problem):
    features, labels, _ = problem(n=70, d=d, classes=classes)
    features, labels = np.tile(features.astype(float), (repeats, 1)), np.tile(labels, repeats)
    apart = (lambda a, b: abs(a - b)) if ordinal else np.not_equal
    ours = parc(torch.from_numpy(features), labels, ordinal)
    if d < 70:  # with fewer images than features scikit-learn keeps a component that is rounding
        assert ours == pytest.approx(by_definition(features, labels, apart), abs=1e-6)
    assert 0 < ours < 100


def test_two_classes_that_are_perfectly_apart_reach_the_ceiling_that_ties_set():
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    features = np.where(labels[:, None] == 1, 1.0, -1.0) * [5, 3, -4] + 1e-3 * rng.normal(size=(80, 3))
    same = (80 * 79 / 2 - 1600) / (80 * 79 / 2)
    assert parc(torch.from_numpy(features[:, :2]), labels) <= 100 * np.sqrt(3 * same * (1 - same)) + 0.1


@pytest.mark.parametrize("d", [1, 2, 3])
def test_features_of_few_directions_give_a_number(d, problem):
    features, labels, _ = problem(n=40, d=4)
    value = parc(torch.from_numpy(features[:, :1] * np.arange(1, 4) if d == 1 else features[:, :d]), labels)
    assert np.isfinite(value) and (value == 0 if d == 1 else value != 0)


def test_noise_scores_about_zero_even_with_more_features_than_images():
    rng = np.random.default_rng(0)
    record = evaluate("parc", rng.normal(size=(200, 1024)), np.arange(200) % 4, "multi-class", 4)
    assert abs(record["value"]) < 2 and abs(record["null"]) < 0.5 and record["verdict"] == "not meaningful here"


def test_grades_count_by_their_distance():
    rng = np.random.default_rng(1)
    grades = np.arange(100) % 5
    angle = grades * 0.4
    features = np.c_[np.cos(angle), np.sin(angle), np.cos(2 * angle)] + 0.05 * rng.normal(size=(100, 3))
    renamed = np.array([2, 0, 4, 1, 3])[grades]
    in_order, out_of_order = (evaluate("parc", features, y, "ordinal", 5)["value"] for y in (grades, renamed))
    assert in_order > out_of_order + 10
    unordered = [evaluate("parc", features, y, "multi-class", 5)["value"] for y in (grades, renamed)]
    assert unordered[0] == pytest.approx(unordered[1], abs=1e-9)


def test_several_labels_per_image_give_the_mean_over_the_labels(problem):
    features, labels, _ = problem(n=60)
    rows = np.stack([labels == 0, labels == 2], axis=1).astype(int)
    record = evaluate("parc", features, rows, "multi-label", 2)
    single = [evaluate("parc", features, column, "binary", 2)["value"] for column in rows.T]
    assert record["value"] == pytest.approx(np.mean(single), abs=1e-9)


def test_more_images_than_are_paired_are_drawn_and_counted(problem, monkeypatch):
    from core.metrics import METRICS

    features, labels, _ = problem(n=120)
    monkeypatch.setitem(METRICS["parc"].params, "max_images", 60)
    record = evaluate("parc", features, labels, "multi-class", 3)
    assert record["detail"]["images"] == 60 and record["verdict"] == "reliable"
