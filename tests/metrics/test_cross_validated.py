"""AUC, nearest neighbours and linear probe against scikit-learn and cases with a known answer."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import core.metrics.linear_probe as linear_probe
from core.errors import MetricError
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


def out_of_fold(features, labels, folds, method):
    scores = None
    for fold in np.unique(folds):
        train = folds != fold
        probe = LogisticRegression(C=1.0, max_iter=1000, tol=linear_probe.TOLERANCE)
        model = make_pipeline(StandardScaler(), probe).fit(features[train], labels[train])
        fitted = getattr(model, method)(features[~train])
        scores = np.empty((len(labels), *fitted.shape[1:])) if scores is None else scores
        scores[~train] = fitted
    return scores


@pytest.mark.parametrize(
    ("classes", "method", "distance"),
    [(3, "predict_proba", 1e-9), (2, "decision_function", 0.01)],  # two classes: another solver of the same problem
)
def test_the_probe_is_that_of_scikit_learn(problem, classes, method, distance):
    features, labels, folds = problem(n=90, d=12, classes=classes)
    columns = label_matrix(labels, classes, "multi-class" if classes > 2 else "binary")
    features = features.astype(float)
    ours = probe_scores(standardised_folds(features, folds), labels, columns, multinomial=classes > 2)
    expected = out_of_fold(features, labels, folds, method).reshape(ours.shape)
    assert ours == pytest.approx(expected, abs=distance)
    truth = roc_auc_score(labels, expected if classes > 2 else expected[:, 0], multi_class="ovr")
    assert macro_auc(ours, columns) == pytest.approx(truth, abs=1e-12 if distance < 1e-6 else 1e-3)


@pytest.mark.parametrize(("classes", "method"), [(3, "predict_proba"), (2, "decision_function")])
def test_rotating_wide_features_leaves_the_converged_probe_unchanged(problem, monkeypatch, classes, method):
    features, labels, folds = problem(n=90, d=200, classes=classes)
    columns = label_matrix(labels, classes, "multi-class" if classes > 2 else "binary")
    features = features.astype(float)
    for tolerance, score_distance, auc_distance in ((1e-4, 0.05, 2e-3), (1e-9, 1e-3, 1e-4)):
        monkeypatch.setattr(linear_probe, "TOLERANCE", tolerance)
        prepared = standardised_folds(features, folds)
        assert prepared[0].x_train.shape[1] < len(prepared[0].train)
        ours = probe_scores(prepared, labels, columns, multinomial=classes > 2)
        expected = out_of_fold(features, labels, folds, method).reshape(ours.shape)
        assert ours == pytest.approx(expected, abs=score_distance)
        assert macro_auc(ours, columns) == pytest.approx(macro_auc(expected, columns), abs=auc_distance)


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
        scores = probe_scores(standardised_folds(x, folds), labels, columns, multinomial)
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
