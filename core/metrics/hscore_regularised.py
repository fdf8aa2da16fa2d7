"""Regularised H-score: the H-score with a covariance that can be estimated from few images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.metrics.case import Case, Scored
from core.metrics.hscore import contributions
from core.metrics.metric import Metric
from core.metrics.spectral import calibrate
from core.metrics.spectrum import Projection, decompose, project

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="hscore_regularised",
    name="Regularised H-score",
    unit="whitened variance between classes",
    meaning=(
        "The H-score with a covariance that is drawn towards equal variance in all directions, the more the fewer "
        "images there are."
    ),
    question="Do the class means differ by more than the features vary anyway, told from few images?",
    paper=(
        "Ibrahim et al., Newer is not always better, NeurIPS 2021 (arXiv:2110.06893); shrinkage of Ledoit & Wolf 2004"
    ),
    range="0 to about C - 1 for C classes; 0 to about 1 per label or step between grades",
    limits=(
        "It grows with features that are counted twice: duplicated or unused dimensions change how strongly the "
        "covariance is shrunk, so compare networks of different width with care."
    ),
    formula=(
        r"$(1-\alpha)\,\mathrm{tr}(\Sigma_\alpha^{-1}\,\Sigma_{E[F|y]})$ with "
        r"$\Sigma_\alpha=(1-\alpha)\Sigma_F+\alpha\mu I$: $\mu$ is the mean variance of a feature and $\alpha$ the "
        "shrinkage of Ledoit and Wolf, computed from the features."
    ),
    assumptions="A linear view of the features; classes differ in their means.",
    needs="features",
    order=4,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="One score per step between grades (grade above k or not); the mean over the steps.",
    params={"features": "centred", "shrinkage": "Ledoit-Wolf"},
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 1e-5 * k * min(n, d),
)


def hscore_regularised(features: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The regularised H-score of `features` (N, D) for one-hot `columns` (N, C): a scalar, 0 upwards, higher is better.

    (1 - alpha) tr(Sigma_alpha^-1 Sigma_means): Ledoit-Wolf covariance with divisor N and shrinkage alpha, covariance of
    the class means with divisor N - 1. Scaling, shifting and rotating the features change nothing. Ibrahim et al. 2021.
    """
    return shrunken(project(decompose(features), columns), one_hot=True).sum()


def shrunken(projection: Projection, one_hot: bool) -> torch.Tensor:
    """(K,) contributions of the classes, or the score of each column by itself."""
    n, s = projection.images, projection.s
    share = shrinkage(projection)
    mean, variances = s.sum() / (n * projection.width), (1 - share) * s / n
    return contributions(projection, one_hot, n / (n - 1) * variances / (variances + share * mean))


def shrinkage(projection: Projection) -> torch.Tensor:
    """The share of Ledoit & Wolf 2004 in [0, 1] by which the covariance is drawn to equal variances; a scalar."""
    n, d, s = projection.images, projection.width, projection.s
    squared = (s * s).sum() / n**2
    distance = (squared - s.sum() ** 2 / n**2 / d) / d
    error = (projection.fourth / n - squared) / (d * n)
    return (error / distance).clamp(0, 1) if distance > 0 else s.new_ones(())


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values, on raw features."""
    return {"hscore_regularised": float(hscore_regularised(case.tensor(case.features), case.tensor(case.columns)))}


def calibrated(case: Case) -> Scored:
    """The value with 200 permutations on the same decomposition and an interval from 30 half samples."""
    one_hot = case.label_type == "multi-class"
    return calibrate(case, METRIC, lambda p: shrunken(p, one_hot), "sum" if one_hot else "mean", lowest=0.0)
