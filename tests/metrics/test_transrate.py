"""TransRate against log-determinants taken as they are written, and what chance has to do with it."""

import numpy as np
import pytest
import torch

from core.metrics.calibration import evaluate
from core.metrics.transrate import transrate


def by_definition(x, labels):
    n, d = x.shape
    z = x - x.mean(axis=0)
    z = z * np.sqrt(d / (z**2).sum(axis=1).mean())

    def rate(part):
        return np.linalg.slogdet(np.eye(d) + np.cov(part.T, bias=True))[1] / 2

    return rate(z) - sum((labels == c).mean() * rate(z[labels == c]) for c in np.unique(labels))


@pytest.mark.parametrize("shares", [[1, 1, 1], [0.95, 0.05], [0.7, 0.3], [0.9, 0.05, 0.05]])
@pytest.mark.parametrize(("n", "d"), [(60, 100), (60, 60), (200, 12), (80, 40)])
def test_it_is_the_difference_of_log_determinants(n, d, shares):
    rng = np.random.default_rng(n)
    labels = np.sort(rng.choice(len(shares), size=n, p=np.array(shares) / sum(shares)))
    labels[: len(shares)] = np.arange(len(shares))
    x = rng.normal(size=(n, d)) * np.arange(1, d + 1) + 5
    assert transrate(torch.from_numpy(x), labels) == pytest.approx(by_definition(x, labels), rel=1e-9)


def test_it_is_never_negative_before_chance_is_taken_off():
    rng = np.random.default_rng(0)
    for n, d in ((30, 3), (30, 80), (31, 30)):
        assert transrate(torch.from_numpy(rng.normal(size=(n, d))), rng.permutation(np.arange(n) % 3)) >= 0


def test_noise_scores_zero_above_chance_where_the_published_value_is_large():
    rng = np.random.default_rng(0)
    record = evaluate("transrate", rng.normal(size=(200, 512)), np.arange(200) % 5, "multi-class", 5)
    assert record["raw"] > 50 and abs(record["value"]) < 0.1 and record["p"] > 0.05
    assert record["low"] < 0 < record["high"]
    assert record["detail"]["chance"] == pytest.approx(record["raw"] - record["value"])


def test_noise_in_more_directions_does_not_overtake_a_signal_in_few():
    """In the published form it does: it grows with the directions that the features use."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    noise = rng.normal(size=(120, 300))
    signal = rng.normal(size=(120, 300)) * np.arange(1, 301) ** -1.0
    signal[:, 0] += 2 * labels
    of_noise, of_signal = (evaluate("transrate", x, labels, "binary", 2) for x in (noise, signal))
    assert of_noise["raw"] > of_signal["raw"] and of_signal["value"] > of_noise["value"] + 0.1
    assert of_signal["verdict"] == "read with care" and of_noise["verdict"] == "not meaningful here"


def test_two_equal_classes_that_differ_in_their_means_are_seen():
    """As the paper's listing has it, with classes around the common mean, they are not."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    features = rng.normal(size=(200, 5))
    features[:, 0] += 2 * labels
    record = evaluate("transrate", features, labels, "binary", 2)
    assert record["verdict"] == "reliable" and record["value"] > 0.1


def test_classes_that_differ_in_spread_alone_are_seen():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    record = evaluate("transrate", rng.normal(size=(200, 5)) * (1 + 2 * labels[:, None]), labels, "binary", 2)
    assert record["verdict"] == "reliable" and record["value"] > 0.1
