"""Resampling of the metrics of a few principal components: GBC and NCTI.

The components know nothing of the labels, so a permutation costs little, and a half sample is decomposed once for all
metrics (`case.halves`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case
from core.metrics.metric import Metric
from core.metrics.resampling import shuffles
from core.metrics.threads import threads_for

if TYPE_CHECKING:
    import torch

    Score = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Resampled:
    """T scores of the labels: `by_label` (P, T), of B permutations `nulls` (B, T), of H half samples `halves` (H, T)
    of `sizes` (H,) images each, which hold the `share` of the groups."""

    by_label: np.ndarray
    nulls: np.ndarray
    halves: np.ndarray
    sizes: np.ndarray
    share: float

    @property
    def values(self) -> np.ndarray:
        """(T,) means over the labels: one array of class ids, or several labels per image."""
        return self.by_label.mean(axis=0)


def resample(case: Case, score: Score, k: int, metric: Metric) -> Resampled:
    """`score(components, labels)` takes (N, k) components of `case.scaled`, largest first, and class ids (N,), and
    gives (T,) numbers. Half samples in which a class is missing do not count: they would answer another question."""
    scale = (case.spectrum.width * len(case.labels) / case.spectrum.s.sum()).sqrt()  # as in `case.scaled`

    def scores(components: torch.Tensor, partitions: list[np.ndarray]) -> np.ndarray:
        return np.stack([score(components, case.tensor(labels)).cpu().numpy() for labels in partitions])

    components = case.spectrum.leading(k) * scale
    sources = shuffles(case.columns, case.groups, metric.permutations, case.rng(1))
    halves, share = case.halves if metric.resamples else ([], 0.0)
    whole = [half for half in halves if all(_same_classes(labels, labels[half.rows]) for labels in case.partitions)]
    with threads_for(components.numel()):
        by_label = scores(components, case.partitions)
        nulls = [scores(components, [labels[s] for labels in case.partitions]).mean(axis=0) for s in sources]
        found = [
            scores(half.components[:, :k] * scale, [labels[half.rows] for labels in case.partitions]).mean(axis=0)
            for half in whole
        ]
    return Resampled(
        by_label,
        np.array(nulls).reshape(-1, by_label.shape[1]),
        np.array(found).reshape(-1, by_label.shape[1]),
        np.array([len(half.rows) for half in whole]),
        share,
    )


def _same_classes(labels: np.ndarray, part: np.ndarray) -> bool:
    return len(np.unique(part)) == len(np.unique(labels))
