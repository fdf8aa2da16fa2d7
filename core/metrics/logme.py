"""LogME: how much better than chance a Bayesian linear model on the features explains the labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.spectral import calibrate
from core.metrics.spectrum import LOG_2PI, Projection, decompose, evidence, project

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
    formula=(
        r"$\frac{1}{N}\max_{\alpha,\beta}\log p(y \mid F,\alpha,\beta)$ minus the same with no features: $F$ are the "
        r"features of $N$ images, $y$ a column of 0 and 1 per class or label, $\alpha$ the precision of the weights of "
        r"a linear model and $\beta$ that of its noise. The mean over the columns."
    ),
    assumptions=(
        "The label is about a linear function of the features plus Gaussian noise, with one prior for all weights. "
        "Labels of 0 and 1 never are quite that; the evidence is used as a yardstick, not as a probability."
    ),
    differs=(
        "The evidence is maximised exactly where public code stops after 11 steps; features and labels are centred, so "
        "that shifting or scaling features changes nothing; and what the class shares alone score is subtracted."
    ),
    needs="features",
    order=3,
    version=1,
    multi_label="One column per label; the mean over the labels that some images have and others have not.",
    ordinal="One column per step between grades (grade above k or not; Frank & Hall 2001); the mean over the steps.",
    params={"features": "centred", "maximum": "exact over log t"},
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 1e-4 * k * min(n, d),
)

PUBLISHED_STEPS = 100_000


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
    best, null = evidence(project(decompose(features), columns))
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
    exact, null = (float(v.mean()) for v in evidence(project(decompose(features, centred=False), columns)))
    best, chance = (float(v.mean()) for v in evidence(project(decompose(features), columns)))
    return {
        "logme_published": logme_published(features, columns),
        "logme_exact": exact,
        "logme_null": null,
        "logme_exact_centred": best,
        "logme_null_centred": chance,
        "logme_nats_above_chance": best - chance,
    }


def published(case: Case) -> dict[str, float]:
    """The quantities of the reference values: one-vs-rest columns, for a binary task both."""
    return logme_quantities(case.tensor(case.features), case.tensor(case.columns))


def above_chance(projection: Projection) -> torch.Tensor:
    """(K,) nats per image above chance of each label column."""
    best, chance = evidence(projection)
    return best - chance


def calibrated(case: Case) -> Scored:
    """LogME with 200 permutations on the same decomposition and an interval from 30 half samples."""
    best, chance = evidence(project(case.spectrum, case.tensor(case.columns)))
    scored = calibrate(case, METRIC, above_chance, lowest=0.0)
    return replace(scored, raw=float(best.mean()), detail=scored.detail | {"chance": float(chance.mean())})
