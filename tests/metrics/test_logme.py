"""LogME against its definition, and where public code breaks: noise, rank, scale, missing classes."""

import doctest

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

import core.metrics.logme
from core.metrics.logme import logme, logme_published, logme_quantities
from core.metrics.reference import reference
from core.metrics.spectrum import decompose, evidence, project


def one_vs_rest(labels, classes):
    return torch.from_numpy((labels[:, None] == np.arange(classes)).astype(np.int64))


def noise(n, d, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, d))), one_vs_rest(np.arange(n) % classes, classes)


def brute_force(x, y):
    """The maximum over alpha and beta of log N(y; 0, I / beta + x x' / alpha) / N, by a general optimiser."""

    def negative(log_precisions):
        alpha, beta = np.exp(np.clip(log_precisions, -30, 30))
        covariance = np.eye(len(x)) / beta + x @ x.T / alpha
        return -multivariate_normal.logpdf(y, np.zeros(len(x)), covariance) / len(x)

    starts = [(0, 0), (3, 1), (-3, 1), (6, 0)]
    return -min(minimize(negative, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).fun
                for start in starts)  # fmt: skip


@pytest.mark.parametrize(("n", "d"), [(40, 5), (25, 25), (20, 45)])
def test_the_evidence_is_the_maximum_of_the_gaussian_likelihood(n, d):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, d))
    y = (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(float)
    best, _ = evidence(project(decompose(torch.from_numpy(x), centred=False), torch.from_numpy(y)[:, None]))
    assert float(best[0]) == pytest.approx(brute_force(x, y), abs=1e-7)


@pytest.mark.parametrize(("n", "d"), [(40, 5), (25, 25), (20, 45)])
def test_centring_is_the_likelihood_of_all_contrasts_between_images(n, d):
    """N - 1 orthonormal contrasts of the images are what centring leaves; their likelihood is still divided by N."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, d)) + 3
    y = (x[:, 0] + 0.3 * rng.normal(size=n) > 3).astype(float)
    contrasts = np.linalg.svd(np.ones((1, n)))[2][1:]
    best, null = evidence(project(decompose(torch.from_numpy(x)), torch.from_numpy(y)[:, None]))
    assert float(best[0]) * n / (n - 1) == pytest.approx(brute_force(contrasts @ x, contrasts @ y), abs=1e-7)
    variance = y.var() * n / (n - 1)
    flat = -0.5 * np.log(2 * np.pi * variance) - 0.5
    assert float(null[0]) * n / (n - 1) == pytest.approx(flat, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(200, 512), (500, 2048), (1000, 512)])
def test_noise_scores_the_null_where_public_code_scores_up_to_13(n, d):
    quantities = logme_quantities(*noise(n, d))
    assert quantities["logme_null"] == pytest.approx(-0.6142, abs=1e-3)
    assert quantities["logme_exact"] == pytest.approx(quantities["logme_null"], abs=0.005)
    assert 0 <= quantities["logme_nats_above_chance"] < 0.005


@pytest.mark.parametrize("seed", range(5))
def test_noise_with_200_images_and_2048_features_stays_below_two_hundredths(seed):
    x, columns = noise(200, 2048, classes=2, seed=seed)
    assert 0 <= float(logme(x, columns)) < 0.02


@pytest.mark.parametrize(("n", "d"), [(150, 20), (60, 100)])
def test_scaling_shifting_and_rotating_features_changes_nothing(n, d):
    rng = np.random.default_rng(1)
    columns = one_vs_rest(np.arange(n) % 3, 3)
    x = torch.from_numpy(rng.normal(size=(n, d))) + columns[:, :1] * 1.5
    rotation = torch.from_numpy(np.linalg.qr(rng.normal(size=(d, d)))[0])
    value = float(logme(x, columns))
    assert value > 0.01
    for changed in (x * 0.01, x * 100, x + 17.0, x @ rotation):
        assert float(logme(changed, columns)) == pytest.approx(value, abs=1e-9)
    assert float(logme(x.flip(dims=(0,)), columns.flip(dims=(0,)))) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(150, 20), (60, 100)])
def test_constant_and_zero_columns_change_nothing(n, d):
    x, columns = noise(n, d)
    x = x + columns[:, :1]
    extended = torch.cat([x, torch.full((n, 3), 7.0), torch.zeros(n, 4)], dim=1)
    assert float(logme(extended, columns)) == pytest.approx(float(logme(x, columns)), abs=1e-9)


def test_rank_deficient_features_score_like_their_independent_part():
    x, columns = noise(150, 8)
    x = x + columns[:, :1]
    mixing = torch.from_numpy(np.linalg.qr(np.random.default_rng(2).normal(size=(96, 8)))[0].T)
    assert float(logme(x @ mixing, columns)) == pytest.approx(float(logme(x, columns)), abs=1e-9)


def test_features_without_variation_score_exactly_zero():
    columns = one_vs_rest(np.arange(30) % 2, 2)
    for constant in (torch.zeros(30, 6), torch.full((30, 6), 0.1), torch.full((30, 60), 1e6)):
        assert float(logme(constant, columns)) == 0.0


def test_features_that_are_the_labels_score_high_but_finite():
    columns = one_vs_rest(np.arange(60) % 3, 3)
    assert 5 < float(logme(columns.double(), columns)) < 17


def test_half_precision_features_are_taken_and_nothing_is_modified():
    x, columns = noise(100, 30)
    x = (x + columns[:, :1]).half()
    before = x.clone(), columns.clone()
    assert float(logme(x, columns)) == pytest.approx(float(logme(x.double(), columns)), abs=1e-12)
    assert torch.equal(x, before[0]) and torch.equal(columns, before[1])


def test_renaming_reordering_and_skipping_class_ids_changes_nothing():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, size=120)
    x = rng.normal(size=(120, 10)) + (labels == 2)[:, None]
    values = reference(x, labels)
    renamed = reference(x, np.array([7, 3, 900, 5])[labels])
    for quantity, value in values.items():
        assert renamed[quantity] == pytest.approx(value, abs=1e-10), quantity


def test_the_published_fixed_point_reaches_the_exact_maximum():
    x, columns = noise(300, 20, classes=2)
    x[:, :2] += 2 * columns
    exact = logme_quantities(x, columns)["logme_exact"]
    assert logme_published(x, columns) == pytest.approx(exact, abs=1e-6)


def test_the_example_in_the_docstring_is_true():
    assert doctest.testmod(core.metrics.logme).failed == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_scores_stay_on_the_gpu_and_agree_with_the_cpu():
    x, columns = noise(200, 64)
    x = x + columns[:, :1]
    on_gpu = logme(x.cuda(), columns.cuda())
    assert on_gpu.is_cuda and float(on_gpu) == pytest.approx(float(logme(x, columns)), abs=1e-9)
