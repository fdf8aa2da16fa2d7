"""LogME: how much better than chance a Bayesian linear model on the features explains the labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.cautions import wide_caution
from core.metrics.metric import Metric
from core.metrics.resampling import half_samples, shuffles, subsampled_interval
from core.metrics.spectrum import LOG_2PI, Spectrum, decompose, evidence

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="logme",
    name="LogME",
    unit="nats per image above chance",
    meaning=(
        "How much better a linear model on the features explains each image's label than the class shares alone do, "
        "in nats of log evidence per image, averaged over the classes or labels."
    ),
    question="Do the features, as they are, line up with the labels of this task?",
    paper=(
        "You et al., LogME, ICML 2021; You et al., JMLR 2022. Evidence maximised exactly, features and labels centred"
    ),
    range="0 (no better than chance) upwards; there is no fixed maximum",
    limits=(
        "It sees linear structure only. The value depends on the class shares, so compare candidates on one target, "
        "never values of different targets. Widely used code stops after 11 steps and then ranks noise first where "
        "there are fewer images than features; this one does not."
    ),
    needs="features",
    order=1,
    version=1,
    multi_label="One column per label; the mean over the labels that some images have and others have not.",
    ordinal="One column per step between grades (grade above k or not; Frank & Hall 2001); the mean over the steps.",
    params={"features": "centred", "maximum": "exact over log t"},
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 1e-4 * k * min(n, d),
)

PUBLISHED_STEPS = 100_000
VALUES_AT_ONCE = 4_000_000


def logme(features: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """LogME as nats per image above chance, averaged over the label columns; a scalar on the device of `features`.

    `features` (N, D), any float type; `columns` (N, K) of 0 and 1, each holding both values. Features and columns are
    centred; multiplying, shifting or rotating the features changes nothing. 0 is chance, higher is better. Right for
    N <= D and for features of any rank; where the features reproduce a column exactly with fewer directions than
    images the evidence is unbounded and double precision ends it at some 16 nats.

    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> round(float(logme(x, torch.tensor([[0], [0], [1], [1]]))), 4)
    0.1916
    """
    best, null = evidence(decompose(features), columns)
    return (best - null).mean()


def logme_published(features: torch.Tensor, columns: torch.Tensor) -> float:
    """The published form: raw features and columns, MacKay's fixed point for alpha and beta (You et al. 2021, Alg. 1).

    Iterated until it stands still, where public code stops after 11 steps. For comparison with published numbers.
    """
    import torch

    spectrum = decompose(features, centred=False)
    y = columns.to(spectrum.u)
    n, d = features.shape
    s = spectrum.s[:, None]
    projected = (spectrum.u.T @ y) ** 2
    left_over = ((y * y).sum(dim=0) - projected.sum(dim=0)).clamp(min=0)
    ratio = torch.ones_like(left_over)
    for _ in range(PUBLISHED_STEPS):
        gamma = (s / (s + ratio)).sum(dim=0)
        weights = (s * projected / (s + ratio) ** 2).sum(dim=0)
        error = (projected * (ratio / (s + ratio)) ** 2).sum(dim=0) + left_over
        alpha, beta = gamma / (weights + 1e-5), (n - gamma) / (error + 1e-5)
        previous, ratio = ratio, alpha / beta
        if bool(((ratio - previous).abs() <= 1e-10 * previous).all()):
            break
    log_evidence = (
        d / 2 * alpha.log() + n / 2 * beta.log() - (alpha + beta * s).log().sum(dim=0) / 2
        - (d - len(s)) / 2 * alpha.log() - beta / 2 * error - alpha / 2 * weights - n / 2 * LOG_2PI
    )  # fmt: skip
    return float((log_evidence / n).mean())


def logme_quantities(features: torch.Tensor, columns: torch.Tensor) -> dict[str, float]:
    """All quantities of LogME that the reference values name; `columns` one-vs-rest, both classes of a binary task."""
    exact, null = (float(v.mean()) for v in evidence(decompose(features, centred=False), columns))
    best, chance = (float(v.mean()) for v in evidence(decompose(features), columns))
    return {
        "logme_published": logme_published(features, columns),
        "logme_exact": exact,
        "logme_null": null,
        "logme_exact_centred": best,
        "logme_null_centred": chance,
        "logme_nats_above_chance": best - chance,
    }


def calibrated(case: Case) -> Scored:
    """LogME with 200 permutations on the same decomposition and an interval from 30 half samples."""
    import torch

    spectrum = decompose(torch.from_numpy(case.features).to(case.device))
    columns = torch.from_numpy(case.columns).to(case.device)
    best, chance = evidence(spectrum, columns)
    value = float((best - chance).mean())
    sources = shuffles(case.columns, case.groups, METRIC.permutations, case.rng(1))
    low, high = _interval(value, spectrum.coordinates(), case)
    return Scored(
        value=value,
        raw=float(best.mean()),
        nulls=_permuted(spectrum, columns, sources),
        low=low,
        high=high,
        interval=f"95 %, {METRIC.resamples} half samples without replacement, stratified, whole groups",
        cautions=wide_caution(case),
        detail={"by_column": (best - chance).tolist(), "chance": float(chance.mean())},
    )


def _permuted(spectrum: Spectrum, columns: torch.Tensor, sources: np.ndarray) -> np.ndarray:
    """(B,) LogME of the permuted labels: permutations times columns in one matrix product, in memory-sized chunks."""
    import torch

    n, k = columns.shape
    chunks = np.array_split(sources, max(1, math.ceil(sources.size * k / VALUES_AT_ONCE)))
    means = []
    for chunk in chunks:
        source = torch.from_numpy(np.ascontiguousarray(chunk.T)).to(columns.device)
        best, chance = evidence(spectrum, columns[source].reshape(n, -1))
        means.append((best - chance).reshape(len(chunk), k).mean(dim=1).cpu().numpy())
    return np.concatenate(means)


def _interval(value: float, coordinates: torch.Tensor, case: Case) -> tuple[float | None, float | None]:
    """Half samples are decomposed anew: resampling the labels alone would keep what the features know of them."""
    import torch

    samples, share = half_samples(case.columns, case.groups, METRIC.resamples, case.rng(2))
    resampled = []
    for sample in samples:
        columns = case.columns[sample]
        columns = torch.from_numpy(columns[:, np.ptp(columns, axis=0) > 0])
        if columns.shape[1]:
            rows = coordinates[torch.from_numpy(sample).to(coordinates.device)]
            resampled.append(float(logme(rows, columns)))
    return subsampled_interval(value, resampled, share, lowest=0.0)
