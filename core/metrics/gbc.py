"""GBC: how little the classes overlap, each taken as a Gaussian cloud in a few principal components."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.cautions import SCOREABLE
from core.metrics.metric import Metric
from core.metrics.principal import resample
from core.metrics.resampling import subsampled_interval

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="gbc",
    name="GBC",
    unit="minus the summed overlap of class pairs",
    meaning=(
        "Each class is taken as a Gaussian cloud in the directions in which the features vary most; the overlap of "
        "every pair of classes, 1 for equal clouds and 0 for clouds far apart, is summed and counted as a loss."
    ),
    question="How little do the classes overlap?",
    paper="Pandy et al., Transferability estimation using Bhattacharyya class separability, CVPR 2022 "
    "(arXiv:2111.12780)",
    range="-C(C - 1) to 0 for C classes, each pair being counted twice; -2 to 0 for two classes and per label",
    limits=(
        "Small classes look further apart than they are: chance alone adds about k² / (8 n) to the distance of two "
        "classes of n images in k components. Classes that differ only in directions of little variance are missed."
    ),
    formula=(
        r"$-\sum_{i\ne j}e^{-B_{ij}}$ with $B_{ij}=\tfrac18(\mu_i-\mu_j)^\top\Sigma_{ij}^{-1}(\mu_i-\mu_j)+"
        r"\tfrac12\log\frac{|\Sigma_{ij}|}{\sqrt{|\Sigma_i||\Sigma_j|}}$, $\Sigma_{ij}=\tfrac12(\Sigma_i+\Sigma_j)$: "
        "means and covariances of the classes (divisor n - 1) in the first k principal components."
    ),
    assumptions="Each class is one cloud of Gaussian shape; what tells classes apart lies where features vary most.",
    differs=(
        "The paper uses 64 components. Here k = min(64, √n) for n images in the smallest class, so that chance adds at "
        "most 1/8 to a distance; it follows from the class sizes alone and is the same for all candidates with so "
        "many features. Determinants are taken as logarithms, because public code loses them to underflow when the "
        "features are small or large; 10⁻¹² of the largest class's variance is added to every direction, so that "
        "directions in which no class varies cancel. Scaling the features changes nothing."
    ),
    needs="features",
    order=9,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={"components": 64, "images": "k² in the smallest class", "ridge": 1e-12},
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 1e-4 * n + 1e-2 * k**2,
)


def gbc(components: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Minus the summed overlap of ordered class pairs; a scalar in [-C (C - 1), 0], higher is better.

    `components` (N, k) float64, `labels` (N,) class ids 0..C-1, all present. A class without spread in some direction,
    as one of at most k images, has no overlap with one that has. Scaling, shifting and rotating changes nothing. Pandy
    et al. 2022.
    """
    import torch

    means, covariances = _clouds(components, labels)
    variances = covariances.diagonal(dim1=1, dim2=2).mean(dim=1)
    ridge = METRIC.params["ridge"] * torch.maximum(variances.max(), components.var(dim=0, correction=0).mean())
    covariances.diagonal(dim1=1, dim2=2).add_(ridge)
    half_logdets = torch.linalg.cholesky(covariances).diagonal(dim1=1, dim2=2).log().sum(dim=1)
    overlap = components.new_zeros(())
    for c in range(len(means) - 1):
        factor = torch.linalg.cholesky((covariances[c] + covariances[c + 1 :]) / 2)
        apart = torch.linalg.solve_triangular(factor, (means[c + 1 :] - means[c])[:, :, None], upper=False)
        spread = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1) - (half_logdets[c] + half_logdets[c + 1 :]) / 2
        overlap = overlap + (-(apart**2).sum(dim=(1, 2)) / 8 - spread).exp().sum()
    return -2 * overlap


def _clouds(x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(C, k) means and (C, k, k) covariances of the classes, divisor n - 1."""
    import torch

    counts = torch.bincount(labels)
    means = x.new_zeros(len(counts), x.shape[1]).index_add_(0, labels, x) / counts[:, None]
    by_class = (x - means[labels])[labels.argsort(stable=True)].split(counts.tolist())
    return means, torch.stack([part.T @ part / max(1, len(part) - 1) for part in by_class])


def components_for(case: Case) -> int:
    """How many components the smallest class allows; MetricError when it is too small for any."""
    smallest = min(int(np.bincount(labels).min()) for labels in case.partitions)
    if smallest < SCOREABLE:
        raise MetricError(
            f"GBC needs the spread of each class, and the smallest has {smallest} of at least {SCOREABLE} images.",
            "Add images, join classes, or leave out the small ones.",
        )
    return min(METRIC.params["components"], math.isqrt(smallest))


def calibrated(case: Case) -> Scored:
    """The value with 200 permutations and an interval from 30 half samples."""
    k = components_for(case)
    found = resample(case, lambda components, labels: gbc(components, labels)[None], k, METRIC)
    value, classes = float(found.values[0]), max(int(labels.max()) + 1 for labels in case.partitions)
    halves = found.halves[:, 0]
    if len(halves) and halves.mean():  # chance holds classes further apart in a half sample: bring them to one level
        halves = halves * value / halves.mean()
    low, high = subsampled_interval(value, halves, found.share, lowest=-classes * (classes - 1), highest=0.0)
    return Scored(
        value=value,
        nulls=found.nulls[:, 0],
        low=low,
        high=high,
        interval=(
            f"95 %, {len(halves)} half samples without replacement, stratified, whole groups, scatter in proportion to "
            "the value"
        ),
        detail={"components": min(k, len(case.spectrum.s)), "by_label": found.by_label[:, 0].tolist()},
    )


def published(case: Case) -> dict:
    """The quantity of the reference values, in 64 components."""
    k = METRIC.params["components"]
    if case.label_type == "multi-label":
        return {"gbc_exact_pca64": {"value": None, "reason": "The paper defines it for one class per image."}}
    if np.bincount(case.labels).min() <= k:
        return {"gbc_exact_pca64": {"value": None, "reason": f"Not every class has more than {k} images."}}
    return {"gbc_exact_pca64": float(gbc(case.spectrum.leading(k), case.tensor(case.labels)))}
