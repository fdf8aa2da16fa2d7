"""A Gaussian mixture with full covariances, fitted by expectation maximisation in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

# These three as in scikit-learn.
REGULARISATION = 1e-6  # added to every variance
TOLERANCE = 1e-3  # gain in mean log likelihood at which to stop
MAX_STEPS = 100
KMEANS_STEPS = 300
ROUNDING = 1e-12  # of the mean variance: a covariance is never closer to singular, whatever the scale of the features
NEGLIGIBLE = 1e-16  # a share of an image that no longer moves a covariance in double precision
VALUES_AT_ONCE = 400_000  # what stays in the cache of a processor


@dataclass(frozen=True)
class Mixture:
    """K Gaussians in d dimensions: `weights` (K,), `means` (K, d), `whiten` (K, d, d) with whiten whiten' the inverse
    covariance. `log_likelihood`: the mean over images that the last step started from, in nats; `steps` taken."""

    weights: torch.Tensor
    means: torch.Tensor
    whiten: torch.Tensor
    log_likelihood: float = -math.inf
    steps: int = 0


def fit(x: torch.Tensor, components: int, rng: np.random.Generator) -> Mixture:
    """The mixture of `components` Gaussians for `x` (N, d) float64, from a k-means start; deterministic given `rng`."""
    return maximise(x, one_hot(kmeans(x, components, rng), components))


def maximise(x: torch.Tensor, responsibilities: torch.Tensor) -> Mixture:
    """Expectation maximisation from `responsibilities` (N, K), until the mean log likelihood gains less than 0.001."""
    mixture = gaussians(x, responsibilities)
    for step in range(1, MAX_STEPS + 1):
        log_joint = log_densities(x, mixture)
        log_evidence = log_joint.logsumexp(dim=1, keepdim=True)
        before, likelihood = mixture.log_likelihood, float(log_evidence.mean())
        mixture = gaussians(x, (log_joint - log_evidence).exp(), likelihood, step)
        if abs(likelihood - before) < TOLERANCE:
            break
    return mixture


def posterior(x: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """(N, K) probability of each component given each row of `x`."""
    return log_densities(x, mixture).softmax(dim=1)


def gaussians(x: torch.Tensor, responsibilities: torch.Tensor, log_likelihood=-math.inf, steps=0) -> Mixture:
    """The maximisation step: weighted means and covariances of each component."""
    import torch

    d = x.shape[1]
    mass = responsibilities.sum(dim=0) + 10 * torch.finfo(x.dtype).eps
    means = responsibilities.T @ x / mass[:, None]
    floor = max(REGULARISATION, ROUNDING * float((x * x).mean()))
    covariances = floor * torch.eye(d, dtype=x.dtype, device=x.device).repeat(len(mass), 1, 1)
    for k, share in enumerate(responsibilities.T):
        rows = (share > NEGLIGIBLE).nonzero()[:, 0]
        spread = (x[rows] - means[k]) * share[rows, None].sqrt()
        covariances[k] += spread.T @ spread / mass[k]
    factors = torch.linalg.cholesky(covariances)
    whiten = torch.linalg.solve_triangular(factors, torch.eye(d, dtype=x.dtype, device=x.device), upper=False).mT
    return Mixture(mass / mass.sum(), means, whiten, log_likelihood, steps)


def log_densities(x: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """(N, K) log of weight times density of each component at each row of `x`."""
    import torch

    k, d = mixture.means.shape
    whiten = mixture.whiten.permute(1, 0, 2).reshape(d, k * d)  # all components side by side: one matrix product
    shift = (mixture.means[:, None] @ mixture.whiten).reshape(k * d)
    distances = [
        torch.linalg.vector_norm(torch.addmm(-shift, rows, whiten).view(len(rows), k, d), dim=2).square()
        for rows in x.split(max(1, VALUES_AT_ONCE // (k * d)))
    ]
    scale = mixture.whiten.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    return mixture.weights.log() + scale - (d * math.log(2 * math.pi) + torch.cat(distances)) / 2


def one_hot(labels: torch.Tensor, components: int) -> torch.Tensor:
    """(N, K) float64 rows of a one for the component of each image."""
    import torch

    return torch.nn.functional.one_hot(labels, components).to(torch.float64)


def kmeans(x: torch.Tensor, clusters: int, rng: np.random.Generator) -> torch.Tensor:
    """(N,) cluster of each row of `x` after Lloyd's iteration from a greedy k-means++ start.

    Arthur & Vassilvitskii 2007. A cluster that loses all its images keeps its centre; with fewer distinct rows than
    clusters some stay empty.
    """
    import torch

    centres = spread_centres(x, clusters, rng)
    labels = None
    for _ in range(KMEANS_STEPS):
        before, labels = labels, squared_distances(x, centres).argmin(dim=1)
        if before is not None and bool((labels == before).all()):
            break
        members = one_hot(labels, clusters)
        counts = members.sum(dim=0)[:, None]
        centres = torch.where(counts > 0, members.T @ x / counts.clamp(min=1), centres)
    return labels


def spread_centres(x: torch.Tensor, clusters: int, rng: np.random.Generator) -> torch.Tensor:
    """(K, d) rows of `x`: each the best of a few candidates that are drawn with chances proportional to the squared
    distance from the rows chosen so far."""
    import torch

    trials = 2 + int(math.log(clusters))
    chosen = [int(rng.integers(len(x)))]
    nearest = squared_distances(x, x[chosen])[:, 0]
    for _ in range(clusters - 1):
        total = nearest.sum()
        draws = torch.from_numpy(rng.random(trials)).to(x) * total
        candidates = torch.searchsorted(nearest.cumsum(0), draws).clamp(max=len(x) - 1)
        after = torch.minimum(nearest[:, None], squared_distances(x, x[candidates]))
        # Of two rows close to each other and to no other, either leaves the same: rounding must not choose.
        best = int((after.sum(dim=0) / total).round(decimals=9).argmin())
        chosen.append(int(candidates[best]))
        nearest = after[:, best]
    return x[chosen]


def squared_distances(x: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """(N, K) squared Euclidean distances."""
    products = x @ centres.T
    return ((x * x).sum(dim=1, keepdim=True) - 2 * products + (centres * centres).sum(dim=1)).clamp(min=0)
