"""H-score: how much of the variance of whitened features lies between the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.metrics.case import Case, Scored
from core.metrics.cautions import saturated
from core.metrics.metric import Metric
from core.metrics.spectral import calibrate
from core.metrics.spectrum import Projection, decompose, project

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="hscore",
    name="H-score",
    unit="whitened variance between classes",
    meaning=(
        "How far apart the classes' mean features are, measured in units of the features' own variance and summed over "
        "all directions."
    ),
    question="Do the class means differ by more than the features vary anyway?",
    paper="Bao et al., An information-theoretic approach to transferability, ICIP 2019",
    range="0 to C - 1 for C classes; 0 to 1 for two classes, and per label or step between grades",
    limits=(
        "With no more images than features every class is separated and the score is at its maximum whatever the "
        "labels: then it says nothing. The regularised H-score is made for that case."
    ),
    formula=(
        r"$\mathrm{tr}(\Sigma_F^{-1}\,\Sigma_{E[F|y]})$: $\Sigma_F$ is the covariance of the features, "
        r"$\Sigma_{E[F|y]}$ that of the class means, each counted as often as the class has images."
    ),
    assumptions="A linear view of the features; classes differ in their means. Enough images to estimate a covariance.",
    differs="Directions in which the features do not vary are left out exactly, by their numerical rank.",
    needs="features",
    order=5,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="One score per step between grades (grade above k or not); the mean over the steps.",
    params={"features": "centred"},
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 1e-5 * k * min(n, d),
)


def hscore(features: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The H-score of `features` (N, D) for one-hot `columns` (N, C): a scalar in [0, C - 1], higher is better.

    Scaling, shifting and rotating the features change nothing. Bao et al. 2019, definition 2.
    """
    return contributions(project(decompose(features), columns), one_hot=True).sum()


def contributions(projection: Projection, one_hot: bool, weights: torch.Tensor | None = None) -> torch.Tensor:
    """(K,) what each class adds to the H-score, or, where not `one_hot`, the H-score of each column by itself.

    sum_i w_i (u_i'y)^2 / n_c per class, since the class mean of u is u'y / n_c and weighs n_c; `weights` (r,) are 1
    for whitened features. A column by itself stands for its two classes, for which 1/n_1 + 1/n_0 = 1 / y'y.
    """
    squares = projection.squares if weights is None else projection.squares * weights[:, None]
    return squares.sum(dim=0) / (projection.counts if one_hot else projection.total)


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values, on raw features."""
    return {"hscore": float(hscore(case.tensor(case.features), case.tensor(case.columns)))}


def calibrated(case: Case) -> Scored:
    """The value with 200 permutations on the same decomposition and an interval from 30 half samples."""
    one_hot = case.label_type == "multi-class"
    highest = case.columns.shape[1] - 1 if one_hot else 1
    return calibrate(
        case,
        METRIC,
        lambda p: contributions(p, one_hot),
        "sum" if one_hot else "mean",
        lowest=0.0,
        highest=highest,
        grave=saturated(case),
    )
