"""TransRate: how much shorter does a description of the features get when the labels are known?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.refitting import at_most, calibrate
from core.metrics.spectrum import Spectrum, decompose

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="transrate",
    name="TransRate",
    unit="nats per image above chance",
    meaning=(
        "How much shorter the description of an image's features becomes when its label is known, beyond what labels "
        "dealt out at random would save."
    ),
    question="Are the features varied over all images and compact within each class?",
    paper="Huang et al., Frustratingly easy transferability estimation, ICML 2022",
    range="0 (no better than random labels) upwards; there is no fixed maximum. Chance can take it a little below 0",
    limits=(
        "It describes each class as one Gaussian. With few images per feature any split of the images shortens the "
        "description, by far more than the labels do: most of the published number is then chance, and tells how many "
        "directions the features use. That part is taken off here; what is left shrinks with fewer images, so compare "
        "candidates on the same images only. Constant and duplicated features count in the mean square of a feature, "
        "and so change the value."
    ),
    formula=(
        r"$R(Z) - \sum_c \frac{n_c}{N} R(Z_c)$ minus its mean over 20 random dealings of the same labels, with the "
        r"coding rate $R(Z) = \frac{1}{2}\log\det\left(I + \frac{1}{n\,\epsilon} Z^\top Z\right)$ of $n$ images: $Z$ "
        r"are the features, centred, $Z_c$ those of class $c$, centred again, and the distortion $\epsilon$ is the "
        "mean square of a feature."
    ),
    assumptions="Classes differ in their means or in their spread; a Gaussian describes each well enough.",
    differs=(
        "Features are brought to a mean square of 1, and one distortion of 1 serves all data sets; the authors' code "
        "uses another for each, from 0.02 to 40 in these units for 2,048 features. Classes are weighted by their "
        "share and centred at their own mean, as in the authors' experiments. The listing in the paper does neither, "
        "and cannot see that two equally large classes differ in their means, because both spread alike around the "
        "common mean. What random labels score is subtracted; `raw` keeps the value with it. At most 4,000 images are "
        "used, a stratified draw with a fixed seed."
    ),
    needs="features",
    order=6,
    version=2,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={
        "distortion": 1.0,
        "features": "centred, mean squared norm D",
        "dealings": 20,
        "resample_dealings": 5,
        "max_images": 4000,
        "resample_images": 1000,
    },
    permutations=100,
    resamples=30,
    seconds=lambda n, d, k: (
        0.3
        + 5e-10 * min(n, d, 4000) ** 3
        + 4e-9 * min(n, 4000) * min(n / max(k, 2), d, 4000 / max(k, 2)) ** 2
        + 1.2e-8 * min(n / 2, d, 1000) ** 3
        + 5e-6 * min(n / 2, 1000) ** 2
    ),
)


@dataclass(frozen=True)
class Coded:
    """The features of N images, rotated into the r directions that they span and brought to mean squared norm D.

    `u` (N, r) and `s` (r,) as in a spectrum. `chance` keeps what labels dealt out at random `dealings` times score, per
    class sizes.
    """

    u: torch.Tensor
    s: torch.Tensor
    seed: int
    dealings: int
    chance: dict[tuple[int, ...], float] = field(default_factory=dict)

    @cached_property
    def gram(self) -> torch.Tensor:
        """(N, N) inner products of all images."""
        return (self.u * self.s) @ self.u.T


def coded(spectrum: Spectrum, seed: int = 0, dealings: int = METRIC.params["dealings"]) -> Coded:
    """A spectrum of centred features, in units of the distortion."""
    s = spectrum.s * (len(spectrum.u) * spectrum.width / spectrum.s.sum())
    return Coded(spectrum.u, s / METRIC.params["distortion"], seed, dealings)


def transrate(features: torch.Tensor, labels: np.ndarray) -> float:
    """TransRate, in nats per image, of `features` (N, D), any float type, for class ids `labels` (N,): 0 or more.

    What random labels score is still in it. Scaling, shifting and rotating the features change nothing. Huang et al.
    2022, with each class centred at its own mean and weighted by its share.
    """
    return rate_reduction(coded(decompose(features)), labels)


def above_chance(state: Coded, labels: np.ndarray) -> float:
    """TransRate less its mean over random dealings of labels (N,) with the same class sizes."""
    sizes = tuple(np.sort(np.unique(labels, return_counts=True)[1]).tolist())
    if sizes not in state.chance:
        rng = np.random.default_rng([state.seed, *sizes])
        dealt = [rng.permutation(np.repeat(np.arange(len(sizes)), sizes)) for _ in range(state.dealings)]
        state.chance[sizes] = float(np.mean([rate_reduction(state, labels) for labels in dealt]))
    return rate_reduction(state, labels) - state.chance[sizes]


def rate_reduction(state: Coded, labels: np.ndarray) -> float:
    """R(Z) less the mean of R(Z_c) over the images; at least 0, because log det is concave."""
    import torch

    n = len(labels)
    ids = torch.from_numpy(np.unique(labels, return_inverse=True)[1]).to(state.u.device)
    members = [(ids == c).nonzero()[:, 0] for c in range(int(ids.max()) + 1)]
    within = sum(len(rows) / n * _rate_of(state, rows) for rows in members)
    return float((state.s / n).log1p().sum() / 2 - within)


def _rate_of(state: Coded, rows: torch.Tensor) -> torch.Tensor:
    """R of the images `rows` around their mean, by the smallest matrix that gives it."""
    n, r = len(rows), len(state.s)
    rest = len(state.u) - n
    if 3 * rest < min(n, r):
        return _rate_without(state, rows)
    if n <= r:
        gram = state.gram[rows][:, rows]
        means = gram.mean(dim=0)
        return _half_log_det((gram - means - means[:, None] + means.mean()) / n)
    z = state.u[rows] * state.s.sqrt()
    z = z - z.mean(dim=0)
    return _half_log_det(z.T @ z / n)


def _rate_without(state: Coded, rows: torch.Tensor) -> torch.Tensor:
    """R of the images `rows` around their mean, from the few others: their part is taken off that of all images.

    det(M - B'B) = det(M) det(I - B M^-1 B') with M = I + Z'Z / n of all images, diagonal here. The rows of B are the
    others and, for the mean of `rows`, their sum over sqrt(n), since the features of all images sum to zero.
    """
    import torch

    n = len(rows)
    others = torch.ones(len(state.u), dtype=torch.bool, device=rows.device)
    others[rows] = False
    share = state.s / n
    b = torch.cat([state.u[others], state.u[others].sum(dim=0, keepdim=True) / n**0.5])
    b = b * (share / (1 + share)).sqrt()
    return share.log1p().sum() / 2 + _half_log_det(-b @ b.T)


def _half_log_det(matrix: torch.Tensor) -> torch.Tensor:
    """Half the log-determinant of the identity plus `matrix`, symmetric; a scalar."""
    import torch

    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.linalg.cholesky(identity + matrix).diagonal().log().sum()


def calibrated(case: Case) -> Scored:
    """The value on at most 4,000 images with 100 permutations of their labels; 30 half samples of at most 1,000, each
    above its own chance, of 5 dealings. `raw` is TransRate with what chance gives.

    The interval is no narrower than the spread of shuffled labels: with far fewer images all samples look alike.
    """
    used = at_most(case, METRIC.params["max_images"], stream=4)
    state = coded(used.spectrum, case.seed)
    scored = calibrate(
        used,
        METRIC,
        lambda part: state if part is used else coded(part.spectrum, case.seed, METRIC.params["resample_dealings"]),
        above_chance,
    )
    raw = float(np.mean([rate_reduction(state, labels) for labels in used.partitions]))
    scored = replace(scored, raw=raw, detail=scored.detail | {"chance": raw - scored.value})
    if scored.low is None:
        return scored
    least = 1.96 * float(scored.nulls.std(ddof=1))
    return replace(
        scored,
        low=min(scored.low, scored.value - least),
        high=max(scored.high, scored.value + least),
        interval=f"{scored.interval}; no narrower than the spread of shuffled labels",
    )
