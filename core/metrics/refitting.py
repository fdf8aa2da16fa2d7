"""Calibration of the metrics that are fitted to the labels anew: value, permutations and half samples, one by one.

A metric gives two steps. `prepare(case)` does what needs no labels, once per set of images; `score(state, labels)` the
rest, for class ids (N,). Several labels per image are scored one after the other; the value is their mean.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.resampling import half_samples, shuffles, stratified_subset, subsampled_interval
from core.metrics.threads import threads_for

Prepare = Callable[[Case], Any]
Score = Callable[[Any, np.ndarray], float]


def calibrate(
    case: Case,
    metric: Metric,
    prepare: Prepare,
    score: Score,
    lowest: float = -np.inf,
    highest: float = np.inf,
    cautions: tuple[str, ...] = (),
    grave: tuple[str, ...] = (),
    no_interval: str = "",
) -> Scored:
    """The value on at most `max_images` images, permutations on at most `null_images`, half samples of at most
    `resample_images`; these limits are entries of the metric's `params`, and without one all images are used.

    `no_interval` says why half samples would mislead; then there are none.
    """
    used = at_most(case, metric.params.get("max_images"), stream=4)
    state = prepare(used)
    by_label = [score(state, labels) for labels in used.partitions]
    value = compared = float(np.mean(by_label))
    shuffled = at_most(used, metric.params.get("null_images"), stream=3) if metric.permutations else used
    sources = shuffles(shuffled.columns, shuffled.groups, metric.permutations, case.rng(1))
    with threads_for(shuffled.features.size):
        if shuffled is not used:
            state = prepare(shuffled)
            compared = float(np.mean([score(state, labels) for labels in shuffled.partitions]))
        nulls = [np.mean([score(state, labels[source]) for labels in shuffled.partitions]) for source in sources]
    resampled, share = ([], 0.0) if no_interval else _half_values(used, metric, prepare, score)
    low, high = subsampled_interval(value, resampled, share, lowest, highest)
    limit = metric.params.get("resample_images")
    return Scored(
        value=value,
        nulls=np.array(nulls),
        compared=compared,
        low=low,
        high=high,
        interval=(
            f"95 %, {metric.resamples} samples without replacement of half the groups"
            + (f" (at most {limit} images)" if limit else "")
            + ", stratified, refitted"
        ),
        no_interval=no_interval or Scored.no_interval,
        cautions=cautions,
        grave=grave,
        detail={"images": len(used.labels), "null_images": len(shuffled.labels), "by_label": by_label},
    )


def at_most(case: Case, images: int | None, stream: int) -> Case:
    """The case itself, or a stratified draw of whole groups of it with at most so many images."""
    if images is None or len(case.labels) <= images:
        return case
    return case.subset(stratified_subset(case.columns, case.groups, images, case.rng(stream)))


def _half_values(case: Case, metric: Metric, prepare: Prepare, score: Score) -> tuple[list[float], float]:
    """The scores of half samples, and the share of the groups that one holds. A half sample in which all images carry
    the same label, or that cannot be scored, does not count."""
    limit = metric.params.get("resample_images")
    samples, share = half_samples(case.columns, case.groups, metric.resamples, case.rng(2), limit)
    values = []
    for sample in samples:
        with suppress(MetricError):
            half = case.subset(sample)
            with threads_for(half.features.size):
                state = prepare(half)
                values.append(float(np.mean([score(state, labels) for labels in half.partitions])))
    return values, share
