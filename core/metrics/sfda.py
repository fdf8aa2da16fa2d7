"""SFDA: how surely a regularised discriminant analysis tells the classes apart once the hard images are made harder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.cautions import NO_SPREAD, saturated
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate
from core.metrics.spectrum import decompose

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="sfda",
    name="SFDA",
    unit="mean probability of the true class",
    meaning=(
        "A discriminant analysis is fitted to all images, each image is moved towards the other classes as far as it "
        "was unsure, and a second one is fitted: the mean probability that it gives to an image's own class."
    ),
    question="Are the classes still apart when every image that is hard to tell is made harder?",
    paper="Shao et al., Not all models are equal: predicting model transferability in a self-challenging Fisher space, "
    "ECCV 2022 (arXiv:2207.03036)",
    range="0 to 1; guessing by the class shares gives their sum of squares",
    limits=(
        "It is scored on the images that it was fitted to. With no more images than features it is 1 whatever the "
        "labels, and with few more it is far above chance for noise: only the distance to shuffled labels means "
        "something."
    ),
    formula=(
        r"With $\tilde S_W=(1-s)S_W+s\,\tfrac{\mathrm{tr}S_W}{D}I$, $S_W$ the mean covariance within the classes and "
        r"$s=\max(e^{-5\lambda},10^{-10})$, $\lambda$ about its largest eigenvalue, class $c$ of share $\pi_c$ has "
        r"$\mathrm{logit}_c(x)=x^\top\tilde S_W^{-1}\mu_c-\tfrac12\mu_c^\top\tilde S_W^{-1}\mu_c+\log\pi_c$. "
        r"First pass: $p=\mathrm{softmax}(\mathrm{softmax}(\mathrm{logits}))$, and $x_i$ becomes $p_{iy_i}x_i+"
        r"(1-p_{iy_i})\bar x$, $\bar x$ the mean of the other classes' means. Second pass with the same $s$: the value "
        r"is the mean of $\mathrm{softmax}(\mathrm{logits})_{iy_i}$."
    ),
    assumptions="The classes are clouds of one shape around their means. Many more images than features.",
    differs=(
        "Features are centred and scaled to mean squared norm D first, because s depends on their scale and networks "
        "differ in theirs. The eigenvectors of the paper cancel out of the logits, so a linear system is solved in "
        "their place; the numbers are the same. Public code changes the features it is given; this does not. Where "
        "every feature row sums to the same number, the search for the largest eigenvalue, which public code starts "
        "with the row sums of the matrix, starts with the feature of largest variance."
    ),
    needs="features",
    order=7,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={"features": "centred, mean squared norm D", "power_steps": 3},
    permutations=30,
    resamples=10,
    seconds=lambda n, d, k: (31 + 10 * (n > 2 * d)) * (5e-8 * n * d + 2.6e-11 * (n + min(n, d)) * min(n, d) ** 2),
)

LOWEST_SHRINKAGE = 1e-10
ROUNDING = 1e-13  # a smaller share of the variance within the classes is not told from rounding
BLOCKS = 8


@dataclass(frozen=True)
class Prepared:
    """What needs no labels: centred features `x` (N, r), rotated into the space that they span where N <= D = `width`
    (which changes no logit), the sums (N,) of each image's D features, and the total covariance (r, r)."""

    x: torch.Tensor
    sums: torch.Tensor
    total: torch.Tensor
    width: int


def prepare(features: torch.Tensor) -> Prepared:
    """From `features` (N, D) of any float type, not modified. Shifting them changes nothing."""
    import torch

    x = features.to(torch.float64)
    n, d = x.shape
    x = x - x.mean(dim=0)
    sums = x.sum(dim=1)
    if n <= d:
        x = decompose(x, centred=False).coordinates()
    return Prepared(x, sums, x.T @ x / n, d)


def sfda(features: torch.Tensor, labels: torch.Tensor) -> float:
    """SFDA of `features` (N, D), as they are (raw in the paper), not modified; [0, 1], higher is better.

    `labels` (N,) class ids 0..C-1, C >= 2, all present. Shifting the features changes nothing, scaling does.
    MetricError where the images of each class have the same features. Shao et al. 2022.
    """
    return mean_probability(prepare(features), labels)


def mean_probability(prepared: Prepared, labels: torch.Tensor) -> float:
    """SFDA of class ids (N,) on the device of the features."""
    import torch

    x, n = prepared.x, len(labels)
    members = torch.nn.functional.one_hot(labels).to(x)
    priors = members.mean(dim=0)
    means = members.T @ x / (n * priors)[:, None]
    within = prepared.total - (priors[:, None] * means).T @ means
    variance = within.trace()
    if not variance > ROUNDING * prepared.total.trace():
        raise MetricError(*NO_SPREAD)
    mean_sums = members.T @ prepared.sums / (n * priors)
    start = (x.T @ prepared.sums) / n - means.T @ (priors * mean_sums)
    shrinkage = max(float((-5 * largest_eigenvalue(within, start)).exp()), LOWEST_SHRINKAGE)
    unsure = torch.softmax(logits(x, means, priors, within, shrinkage, prepared.width), dim=1)
    share = torch.softmax(unsure, dim=1).gather(1, labels[:, None])

    others = (means.sum(dim=0) - means) / (len(means) - 1)
    moved = torch.lerp(others[labels], x, share)
    means = members.T @ moved / (n * priors)[:, None]
    within = lower_product(moved - means[labels]) / n
    sure = torch.softmax(logits(moved, means, priors, within, shrinkage, prepared.width), dim=1)
    return float(sure.gather(1, labels[:, None]).mean())


def largest_eigenvalue(matrix: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """About the largest eigenvalue of a symmetric `matrix` (r, r): three double steps from `start`, its row sums in the
    paper. Row sums that vanish lead nowhere; then it starts with the column of the largest variance."""
    if start.norm() <= ROUNDING * matrix.trace():
        start = matrix[:, matrix.diagonal().argmax()]
    for _ in range(2 * METRIC.params["power_steps"] - 1):
        start = matrix @ start
        start = start / start.norm()
    return (matrix @ start).norm()


def logits(
    x: torch.Tensor, means: torch.Tensor, priors: torch.Tensor, within: torch.Tensor, shrinkage: float, width: int
) -> torch.Tensor:
    """(N, C) logits of `x` (N, r) with the shrunken covariance `within` (r, r), of which the lower triangle is read.

    E E' of all generalised eigenvectors of (S~t - S~w, S~w) is the inverse of S~w, so S~w is all that counts.
    """
    import torch

    shrunken = (1 - shrinkage) * within
    shrunken.diagonal().add_(shrinkage * within.trace() / width)
    factor, failed = torch.linalg.cholesky_ex(shrunken)
    if failed:
        raise MetricError(
            "The features vary so differently within the classes that double precision is not enough.",
            "Leave out features that are thousands of times larger than the others.",
        )
    weights = torch.cholesky_solve(means.T, factor)
    return x @ weights - (means.T * weights).sum(dim=0) / 2 + priors.log()


def lower_product(x: torch.Tensor) -> torch.Tensor:
    """x'x (r, r) of `x` (N, r) by blocks of columns, with zeros above the diagonal blocks, which saves almost half."""
    product = x.new_zeros(x.shape[1], x.shape[1])
    edges = np.linspace(0, x.shape[1], BLOCKS + 1).astype(int)
    for low, high in zip(edges, edges[1:], strict=False):
        product[low:high, :high] = x[:, low:high].T @ x[:, :high]
    return product


def calibrated(case: Case) -> Scored:
    """The value with 30 refitted permutations, and with 10 half samples where these cannot be at the maximum."""
    n, d = case.features.shape
    classes = max(int(labels.max()) + 1 for labels in case.partitions)
    grave = saturated(case, classes)
    return calibrate(
        case,
        METRIC,
        lambda part: prepare(part.scaled),
        lambda prepared, labels: mean_probability(prepared, case.tensor(labels)),
        lowest=0.0,
        highest=1.0,
        grave=grave,
        no_interval=f"half of the images are too few for {d} features" if n // 2 < d + classes else "",
    )


def published(case: Case) -> dict:
    """The quantity of the reference values, on raw features."""
    if case.label_type == "multi-label":
        return {"sfda": {"value": None, "reason": "The paper defines it for one class per image."}}
    return {"sfda": sfda(case.tensor(case.features), case.tensor(case.labels))}
