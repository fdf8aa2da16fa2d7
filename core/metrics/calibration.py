"""A score with what makes it readable: what shuffled labels score, an interval, and whether it can be trusted here."""

from contextlib import nullcontext
from importlib import import_module

import numpy as np

from core.metrics import trust
from core.metrics.case import Case, Scored, make_case
from core.metrics.cautions import COMFORTABLE, SCOREABLE, smallest_side
from core.metrics.threads import threads_for

RELIABLE = "reliable"
WITH_CARE = "read with care"
NOT_MEANINGFUL = "not meaningful here"
LEVEL = 0.05
VERSION = 2  # of null, interval and verdict as they are made here and in trust.py; belongs to the key of every score
NO_HEAD = "It needs the network's outputs for the classes it was trained on; this checkpoint gives none."
TIE = 1e-12  # rounding must not tell a permutation that changes nothing from the labels themselves


def evaluate(
    metric_key: str,
    features: np.ndarray | None,
    labels: np.ndarray,
    label_type: str,
    n_classes: int,
    groups: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    seed: int = 0,
    network_inputs=None,
    device: str = "cpu",
    source_logits: np.ndarray | None = None,
) -> dict:
    """One metric for one candidate, ready for JSON; see `score`. What comes in is not modified.

    `features` (N, D); `labels` class indices (N,) or 0/1 rows (N, L); `groups`, `folds` (N,); `source_logits` (N, S).
    MetricError when the input is unusable. The same arguments give the same numbers on the same device.
    """
    case = make_case(
        features, labels, label_type, n_classes, groups, folds, seed, device, source_logits, network_inputs
    )
    return score(metric_key, case)


def score(metric_key: str, case: Case) -> dict:
    """value, raw, null, p, z, interval, verdict and the reason for it, of one metric on a case, ready for JSON.

    What serves several metrics is computed once per case, so pass the same one for all metrics of a candidate. Where
    the metric does not apply: {"value": None, "reason": ...}; MetricError where it refuses these features and labels.
    """
    from core.metrics import METRICS

    metric = METRICS[metric_key]
    if case.label_type in metric.why_not:
        return {"value": None, "reason": metric.why_not[case.label_type]}
    if metric.needs == "source head" and case.source_logits is None:
        return {"value": None, "reason": NO_HEAD}
    with nullcontext() if case.features is None else threads_for(case.features.size):
        scored = import_module(f"core.metrics.{metric_key}").calibrated(case)
    return _plain(_record(metric_key, case, scored) | {"d": None if case.features is None else case.features.shape[1]})


def _record(metric: str, case: Case, scored: Scored) -> dict:
    nulls = np.asarray(scored.nulls, dtype=float)
    compared = scored.value if scored.compared is None else scored.compared
    p = (1 + int((nulls >= compared - TIE).sum())) / (1 + len(nulls)) if scored.tested and len(nulls) else None
    spread = float(nulls.std(ddof=1)) if len(nulls) > 1 else 0.0
    beside = scored.value is not None  # the nulls can be shown beside the value
    verdict, reason = _verdict(metric, case, scored, p, len(nulls))
    return {
        "value": scored.value,
        "raw": scored.value if scored.raw is None else scored.raw,
        "null": float(nulls.mean()) if beside and len(nulls) else None,
        "null_sd": spread if beside and len(nulls) > 1 else None,
        "p": p,
        "z": (compared - float(nulls.mean())) / spread if scored.tested and spread > TIE else None,
        "permutations": len(nulls),
        "low": scored.low,
        "high": scored.high,
        "interval": scored.interval if scored.low is not None else f"none: {scored.no_interval}",
        "verdict": verdict,
        "reason": reason,
        "n": len(case.labels),
        "detail": scored.detail | _about_labels(case, scored, compared),
    }


def _about_labels(case: Case, scored: Scored, compared: float) -> dict:
    detail = {
        "columns": case.columns.shape[1],
        "left_out": list(case.left_out),
        "groups": int(case.groups.max()) + 1,
    }
    if scored.compared is not None and scored.value is not None and compared != scored.value:
        detail["value_on_null_images"] = compared
    return detail


def _verdict(metric: str, case: Case, scored: Scored, p: float | None, permutations: int) -> tuple[str, str]:
    """The verdict and its reasons as plain sentences, the gravest first."""
    useless, careful = trust.what_was_simulated(metric, case)
    grave, cautions = [*scored.grave, *useless], [*scored.cautions, *careful]
    smallest, largest = smallest_side(case)
    if largest < SCOREABLE:
        grave.append(f"No class or label has {SCOREABLE} images on both sides, too few to be scored.")
    elif smallest < COMFORTABLE:
        cautions.append(f"The smallest class or label has {smallest} images, fewer than {COMFORTABLE}.")
    size = f"{len(case.labels)} images"
    if case.features is not None:
        size += f" for {case.features.shape[1]} features"
    if p is not None and p > LEVEL:
        grave.append(f"Not distinguishable from shuffled labels (p = {p:.2g}, {permutations} shuffles; {size}).")
    if p is not None and 1 / (1 + permutations) > LEVEL:
        cautions.append(f"{permutations} shuffles are too few to reach p = {LEVEL}.")
    if scored.value is not None and scored.low is None:
        cautions.append(f"There is no interval: {scored.no_interval}.")
    if scored.low is not None and scored.low == scored.high:
        cautions.append("Every resample gives the same value, so the interval does not show the uncertainty.")
    if grave:
        return NOT_MEANINGFUL, " ".join(grave + cautions)
    if cautions:
        return WITH_CARE, " ".join(cautions)
    return RELIABLE, f"Above shuffled labels (p = {p:.2g}; {size})."


def _plain(value):
    """Python numbers only, and None for what is not a finite number: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
