"""Calibration of the metrics that see labels only through the spectrum of the features: LogME and the H-scores.

Their permutations need one matrix product each, and the decompositions of the half samples serve all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.resampling import half_samples, shuffles, subsampled_interval
from core.metrics.spectrum import Projection, Spectrum, decompose, project

if TYPE_CHECKING:
    import torch

HALVES = 30
COMPONENTS = 64  # principal components that are kept of a half sample
VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Half:
    """A half sample of images, `rows` of the case: its labels seen through its own spectrum, and the leading principal
    components (m, up to 64) of its features."""

    rows: np.ndarray
    projection: Projection
    components: torch.Tensor


def calibrate(
    case: Case,
    metric: Metric,
    score: Callable[[Projection], torch.Tensor],
    reduce: str = "mean",
    lowest: float = -np.inf,
    highest: float = np.inf,
    grave: tuple[str, ...] = (),
) -> Scored:
    """The value with its permutations and its interval. `score` gives one number per label column, (K,); the value is
    their `reduce`, "mean" or "sum"."""
    columns = case.tensor(case.columns)
    by_column = score(project(case.spectrum, columns))
    value = float(getattr(by_column, reduce)())
    halves, share = case.halves if metric.resamples else ([], 0.0)
    resampled = [float(getattr(score(half.projection), reduce)()) for half in halves]
    low, high = subsampled_interval(value, resampled, share, lowest, highest)
    sources = shuffles(case.columns, case.groups, metric.permutations, case.rng(1))
    return Scored(
        value=value,
        nulls=_permuted(case.spectrum, columns, sources, score, reduce),
        low=low,
        high=high,
        interval=f"95 %, {HALVES} half samples without replacement, stratified, whole groups",
        grave=grave,
        detail={"by_column": by_column.tolist()},
    )


def _permuted(spectrum: Spectrum, columns: torch.Tensor, sources: np.ndarray, score: Callable, reduce: str):
    """(B,) scores of the permuted labels: permutations times columns in one matrix product, in memory-sized chunks."""
    import torch

    n, k = columns.shape
    chunks = np.array_split(sources, max(1, math.ceil(sources.size * k / VALUES_AT_ONCE)))
    scores = [np.empty(0)]
    for chunk in filter(len, chunks):
        source = torch.from_numpy(np.ascontiguousarray(chunk.T)).to(columns.device)
        by_column = score(project(spectrum, columns[source].reshape(n, -1)))
        scores.append(getattr(by_column.reshape(len(chunk), k), reduce)(dim=1).cpu().numpy())
    return np.concatenate(scores)


def decomposed_halves(case: Case) -> tuple[list[Half], float]:
    """Half samples, each decomposed anew (resampling the labels alone would keep what the features know of them), and
    the share of the groups that one holds."""
    coordinates = case.spectrum.coordinates()
    samples, share = half_samples(case.columns, case.groups, HALVES, case.rng(2))
    halves = []
    for sample in samples:
        columns = case.columns[sample]
        columns = case.tensor(columns[:, np.ptp(columns, axis=0) > 0])
        if columns.shape[1]:
            spectrum = decompose(coordinates[case.tensor(sample)])
            projection = replace(project(spectrum, columns), width=case.spectrum.width)
            halves.append(Half(sample, projection, spectrum.leading(COMPONENTS)))
    return halves, share
