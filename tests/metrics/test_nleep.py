"""NLEEP: its reference values, its dimensions, its clusters, and what chance scores."""

import numpy as np
import pytest
import torch

from core.metrics import mixture
from core.metrics.calibration import evaluate
from core.metrics.leep import leep
from core.metrics.nleep import enough, nleep
from core.metrics.reference import reference
from core.metrics.spectrum import decompose


@pytest.mark.parametrize("name", ["multiclass_balanced", "binary", "imbalanced"])
def test_the_published_form_lies_in_the_range_of_public_runs(name, expected, reference_file):
    with np.load(reference_file(name)) as stored:
        ours = reference(stored["X"], stored["y"])["nleep_published_unseeded"]
    runs = expected[name]["expected"]["nleep_published_unseeded"]
    assert runs["min"] - 0.02 <= ours <= runs["max"] + 0.02


@pytest.mark.parametrize(
    ("n", "d", "classes", "dimensions"),
    [(200, 300, 2, 10), (60, 300, 3, 2), (20, 300, 8, 1), (1500, 4, 2, 4), (1400, 150, 2, 64)],
)
def test_the_dimensions_follow_from_the_images_per_gaussian(n, d, classes, dimensions, monkeypatch):
    shapes = []
    monkeypatch.setattr(mixture, "fit", lambda x, k, rng: shapes.append((x.shape[1], k)))
    monkeypatch.setattr(mixture, "posterior", lambda x, fitted: torch.ones(len(x), 1, dtype=torch.float64))
    nleep(torch.from_numpy(np.random.default_rng(0).normal(size=(n, d))), np.arange(n) % classes)
    assert shapes == [(dimensions, min(n, 5 * classes))] * 5


def test_the_components_hold_the_share_of_variance_that_the_paper_asks_for():
    x = np.random.default_rng(0).normal(size=(200, 30)) * np.arange(1, 31) ** -0.5
    shares = np.sort(np.linalg.eigvalsh(np.cov(x.T)))[::-1].cumsum() / np.trace(np.cov(x.T))
    k = enough(decompose(torch.from_numpy(x)))
    assert shares[k - 1] > 0.8 >= shares[k - 2]


def test_it_is_the_mean_leep_of_its_clusters(monkeypatch):
    rng = np.random.default_rng(1)
    drawn = [torch.from_numpy(rng.dirichlet(np.ones(4), size=50)) for _ in range(5)]
    labels = np.arange(50) % 2
    supply = iter(drawn)
    monkeypatch.setattr(mixture, "posterior", lambda x, fitted: next(supply))
    value = nleep(torch.from_numpy(rng.normal(size=(50, 6))), labels)
    assert value == pytest.approx(np.mean([leep(p, labels) for p in drawn]), abs=1e-12)


def test_classes_far_apart_score_zero(problem):
    features, labels, _ = problem(n=150, d=10, signal=60.0)
    assert nleep(torch.from_numpy(features), labels) == pytest.approx(0, abs=1e-6)


def test_noise_scores_what_its_shuffled_labels_score_with_more_features_than_images():
    rng = np.random.default_rng(0)
    record = evaluate("nleep", rng.normal(size=(200, 1024)), np.arange(200) % 2, "binary", 2)
    assert record["p"] > 0.05 and abs(record["value"] - record["null"]) < 0.03
    assert -np.log(2) < record["null"] < -0.6


def test_few_images_per_cluster_are_named(problem):
    features, labels, _ = problem(n=80, d=12, classes=8, signal=6.0)
    record = evaluate("nleep", features, labels, "multi-class", 8)
    assert "80 images for 40 clusters" in record["reason"] and record["null"] > -1.5


def test_several_labels_per_image_share_one_set_of_clusters(problem, monkeypatch):
    fitted = []
    fit = mixture.fit
    monkeypatch.setattr(mixture, "fit", lambda x, k, rng: fitted.append((len(x), k)) or fit(x, k, rng))
    features, labels, _ = problem(n=60)
    rows = np.stack([labels == 0, labels == 1, labels == 2], axis=1).astype(int)
    record = evaluate("nleep", features, rows, "multi-label", 3)
    assert len(record["detail"]["by_label"]) == 3 and fitted.count((60, 10)) == 5
