"""NCTI: how close the features are to the collapsed state that training to the end would bring them to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.cautions import NO_SPREAD, POOL_RELATIVE
from core.metrics.metric import Metric
from core.metrics.principal import Resampled, resample

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="ncti",
    name="NCTI",
    unit="-1 to 2 within this list",
    meaning=(
        "How a candidate stands among the listed ones on three signs of the state that a network trained to the end "
        "reaches: class means far apart, images close to their own class's mean, and predictions alike within a class."
    ),
    question="Which listed candidate's features are closest to those of a network trained on this task to the end?",
    paper="Wang et al., How far pre-trained models are from neural collapse on the target dataset informs their "
    "transferability, ICCV 2023",
    range="-1 to 2; -1 is the worst of the list on all three parts, 2 the best",
    limits=(
        "It is relative to the list: adding or removing one candidate changes every value. Two parts, seli and ncc, "
        "are computed on the images that the analysis was fitted to, and look good for noise when images are few. vc "
        "is small not only where predictions agree because they are sure, but also where all are equally unsure."
    ),
    formula=(
        "In the first 64 principal components a linear discriminant analysis (LDA) gives projections and class "
        "probabilities. seli: the nuclear norm of the centred projections. ncc: the mean probability of the true "
        "class. vc: the logarithm of the summed nuclear norms of each class's probability matrix. Over the listed "
        r"candidates each is rescaled to 0..1, and the value is $\widetilde{\mathrm{seli}}+\widetilde{\mathrm{ncc}}-"
        r"\widetilde{\mathrm{vc}}$."
    ),
    assumptions=(
        "Features that are closer to the collapsed state transfer better. The listed candidates span the range that "
        "matters."
    ),
    differs=(
        "vc is subtracted, as in the paper; one medical benchmark adds it. The principal components are exact, where "
        "public code takes unseeded random ones, and fewer than 64 where the features have no more. Features are "
        "centred and scaled to mean squared norm D first, because the strength at which the LDA is regularised depends "
        "on their scale and networks differ in theirs. The interval carries the scatter of the three parts over half "
        "samples through the rescaling."
    ),
    needs="features",
    order=8,
    version=1,
    multi_label="With and without each label as two classes; each part is the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={"components": 64, "features": "centred, mean squared norm D"},
    permutations=100,
    resamples=30,
    seconds=lambda n, d, k: 0.05 + 2.5e-9 * min(n, d) ** 3 + 3e-4 * n,
    pool_relative=True,
)

SIGNS = {"seli": 1, "ncc": 1, "vc": -1}  # whether more of a term is better
SVD_SHRINKAGE = 1e-10  # at this the LDA is solved without any, as in public code
IMAGES_PER_COMPONENT = 2  # with fewer, noise looks separated: ncc is 1 where images just outnumber components
ROUNDING = 1e-24  # a smaller share of the squares within the classes is not told from rounding
TOLERANCE = 1e-4  # scikit-learn's: smaller singular values count as none


class Discriminant(NamedTuple):
    """A fitted LDA: projections are `x @ scalings`, logits `x @ coefficients.T + intercepts`, for centred x."""

    scalings: torch.Tensor
    coefficients: torch.Tensor
    intercepts: torch.Tensor


def ncti_terms(components: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(3,) seli, ncc and vc. `components` (N, k) float64, the leading principal components; `labels` (N,) class ids
    0..C-1, all present.

    seli is up to about sqrt(N) (C - 1) times the separation, ncc in [0, 1], vc a logarithm; higher is better for the
    first two. The scale of the components counts only through the shrinkage. MetricError where no class varies. Wang
    et al. 2023.
    """
    import torch

    variances = (components**2).sum(dim=0) / (len(components) - 1)
    shrinkage = max(math.exp(-float(variances[:32].sum())), SVD_SHRINKAGE)
    if shrinkage == SVD_SHRINKAGE:
        lda = svd_discriminant(components, labels)
    else:
        lda = eigen_discriminant(components, labels, shrinkage)
    probabilities = torch.softmax(components @ lda.coefficients.T + lda.intercepts, dim=1)
    by_class = probabilities[labels.argsort(stable=True)].split(torch.bincount(labels).tolist())
    return torch.stack(
        [
            _nuclear_norm(components @ lda.scalings),
            probabilities.gather(1, labels[:, None]).mean(),
            torch.stack([_nuclear_norm(part) for part in by_class]).sum().log(),
        ]
    )


def _nuclear_norm(x: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.linalg.svdvals(x).sum()


def svd_discriminant(x: torch.Tensor, labels: torch.Tensor) -> Discriminant:
    """The LDA of scikit-learn's solver "svd" (1.9; earlier ones divide the scatter by N - C, not N) for centred `x`
    (N, k): directions without spread within the classes are left out. Solved by the (k, k) covariance, whose
    eigenvalues are the squares of the singular values there."""
    import torch

    counts, means, within = _scatter(x, labels)
    n, classes = len(x), len(counts)
    spread = within.diagonal()
    unit = torch.where(spread > ROUNDING * (x**2).sum(dim=0), (n / spread).sqrt(), 0.0)
    variances, vectors = torch.linalg.eigh(within * unit * unit[:, None] / n)
    kept = variances > TOLERANCE**2
    whiten = unit[:, None] * vectors[:, kept] / variances[kept].sqrt()
    between = (counts / (classes - 1)).sqrt()[:, None] * (means @ whiten)
    _, sizes, directions = torch.linalg.svd(between, full_matrices=False)
    scalings = whiten @ directions[sizes > TOLERANCE * sizes[0]].T
    projected = means @ scalings
    return Discriminant(scalings, projected @ scalings.T, (counts / n).log() - (projected**2).sum(dim=1) / 2)


def eigen_discriminant(x: torch.Tensor, labels: torch.Tensor, shrinkage: float) -> Discriminant:
    """The LDA of scikit-learn's solver "eigen" with `shrinkage`, for centred `x` (N, k)."""
    import torch

    counts, means, within = _scatter(x, labels)
    n, k = x.shape
    within, total = (_shrunken(scatter / n, shrinkage) for scatter in (within, x.T @ x))
    factor = torch.linalg.cholesky(within)
    half = torch.linalg.solve_triangular(factor, total - within, upper=False)
    vectors = torch.linalg.eigh(torch.linalg.solve_triangular(factor, half.T, upper=False)).eigenvectors.flip(1)
    scalings = torch.linalg.solve_triangular(factor.T, vectors[:, : min(len(counts) - 1, k)], upper=True)
    coefficients = torch.cholesky_solve(means.T, factor).T
    return Discriminant(scalings, coefficients, (counts / n).log() - (means * coefficients).sum(dim=1) / 2)


def _scatter(x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Counts (C,), means (C, k), and the scatter within the classes (k, k); MetricError when there is none."""
    import torch

    counts = torch.bincount(labels).to(x)
    means = x.new_zeros(len(counts), x.shape[1]).index_add_(0, labels, x) / counts[:, None]
    apart = x - means[labels]
    within = apart.T @ apart
    if not within.trace() > ROUNDING * (x**2).sum():
        raise MetricError(*NO_SPREAD)
    return counts, means, within


def _shrunken(covariance: torch.Tensor, shrinkage: float) -> torch.Tensor:
    import torch

    identity = torch.eye(len(covariance)).to(covariance)
    return (1 - shrinkage) * covariance + shrinkage * covariance.diagonal().mean() * identity


def calibrated(case: Case) -> Scored:
    """No value, but in `detail` what a ranking makes one of: `terms`, their nulls under 100 permutations, and the terms
    in 30 half samples, brought to the size of the whole. p and z are those of seli + ncc, each in units of its spread
    under permutation; vc says in both directions that labels and features have to do with each other."""
    n, k = len(case.labels), min(METRIC.params["components"], len(case.spectrum.s))
    found = resample(case, ncti_terms, k, METRIC)
    together = np.vstack([found.values, found.nulls])[:, :2]
    together = (together / np.maximum(together.std(axis=0), 1e-12 * np.abs(together).max())).sum(axis=1)
    few = (f"{n} images are few for {k} principal components: the discriminant analysis follows chance.",)
    return Scored(
        value=None,
        nulls=together[1:],
        compared=together[0],
        interval="",
        no_interval="it comes with the value",
        cautions=(POOL_RELATIVE, *(few if n < IMAGES_PER_COMPONENT * k else ())),
        detail={
            "terms": dict(zip(SIGNS, found.values.tolist(), strict=True)),
            "term_nulls": _term_nulls(found),
            "half_terms": _to_full_size(found, n, IMAGES_PER_COMPONENT * k).tolist(),
            "share": found.share,
            "components": k,
            "by_label": found.by_label.tolist(),
        },
    )


def _term_nulls(found: Resampled) -> dict[str, dict[str, float]]:
    """Mean, spread and p of each term under permutation; p counts permutations that are at least as good."""
    signs = np.array(list(SIGNS.values()))
    as_good = (signs * found.nulls >= signs * found.values - 1e-12 * np.abs(found.values)).sum(axis=0)
    nulls = zip(SIGNS, found.nulls.mean(axis=0), found.nulls.std(axis=0, ddof=1), as_good, strict=True)
    return {
        term: {"null": float(mean), "null_sd": float(spread), "p": (1 + int(good)) / (1 + len(found.nulls))}
        for term, mean, spread, good in nulls
    }


def _to_full_size(found: Resampled, images: int, least: int) -> np.ndarray:
    """(H, 3) terms of the half samples of at least so many images, as of `images`: nuclear norms grow with the square
    root of their number."""
    enough = found.sizes >= least
    root = np.sqrt(images / found.sizes[enough])
    seli, ncc, vc = found.halves[enough].T
    return np.stack([seli * root, ncc, vc + np.log(root)], axis=1)


def published(case: Case) -> dict:
    """The quantity of the reference values, on raw features."""
    if case.label_type == "multi-label":
        return {"ncti_terms": {"value": None, "reason": "The paper defines it for one class per image."}}
    terms = ncti_terms(case.spectrum.leading(METRIC.params["components"]), case.tensor(case.labels))
    return {"ncti_terms": dict(zip(SIGNS, terms.tolist(), strict=True))}
