"""AUC, nearest neighbours and linear probe against scikit-learn and cases with a known answer."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import core.metrics.linear_probe as linear_probe
from core.errors import MetricError
from core.metrics import logistic
from core.metrics.auc import auc, bootstrapped_interval, macro_auc, weighted_auc
from core.metrics.knn import knn_scores, neighbours
from core.metrics.labels import label_matrix
from core.metrics.linear_probe import probe_scores, standardised_folds


@pytest.mark.parametrize("levels", [3, 6, 10**6])
def test_auc_is_that_of_scikit_learn_with_and_without_ties(levels):
    rng = np.random.default_rng(levels)
    scores = rng.integers(0, levels, size=(80, 4)) / levels
    columns = rng.integers(0, 2, size=(80, 4))
    expected = [roc_auc_score(c, s) for c, s in zip(columns.T, scores.T, strict=True)]
    assert auc(scores, columns) == pytest.approx(expected, abs=1e-12)


def test_weighted_auc_is_that_of_repeated_images():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, size=50) / 5, rng.integers(0, 2, size=50)
    weights = rng.integers(0, 4, size=(50, 7))
    expected = [roc_auc_score(np.repeat(positive, w), np.repeat(scores, w)) for w in weights.T]
    assert weighted_auc(scores, positive, weights) == pytest.approx(expected, abs=1e-12)


def test_columns_with_one_value_are_left_out_of_the_mean():
    scores, columns = np.array([[0.1, 0.5], [0.9, 0.4]]), np.array([[0, 1], [1, 1]])
    assert macro_auc(scores, columns) == 1.0


def test_knn_votes_are_those_of_scikit_learn_fitted_on_the_other_folds(problem):
    features, labels, folds = problem(n=90, d=12)
    expected = np.empty((90, 3))
    for fold in range(5):
        train = folds != fold
        knn = KNeighborsClassifier(5, metric="cosine", algorithm="brute").fit(features[train], labels[train])
        expected[~train] = knn.predict_proba(features[~train])
    assert knn_scores(features, label_matrix(labels, 3, "multi-class"), folds) == pytest.approx(expected, abs=1e-12)


def test_no_neighbour_comes_from_the_images_own_fold(problem):
    features, _, folds = problem(n=60)
    nearest = neighbours(features, folds)
    assert (folds[nearest] != folds[:, None]).all()


def test_knn_takes_fewer_neighbours_when_there_are_fewer_images():
    nearest = neighbours(np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 0, 0, 1, 1, 1]))
    assert nearest.shape == (6, 3)


def out_of_fold(features, columns, folds):
    """Scores of scikit-learn's logistic regression, fitted to its optimum: probabilities, or a decision per column."""
    scores = np.empty(columns.shape)
    for fold in np.unique(folds):
        train = folds != fold
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000, tol=1e-8))
        if columns.shape[1] == 1:
            fitted = model.fit(features[train], columns[train, 0]).decision_function(features[~train])[:, None]
        else:
            fitted = model.fit(features[train], columns[train].argmax(axis=1)).predict_proba(features[~train])
        scores[~train] = fitted
    return scores


def ours(features, columns, folds, multinomial):
    """(B, N, K) of the sets of labels (B, N, K)."""
    return probe_scores(standardised_folds(torch.as_tensor(features, dtype=torch.float64), folds), columns, multinomial)


@pytest.mark.parametrize("d", [12, 200, 1100])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_probe_is_that_of_scikit_learn_for_each_of_several_sets_of_labels(problem, monkeypatch, classes, d):
    features, labels, folds = problem(n=90, d=d, classes=classes)
    features = features.astype(float)
    label_type = "multi-class" if classes > 2 else "binary"
    shuffled = np.random.default_rng(0).permutation(labels)
    sets = np.stack([label_matrix(some, classes, label_type) for some in (labels, shuffled)])
    expected = np.stack([out_of_fold(features, columns, folds) for columns in sets])
    assert np.ptp(expected) > 0.5
    truth = [macro_auc(*pair) for pair in zip(expected, sets, strict=True)]
    for tolerance, distance in ((logistic.TOLERANCE, 0.02), (1e-13, 2e-4)):
        monkeypatch.setattr(logistic, "TOLERANCE", tolerance)
        found = ours(features, sets, folds, classes > 2)
        assert found == pytest.approx(expected, abs=distance)
        assert [macro_auc(*pair) for pair in zip(found, sets, strict=True)] == pytest.approx(truth, abs=1e-3)


def test_more_images_than_features_are_fitted_in_their_own_directions_where_there_are_many(problem, monkeypatch):
    features, labels, folds = problem(n=200, d=30, classes=3)
    columns = label_matrix(labels, 3, "multi-class")[None]
    rotated = ours(features, columns, folds, True)
    monkeypatch.setattr(linear_probe, "ROTATED", 10)
    assert ours(features, columns, folds, True) == pytest.approx(rotated, abs=0.002)


def test_labels_are_fitted_the_same_alone_and_among_others(problem, monkeypatch):
    features, labels, folds = problem(n=90, d=12, classes=3)
    rng = np.random.default_rng(0)
    sets = np.stack([label_matrix(rng.permutation(labels), 3, "multi-class") for _ in range(6)])
    together = ours(features, sets, folds, True)
    monkeypatch.setattr(logistic, "VALUES_AT_ONCE", 1)
    assert ours(features, sets, folds, True) == pytest.approx(together, abs=1e-9)


@pytest.mark.parametrize("d", [4, 80])
@pytest.mark.parametrize("multinomial", [True, False])
def test_constant_features_and_a_class_missing_from_a_training_fold_do_not_crash(d, multinomial):
    rng = np.random.default_rng(0)
    labels = np.array([0, 1] * 20 + [2])
    folds = np.arange(41) % 5
    features = rng.normal(size=(41, d))
    features[:, 1] = 3.0
    columns = label_matrix(labels, 3, "multi-class")
    for x in (features, np.ones_like(features)):
        scores = ours(x, columns[None], folds, multinomial)[0]
        assert np.isfinite(scores).all()
        assert (scores[folds == folds[40], 2] == 0).all()


def test_bootstraps_take_whole_groups():
    rng = np.random.default_rng(0)
    scores, columns = rng.random((60, 1)), rng.integers(0, 2, size=(60, 1))
    alone = bootstrapped_interval(scores, columns, np.arange(60), 200, np.random.default_rng(1))
    paired = bootstrapped_interval(
        np.repeat(scores, 4, axis=0), np.repeat(columns, 4, axis=0), np.repeat(np.arange(60), 4), 200,
        np.random.default_rng(1),
    )  # fmt: skip
    assert paired == pytest.approx(alone, abs=1e-12)
    assert alone[0] < macro_auc(scores, columns) < alone[1]


def test_one_fold_is_refused():
    with pytest.raises(MetricError, match="two folds"):
        neighbours(np.eye(4), np.zeros(4, dtype=int))
