"""NCA suitability: its gradient, its optimum beside scikit-learn's, known answers and invariances."""

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis

import core.metrics.nca as module
from core.errors import MetricError
from core.metrics.calibration import evaluate
from core.metrics.case import make_case
from core.metrics.nca import calibrated, knn_probability, nca, nca_knn_probability, neighbourhoods, prepare
from core.metrics.threads import one_thread

pytestmark = pytest.mark.usefixtures("without_simulation")


@pytest.fixture(autouse=True)
def alone():
    """On one thread: on a busy machine, threads that wait for each other take most of the time of small problems."""
    with one_thread():
        yield


def objective_of_the_definition(z, labels):
    """The definition, word for word: the mean over images of the softmax that falls on images of its class."""
    distances = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    distances = distances + torch.diag(torch.full((len(z),), torch.inf, dtype=z.dtype))
    return (torch.softmax(-distances, dim=1) * (labels[:, None] == labels)).sum()


def prepared(features, labels, label_type="multi-class"):
    case = make_case(features, labels, label_type, int(labels.max()) + 1)
    return case, *prepare(case)


@pytest.mark.parametrize("spread", [0.3, 3.0, 30.0])  # many neighbours matter, a few, one
@pytest.mark.parametrize("path", ["sparse", "dense"])
def test_objective_and_gradient_are_those_of_the_definition(spread, path, monkeypatch):
    monkeypatch.setattr(module, "SPARSE", 1.0 if path == "sparse" else -1.0)
    monkeypatch.setattr(module, "VALUES_AT_ONCE", 700)
    sizes = [20, 33, 1, 6]
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
    z = torch.from_numpy(np.random.default_rng(0).normal(0, spread, (60, 5))).requires_grad_()
    expected = objective_of_the_definition(z, labels)
    expected.backward()
    value, gradient = neighbourhoods(z.detach(), sizes)
    assert value == pytest.approx(expected.item(), abs=1e-12)
    assert gradient.numpy() == pytest.approx(z.grad.numpy(), abs=1e-11)


def test_numbers_too_large_for_single_precision_take_the_full_matrix():
    z = torch.from_numpy(np.random.default_rng(0).normal(0, 1e30, (12, 3)))
    value, gradient = neighbourhoods(z, [6, 6])
    labels = torch.repeat_interleave(torch.arange(2), 6)
    assert value == pytest.approx(objective_of_the_definition(z, labels).item()) and gradient.isfinite().all()


@pytest.mark.parametrize("d", [8, 60, 300])
def test_from_the_same_start_the_objective_is_at_least_that_of_scikit_learn(problem, d):
    features, labels, _ = problem(n=150, d=d, signal=1.0)
    _, x, start = prepared(features, labels)
    theirs = NeighborhoodComponentsAnalysis(start.shape[0], init=start.numpy(), max_iter=50).fit(x.numpy(), labels)
    theirs = float(objective_of_the_definition(x @ torch.from_numpy(theirs.components_.T), torch.from_numpy(labels)))
    fitted, objective = nca(x, labels, start)
    reached = float(objective_of_the_definition(x @ fitted.T, torch.from_numpy(labels)))
    assert objective == pytest.approx(reached / 150, abs=1e-10)
    assert objective >= theirs / 150 - 1e-3


@pytest.mark.parametrize("name", ["multiclass_balanced", "binary", "imbalanced"])
def test_the_reference_objective_is_at_least_that_of_scikit_learn(name, expected, reference_file):
    with np.load(reference_file(name)) as stored:
        features, labels = stored["X"].astype(float), np.unique(stored["y"], return_inverse=True)[1]
    case = make_case(features, labels, "multi-class", int(labels.max()) + 1)
    x, start = module.published_start(case)
    _, objective = nca(x, labels, start)
    theirs = NeighborhoodComponentsAnalysis(50, init="pca", max_iter=50, random_state=42).fit(features, labels)
    distances = pairwise_distances(theirs.transform(features), squared=True)
    np.fill_diagonal(distances, np.inf)
    weights = np.exp(distances.min(axis=1, keepdims=True) - distances)
    same = labels[:, None] == labels
    assert objective >= ((weights * same).sum(axis=1) / weights.sum(axis=1)).mean() - 1e-6


def test_neighbours_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(80, 4)), rng.integers(0, 3, 80)
    expected = KNeighborsClassifier(5).fit(z, labels).predict_proba(z)[np.arange(80), labels].mean()
    assert knn_probability(torch.from_numpy(z), torch.from_numpy(labels), 5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("d", [8, 150])
def test_features_are_centred_scaled_and_rotated_to_their_principal_components(problem, d):
    features, labels, _ = problem(n=60, d=d)
    features = features.astype(float) * 3 + 5
    _, x, start = prepared(features, labels)
    x = x.numpy()
    assert x.shape == (60, min(d, 59)) and start.shape == (min(50, d), x.shape[1])
    assert x.mean(axis=0) == pytest.approx(np.zeros(x.shape[1]), abs=1e-10)
    assert (x**2).sum() / 60 == pytest.approx(d)
    assert (np.diff((x**2).sum(axis=0)) <= 1e-9).all()
    direct = features - features.mean(axis=0)
    direct *= np.sqrt(d / ((direct**2).sum() / 60))
    assert x @ x.T == pytest.approx(direct @ direct.T, abs=1e-8)


@pytest.mark.parametrize(("factor", "shift"), [(0.01, 0.0), (100.0, 0.0), (1.0, 7.0)])
def test_scale_and_shift_of_features_change_nothing(problem, factor, shift):
    features, labels, _ = problem()
    value = nca_knn_probability(prepared(features, labels)[1], labels, prepared(features, labels)[2])
    _, x, start = prepared(features.astype(float) * factor + shift, labels)
    assert nca_knn_probability(x, labels, start) == pytest.approx(value, abs=5e-3)


def test_other_names_for_the_classes_change_not_a_bit(problem):
    features, labels, _ = problem(signal=1.0)
    _, x, start = prepared(features, labels)
    value = nca_knn_probability(x, labels, start)
    assert nca_knn_probability(x, np.array([7, 1, 4])[labels], start) == value


def test_classes_far_apart_score_one(problem):
    features, labels, _ = problem(signal=50.0)
    assert evaluate("nca", features, labels, "multi-class", 3)["value"] == 1.0


def test_several_labels_per_image_are_fitted_one_by_one(problem):
    features, labels, _ = problem(n=80, classes=4, signal=3.0)
    several = np.stack([labels % 2, labels // 2], axis=1)
    record = evaluate("nca", features, several, "multi-label", 2)
    alone = [evaluate("nca", features, column, "binary", 2)["value"] for column in several.T]
    assert record["detail"]["by_label"] == alone
    assert record["value"] == pytest.approx(np.mean(alone))
    assert record["verdict"] == "reliable" and record["permutations"] == 19


def test_features_that_differ_by_rounding_only_are_refused():
    features = np.full((20, 3), 1e9)
    features[0] += 1e-7
    with pytest.raises(MetricError, match="rounding"):
        calibrated(make_case(features, np.arange(20) % 2, "binary", 2))
