"""Area under the ROC curve for many label columns, permutations and resamples at once."""

import numpy as np

from core.metrics.resampling import bootstrap_weights


def auc(scores: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(K,) AUC of each column: the share of (positive, negative) pairs in order, ties counting a half.

    `scores` (N, K) any real numbers, `columns` (N, K) 0/1. A column with one value only gives NaN.
    """
    from scipy.stats import rankdata

    positives = columns.sum(axis=0)
    negatives = len(columns) - positives
    rank_sums = (rankdata(scores, axis=0) * columns).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (rank_sums - positives * (positives + 1) / 2) / (positives * negatives)


def weighted_auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) AUC of one column, scores (N,) and 0/1 (N,), under each of the weightings (N, B)."""
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    positives = np.add.reduceat(weights[order] * positive[order, None], ties, axis=0)
    negatives = np.add.reduceat(weights[order] * (1 - positive[order, None]), ties, axis=0)
    in_order = (positives * (np.cumsum(negatives, axis=0) - negatives / 2)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return in_order / (positives.sum(axis=0) * negatives.sum(axis=0))


def macro_auc(scores: np.ndarray, columns: np.ndarray) -> float:
    """The mean AUC over the columns that hold both values."""
    return float(np.nanmean(auc(scores, columns)))


def bootstrapped_interval(
    scores: np.ndarray, columns: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """95 % percentile interval of the macro AUC over bootstraps of whole groups; the predictions stay as they are."""
    if count == 0:
        return None, None
    weights = bootstrap_weights(groups, count, rng)
    by_column = np.stack([weighted_auc(s, c, weights) for s, c in zip(scores.T, columns.T, strict=True)])
    usable = by_column[:, ~np.isnan(by_column).all(axis=0)]
    if usable.shape[1] < count // 2:
        return None, None
    low, high = np.quantile(np.nanmean(usable, axis=0), (0.025, 0.975))
    return float(low), float(high)
