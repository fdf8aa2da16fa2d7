"""Linear probe: how well does a linear classifier on the frozen features tell held-out images apart?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.metrics import logistic
from core.metrics.auc import auc, bootstrapped_interval, macro_auc
from core.metrics.case import Case, Scored
from core.metrics.folds import FOLDS_LIMIT, each_fold
from core.metrics.metric import Metric
from core.metrics.refitting import at_most
from core.metrics.resampling import shuffles_within
from core.metrics.threads import shared_out

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="linear_probe",
    name="Linear probe",
    unit="AUC",
    meaning="How well a linear classifier trained on the frozen features tells apart images that it has not seen.",
    question="How far do the features take us without any fine-tuning?",
    paper="Alain & Bengio 2016 (arXiv:1610.01644); L2 logistic regression, C = 1",
    range="0.5 (chance) to 1 (every image ranked right); below 0.5 is worse than chance",
    limits=f"It says what frozen features give; fine-tuning can change the order of candidates. {FOLDS_LIMIT}",
    formula=(
        r"Logistic regression with the penalty $\frac{1}{2}\lVert w \rVert^2$ (C = 1) on features standardised in the "
        "training folds; every image is scored by the fit that has not seen its fold. The AUC of these scores over all "
        "images; the mean over the classes or labels."
    ),
    assumptions="A linear classifier is a fair stand-in for what the target task will build on the features.",
    needs="features",
    order=1,
    version=4,
    multi_label="One classifier and one AUC per label; the mean over the labels.",
    ordinal="One classifier and one AUC per step between grades (grade above k or not); the mean over the steps.",
    params={
        "C": 1.0,
        "penalty": "l2",
        "features": "standardised inside the fold",
        "auc": "out of fold, pooled, macro",
        "null_images": 1000,
    },
    permutations=19,
    resamples=200,
    seconds=lambda n, d, k: 0.2 + 1e-6 * k * min(n, 1000) * min(n, d, 1000),
)

ROTATED = 1000  # features, up to which their principal components are found sooner than they save steps of the fit
ROUNDING = 1e-12  # of a column's mean: what deviates less from it is constant


@dataclass(frozen=True)
class Fold:
    """Features of one fold, standardised on its training part: `x_train` (n, r) and `x_test` (m, r)."""

    train: np.ndarray
    test: np.ndarray
    x_train: torch.Tensor
    x_test: torch.Tensor


def standardised_folds(features: torch.Tensor, folds: np.ndarray) -> list[Fold]:
    """The folds of `features` (N, D) float64, each with mean 0 and variance 1 in its training part; constant columns
    become 0. Where it saves time they are rotated to the principal components of the training part, r <= D."""
    with shared_out() as each:
        return list(each(lambda parts: _standardised(features, *parts), each_fold(folds)))


def _standardised(features: torch.Tensor, train: np.ndarray, test: np.ndarray) -> Fold:
    import torch

    x_train, x_test = features[train], features[test]
    mean, deviation = x_train.mean(dim=0), x_train.std(dim=0, correction=0)
    scale = deviation.where(deviation > ROUNDING * mean.abs(), torch.inf)
    x_train, x_test = (x_train - mean) / scale, (x_test - mean) / scale
    if min(x_train.shape) <= ROTATED or x_train.shape[0] < x_train.shape[1]:
        x_train, x_test = _rotated(x_train, x_test)
    return Fold(train, test, x_train, x_test)


def _rotated(x_train: torch.Tensor, x_test: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both parts in the space that the training images (n, D) span, along its principal components.

    That leaves L2 logistic regression unchanged: its weights are a combination of the training images, and neither
    their length nor a product with an image changes under rotation.
    """
    import torch

    n, d = x_train.shape
    gram = x_train @ x_train.T if n < d else x_train.T @ x_train
    s, u = torch.linalg.eigh(gram)
    used = s > s[-1] * len(s) * torch.finfo(s.dtype).eps
    directions = x_train.T @ (u[:, used] / s[used].sqrt()) if n < d else u[:, used]
    return x_train @ directions, x_test @ directions


def probe_scores(prepared: list[Fold], columns: np.ndarray, multinomial: bool) -> np.ndarray:
    """(B, N, K) out-of-fold scores of B sets of labels `columns` (B, N, K): probabilities of one multinomial fit, or
    one decision value per column."""
    import torch

    sets, n, k = columns.shape
    targets = torch.from_numpy(columns).to(prepared[0].x_train)
    if not multinomial:  # every column is a problem of its own
        targets = targets.mT.reshape(sets * k, n, 1)

    def fitted(fold: Fold) -> np.ndarray:
        found = logistic.held_out(fold.x_train, targets[:, fold.train], fold.x_test)
        return (found if multinomial else found.view(sets, k, -1).mT).cpu().numpy()

    scores = np.empty(columns.shape)
    with shared_out() as each:
        for fold, found in zip(prepared, each(fitted, prepared), strict=True):
            scores[:, fold.test] = found
    return scores


def calibrated(case: Case) -> Scored:
    """AUC out of fold; 19 permutations within folds, each refitted (on at most 1,000 images); interval by bootstrap of
    groups."""
    multinomial = case.label_type == "multi-class" and case.columns.shape[1] > 2
    shuffled = at_most(case, METRIC.params["null_images"], stream=3) if METRIC.permutations else case
    sources = shuffles_within(shuffled.folds, shuffled.columns, shuffled.groups, METRIC.permutations, case.rng(1))
    sets = np.stack([shuffled.columns, *(shuffled.columns[source] for source in sources)])
    found = _scores(shuffled, sets, multinomial)
    compared, *nulls = (macro_auc(*pair) for pair in zip(found, sets, strict=True))
    scores = found[0] if shuffled is case else _scores(case, case.columns[None], multinomial)[0]
    low, high = bootstrapped_interval(scores, case.columns, case.groups, METRIC.resamples, case.rng(2))
    return Scored(
        value=macro_auc(scores, case.columns),
        nulls=np.array(nulls),
        compared=compared,
        low=low,
        high=high,
        interval=f"95 %, {METRIC.resamples} bootstraps of whole groups, out-of-fold predictions kept",
        detail={"by_column": auc(scores, case.columns).tolist(), "null_images": len(shuffled.labels)},
    )


def _scores(case: Case, sets: np.ndarray, multinomial: bool) -> np.ndarray:
    return probe_scores(standardised_folds(case.tensor(case.features), case.folds), sets, multinomial)
