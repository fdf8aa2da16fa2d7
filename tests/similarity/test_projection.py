"""Pictures of features: the same for a seed, as true as they say, and of use."""

import numpy as np
import pytest

from core.errors import SimilarityError
from core.similarity.projection import METHODS, project, trust


@pytest.fixture(scope="module")
def groups():
    """Features (N, D) of three groups far apart, and the group of each."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    return (rng.normal(size=(120, 30)) + 5 * np.eye(30)[labels]).astype(np.float32), labels


@pytest.mark.parametrize("method", METHODS)
def test_groups_that_are_apart_stay_apart_and_a_seed_gives_the_same_picture(method, groups):
    features, labels = groups
    given = labels.copy()
    given[90:] = -1  # a source, whose images are laid in
    found = project(features, method, given, seed=1)
    assert found.points.shape == (120, 2) and found.points.dtype == np.float32
    assert (project(features, method, given, seed=1).points == found.points).all()
    distances = np.linalg.norm(found.points[:, None] - found.points, axis=2) + np.diag(np.full(120, np.inf))
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.9
    assert 0 < found.preservation < 1 and 0.6 < found.trustworthiness <= 1


def test_trust_is_1_for_the_points_themselves_and_low_for_points_at_random():
    points = np.random.default_rng(0).normal(size=(200, 2))
    assert trust(points, 3 * points) == pytest.approx((1, 1))
    preservation, trustworthiness = trust(points, np.random.default_rng(1).normal(size=(200, 2)))
    assert preservation < 0.15 and trustworthiness < 0.6


def test_two_classes_have_a_second_direction(groups):
    features, labels = groups
    points = project(features, "lda", np.where(labels == 2, -1, labels)).points
    assert points.std(axis=0).min() > 0.1


@pytest.mark.parametrize(
    ("n", "method", "labels", "why"),
    [(20, "pca", None, "at least"), (60, "nca", None, "two classes"), (60, "lda", np.full(60, -1), "two classes")],
)
def test_what_cannot_be_drawn_is_refused(n, method, labels, why):
    with pytest.raises(SimilarityError, match=why):
        project(np.random.default_rng(0).normal(size=(n, 8)), method, labels)
