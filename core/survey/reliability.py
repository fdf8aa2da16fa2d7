"""How far raters agree: Krippendorff's alpha for answers without an order, in an order, or on an interval scale.

Krippendorff 2011, Computing Krippendorff's Alpha-Reliability.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NOMINAL, ORDINAL, INTERVAL = "nominal", "ordinal", "interval"
RESAMPLES = 2000
LEAST_DEFINED = 0.5  # the share of resamples that must have an alpha for an interval


@dataclass(frozen=True)
class Interval:
    """95 % of the `resamples` for which alpha is defined lie between `low` and `high`."""

    low: float
    high: float
    resamples: int


def krippendorff_alpha(units: Sequence[Sequence], level: str = NOMINAL) -> float | None:
    """Krippendorff's alpha, 1 - observed / expected disagreement: 1 is full agreement, 0 what chance gives, below 0
    less than that.

    Each of the `units` holds the values that the raters gave one thing, missing ones left out; one value alone does not
    count. `level` says how far two values disagree: NOMINAL, any two alike; ORDINAL, by the values given between them;
    INTERVAL, by the square of their difference. None where all values are the same, for which it is not defined.

    >>> krippendorff_alpha([["yes", "yes"], ["yes", "no"], ["no", "no"]])
    0.4444444444444444
    """
    values, counts = _counts(units)
    return _alpha(values, counts, level)


def alpha_interval(units: Sequence[Sequence], level: str, seed: int = 0) -> Interval | None:
    """95 % bootstrap interval of alpha: units (the things that were rated, not the raters) are drawn anew with
    replacement, RESAMPLES times, and the 2.5 and 97.5 percentiles taken. A draw in which all values are the same has no
    alpha and is left out; None where that is so of half of them."""
    values, counts = _counts(units)
    if not len(counts):
        return None
    draws = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLES, len(counts)))
    alphas = [alpha for draw in draws if (alpha := _alpha(values, counts[draw], level)) is not None]
    if len(alphas) < LEAST_DEFINED * RESAMPLES:
        return None
    low, high = np.percentile(alphas, (2.5, 97.5))
    return Interval(float(low), float(high), len(alphas))


def _counts(units: Sequence[Sequence]) -> tuple[list, np.ndarray]:
    """The values, sorted, and how often each was given to each unit that has two or more: (U, V)."""
    judged = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in judged for value in unit})
    counts = [[list(unit).count(value) for value in values] for unit in judged]
    return values, np.array(counts, dtype=float).reshape(len(judged), len(values))


def _alpha(values: list, counts: np.ndarray, level: str) -> float | None:
    totals = counts.sum(axis=0)
    apart = _differences(values, totals, level)
    expected = totals @ apart @ totals / (totals.sum() - 1)
    if not expected > 0:
        return None
    observed = ((counts @ apart * counts).sum(axis=1) / (counts.sum(axis=1) - 1)).sum()
    return float(1 - observed / expected)


def _differences(values: list, totals: np.ndarray, level: str) -> np.ndarray:
    """How far every two values disagree, (V, V)."""
    if level == NOMINAL:
        return 1 - np.eye(len(values))
    # the sum of all counts from one value to the other, less half of both, is the distance between their mid-ranks
    places = np.cumsum(totals) - totals / 2 if level == ORDINAL else np.array(values, dtype=float)
    return (places[:, None] - places[None, :]) ** 2
