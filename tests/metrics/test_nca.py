"""NCA suitability: rotation, scale and known answers."""

import numpy as np
import pytest

from core.metrics.nca import nca_knn_probability, scaled


def test_features_are_centred_and_brought_to_the_mean_squared_norm():
    x = scaled(np.random.default_rng(0).normal(3.0, 5.0, size=(50, 8)), 8)
    assert x.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-12)
    assert (x**2).sum() / 50 == pytest.approx(8)


def test_rotation_into_the_space_of_the_images_keeps_distances_and_the_value(problem):
    features, labels, _ = problem(n=60, d=150)
    rotated = scaled(features.astype(float), 150)
    direct = features - features.mean(axis=0, dtype=float)
    direct *= np.sqrt(150 / ((direct**2).sum() / 60))
    assert rotated.shape == (60, 60)
    assert rotated @ rotated.T == pytest.approx(direct @ direct.T, abs=1e-9)
    assert nca_knn_probability(rotated, labels) == pytest.approx(nca_knn_probability(direct, labels), abs=1e-3)


def test_scale_and_shift_of_features_change_nothing_in_the_product_form(problem):
    features, labels, _ = problem()
    features = features.astype(float)
    value = nca_knn_probability(scaled(features, 20), labels)
    assert nca_knn_probability(scaled(features * 64 + 3, 20), labels) == pytest.approx(value, abs=1e-3)


def test_classes_far_apart_score_one(problem):
    features, labels, _ = problem(signal=50.0)
    assert nca_knn_probability(scaled(features.astype(float), 20), labels) == 1.0


def test_features_without_variation_do_not_crash():
    value = nca_knn_probability(scaled(np.full((20, 3), 0.1), 3), np.arange(20) % 2)
    assert 0 <= value <= 1
