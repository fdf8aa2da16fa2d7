"""The Gaussian mixture beside scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from core.metrics import mixture


def blobs(n=300, d=5, k=6, seed=0):
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(k, d))
    return torch.from_numpy(centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / 2)


@pytest.mark.parametrize(("n", "d", "k"), [(300, 5, 6), (200, 12, 10), (100, 30, 8), (150, 1, 4)])
def test_from_the_same_start_it_ends_where_scikit_learn_ends(n, d, k):
    """Also where there are fewer images per Gaussian than dimensions."""
    x = blobs(n, d, k)
    start = mixture.one_hot(mixture.kmeans(x, k, np.random.default_rng(1)), k)
    ours, first = mixture.maximise(x, start), mixture.gaussians(x, start)
    theirs = GaussianMixture(
        k,
        weights_init=first.weights.numpy(),
        means_init=first.means.numpy(),
        precisions_init=(first.whiten @ first.whiten.mT).numpy(),
    ).fit(x.numpy())
    likelihood = float(mixture.log_densities(x, ours).logsumexp(dim=1).mean())
    assert likelihood >= theirs.score(x.numpy()) - 1e-6 and ours.steps == theirs.n_iter_
    assert mixture.posterior(x, ours).numpy() == pytest.approx(theirs.predict_proba(x.numpy()), abs=1e-6)


def test_the_start_is_as_tight_as_scikit_learns_on_average():
    x = blobs(400, 6, 12)

    def inertia(labels):
        return sum(float(((x[labels == c] - x[labels == c].mean(dim=0)) ** 2).sum()) for c in labels.unique())

    ours = [inertia(mixture.kmeans(x, 12, np.random.default_rng(seed))) for seed in range(10)]
    theirs = [KMeans(12, n_init=1, random_state=seed).fit(x.numpy()).inertia_ for seed in range(10)]
    assert np.mean(ours) < 1.03 * np.mean(theirs)


def test_a_seed_gives_the_same_mixture_and_another_seed_another_start():
    x = blobs()
    one, same, other = (mixture.fit(x, 9, np.random.default_rng(seed)) for seed in (0, 0, 3))
    assert torch.equal(one.means, same.means) and not torch.equal(one.means, other.means)


def test_fewer_distinct_images_than_gaussians_leave_some_empty():
    x = blobs(4, 3, 2).repeat(10, 1)
    posterior = mixture.posterior(x, mixture.fit(x, 7, np.random.default_rng(0)))
    assert bool(posterior.isfinite().all()) and posterior.sum(dim=1).numpy() == pytest.approx(np.ones(40))


def test_features_of_any_scale_can_be_fitted_where_covariances_are_singular():
    x = blobs(40, 20, 4)
    for scale in (1e-6, 1e6):
        assert bool(mixture.posterior(x * scale, mixture.fit(x * scale, 10, np.random.default_rng(0))).isfinite().all())
