"""How alike are two sets of images to a network? Distances between the features of both through one encoder.

Every distance is measured between equally many images of both sets, many times over, and beside it what two halves of
one set give at the same number of images. Knows nothing of files, images or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import SimilarityError
from core.metrics.threads import shared_out
from core.similarity.binned import binned_kl, histograms
from core.similarity.fisher import fisher_distance
from core.similarity.measures import MEASURES, MIN_CLASS, NEIGHBOURS
from core.similarity.transport import class_distance
from core.similarity.vectors import cosine_distance, principal, unit_length

VERSION = 1  # of the distances: those kept from another version are measured anew
REPETITIONS = 20
MAX_IMAGES = 1000  # of each set in one measurement: time grows with their square or cube, precision hardly
MIN_IMAGES = 20  # of each set: two halves of ten
CLASS_DIMENSIONS = 32  # in which a class of some ten images still has a covariance that means something
VALUES_AT_ONCE = 2**22  # entries of a matrix of pairs that are held at a time


@dataclass(frozen=True)
class Sample:
    """The features (N, D) of one set, and what is known of each image: its pixel hash, class and group (patient)."""

    features: np.ndarray
    hashes: Sequence[Hashable] | None = None
    labels: Sequence[Hashable] | None = None
    groups: Sequence[Hashable] | None = None

    def take(self, rows: np.ndarray) -> Sample:
        def some(values):
            return None if values is None else np.asarray(values)[rows]

        return Sample(self.features[rows], some(self.hashes), some(self.labels), some(self.groups))


@dataclass(frozen=True)
class Distance:
    """One measure between a target and a source. `floor`: what no difference gives; `excess`: value - floor, with its
    95 % interval [`low`, `high`]; `n`: images of (target, source) in one measurement. None is unknown; `note` says why,
    or what to keep in mind."""

    value: float | None
    floor: float | None
    excess: float | None
    low: float | None
    high: float | None
    n: tuple[int, int]
    needs: str
    note: str = ""


def unknown(key: str, n: tuple[int, int], reason: str) -> Distance:
    return Distance(None, None, None, None, None, n, MEASURES[key].needs, reason)


def compare_features(target: Sample, source: Sample, seed: int = 0) -> dict[str, Distance]:
    """Every distance of MEASURES that needs features, by key. Exact copies within a set count once.

    Each is measured 20 times: a random half X, X' of the target and Y, Y' of the source, whole groups on one side, an
    image of both sets never in X and in Y, each cut to the same n <= 1,000. Value: the mean of d(X, Y); floor: the mean
    of d(X, X') and d(Y, Y'), which hold no difference; interval: 1.96 standard deviations of their difference. Halves
    drawn without replacement scatter about as much as the estimate from all images does (more where n was cut, or
    where there is no difference: the interval is then too wide rather than too narrow). KID has no bias: its value is
    that of all images, its floor 0.

    SimilarityError for fewer than 20 images, features of different width, or features that are not finite.
    """
    _require_comparable(target, source)
    target, source = _distinct(target), _distinct(source)
    splits = _splits(target, source, seed)
    n = (len(splits[0][0]),) * 2
    found = {key: _measured(key, d, target, source, splits) for key, d in _UNLABELLED.items()}
    found["kid"] = _unbiased_kid(target, source, splits)
    return found | _of_classes(target, source, n, seed)


def _of_classes(target: Sample, source: Sample, n: tuple[int, int], seed: int) -> dict[str, Distance]:
    """The distances that need labels, on the images of large enough classes; why not, where they do not apply."""
    try:
        target, source = _of_large_classes("target", target), _of_large_classes("source", source)
        splits = _splits(target, source, seed)
    except SimilarityError as error:
        return {key: unknown(key, n, error.message) for key in ("class_aware", "fisher")}
    reduced = principal([target.features, source.features], CLASS_DIMENSIONS)
    in_components = [replace(s, features=z) for s, z in zip((target, source), reduced, strict=True)]
    return {
        "class_aware": _measured("class_aware", _class_distance, *in_components, splits),
        "fisher": _measured("fisher", _fisher_distance, target, source, splits),
    }


def _of_large_classes(name: str, sample: Sample) -> Sample:
    if sample.labels is None:
        raise SimilarityError(f"The {name} has no labels.")
    _, of, sizes = np.unique(np.asarray(sample.labels), return_inverse=True, return_counts=True)
    if (sizes >= MIN_CLASS).sum() < 2:
        raise SimilarityError(f"The {name} has fewer than two classes of at least {MIN_CLASS} images.")
    return sample.take(np.flatnonzero(sizes[of] >= MIN_CLASS))


def kid(x: np.ndarray, y: np.ndarray, same: np.ndarray | None = None) -> float:
    """Unbiased squared MMD of features x (N, D), y (M, D) with the kernel (x.y/D + 1)^3; may be below 0.

    `same` (P, 2): pairs (i, j) for which x[i] and y[j] are one and the same image. They are left out of the mean over
    pairs, as an image is not compared with itself within a set; a set against itself is then at 0. Binkowski et al.
    2018.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    same = np.empty((0, 2), dtype=int) if same is None else np.asarray(same, dtype=int).reshape(-1, 2)

    def mean(a: np.ndarray, b: np.ndarray, left_out: np.ndarray) -> float:
        own = _cubic(np.einsum("ij,ij->i", a[left_out[:, 0]], b[left_out[:, 1]]), a.shape[1]).sum()
        return (_kernel_sum(a, b) - own) / (len(a) * len(b) - len(left_out))

    x_self, y_self = (np.arange(len(a)).repeat(2).reshape(-1, 2) for a in (x, y))
    return float(mean(x, x, x_self) + mean(y, y, y_self) - 2 * mean(x, y, same))


def _cubic(products: np.ndarray, width: int) -> np.ndarray:
    return (products / width + 1) ** 3


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    # A copy: for x @ x.T numpy takes another routine, which rounds otherwise, and a set against itself would not be 0.
    right, rows = np.array(y.T, order="C"), max(1, VALUES_AT_ONCE // len(y))
    return sum(_cubic(x[i : i + rows] @ right, x.shape[1]).sum() for i in range(0, len(x), rows))


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance >= 0 of normal distributions with the means and covariances (divisor N - 1) of x (N, D) and
    y (M, D).

    |m_x - m_y|^2 + tr C_x + tr C_y - 2 tr (C_x C_y)^(1/2). With C = R'R the last trace is the sum of the singular
    values of R_x R_y', which holds for N <= D too and needs no square root of a matrix. Heusel et al. 2017.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    between = x.mean(axis=0) - y.mean(axis=0)
    return frechet_of_roots(between, _covariance_root(x), _covariance_root(y))


def frechet_of_roots(between: np.ndarray, x_root: np.ndarray, y_root: np.ndarray) -> float:
    """`frechet` of means that are `between` (D,) apart and covariances R'R with the roots R (r, D)."""
    overlap = np.linalg.svd(x_root @ y_root.T, compute_uv=False).sum()
    return float(max(0.0, between @ between + (x_root**2).sum() + (y_root**2).sum() - 2 * overlap))


def _covariance_root(x: np.ndarray) -> np.ndarray:
    """R (r, D) with R'R the covariance of x (N, D)."""
    centred = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    return centred if len(x) <= x.shape[1] else np.linalg.qr(centred, mode="r")


def mixing(x: np.ndarray, y: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Share in [0, 1] of the k nearest neighbours (cosine) of the images x (N, D), themselves left out, that lie in
    y (M, D). Without a difference M / (N + M - 1) is expected."""
    x, y = unit_length(x), unit_length(y)
    similarity = x @ np.concatenate([x, y]).T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    return float((nearest >= len(x)).mean())


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """1 - cosine, in [0, 2], of the angle between the means of x (N, D) and y (M, D)."""
    return cosine_distance(x.mean(axis=0, dtype=np.float64), y.mean(axis=0, dtype=np.float64))


_UNLABELLED: dict[str, Callable[[Sample, Sample], float]] = {
    "mixing": lambda a, b: mixing(a.features, b.features),
    "frechet": lambda a, b: frechet(a.features, b.features),
    "cosine": lambda a, b: cosine(a.features, b.features),
    "binned_kl": lambda a, b: binned_kl(histograms(a.features), histograms(b.features)),
}


def _class_distance(a: Sample, b: Sample) -> float:
    return class_distance(a.features, a.labels, b.features, b.labels)


def _fisher_distance(a: Sample, b: Sample) -> float:
    return fisher_distance(a.features, a.labels, b.features, b.labels)


def _require_comparable(target: Sample, source: Sample) -> None:
    if target.features.shape[1] != source.features.shape[1]:
        raise SimilarityError(
            f"The features have {target.features.shape[1]} and {source.features.shape[1]} dimensions.",
            "Take the features of both sets from the same network.",
        )
    if not all(np.isfinite(sample.features).all() for sample in (target, source)):
        raise SimilarityError("Some features are NaN or infinite.", "Check the network's weights and preprocessing.")


def _distinct(sample: Sample) -> Sample:
    """Without further copies of an image: they would sit in both halves of a set, but not in both of two sets."""
    if sample.hashes is None:
        return sample
    return sample.take(np.sort(np.unique(np.asarray(sample.hashes), return_index=True)[1]))


def _splits(target: Sample, source: Sample, seed: int) -> list[tuple[np.ndarray, ...]]:
    """Rows (X, X', Y, Y'), each of n images, for each repetition."""
    rng = np.random.default_rng(seed)
    units = _units(target, source)
    where = np.repeat([0, 1], [len(target.features), len(source.features)])
    drawn = [_halved(units, where, rng) for _ in range(REPETITIONS)]
    n = min(MAX_IMAGES, *(len(part) for parts in drawn for part in parts))
    if n < MIN_IMAGES // 2:
        raise SimilarityError(
            f"Half of the smaller set has {n} different images, too few to compare.",
            f"Both sets need at least {MIN_IMAGES} different images, of several patients where patients are known.",
        )
    return [tuple(np.sort(rng.choice(part, n, replace=False)) for part in parts) for parts in drawn]


def _units(target: Sample, source: Sample) -> np.ndarray:
    """For each image of target and source, one after the other, the unit that must stay together: images of one group,
    and one image in both sets."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sizes = [len(target.features), len(source.features)]
    total = sum(sizes)

    def ids(names: list) -> np.ndarray:
        return np.unique(np.array([str(name) for name in names]), return_inverse=True)[1]

    samples = list(enumerate((target, source)))
    images = [h for k, s in samples for h in (s.hashes if s.hashes is not None else _each(k, sizes[k]))]
    groups = [f"{k} {g}" for k, s in samples for g in (s.groups if s.groups is not None else _each("alone", sizes[k]))]
    image, group = ids(images), ids(groups)
    links = coo_array((np.ones(total), (image, group + total)), shape=(2 * total, 2 * total))
    return connected_components(links, directed=False)[1][image]


def _each(of: Hashable, n: int) -> list[str]:
    return [f"{of} image {i}" for i in range(n)]


def _halved(units: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Random halves of the units as rows (X, X', Y, Y'); X and Y lie on different sides, so they share no unit.

    Units of the target alone, of the source alone and of both are halved by themselves, so that each set is."""
    names, unit, sizes = np.unique(units, return_inverse=True, return_counts=True)
    of_target = np.bincount(unit, weights=where == 0, minlength=len(names))
    kind = np.where(of_target == sizes, 0, np.where(of_target == 0, 1, 2))
    first = np.zeros(len(names), dtype=bool)
    for one in range(3):
        order = rng.permutation(np.flatnonzero(kind == one))
        first[order] = np.cumsum(sizes[order]) <= (sizes[order].sum() + 1) // 2
    side = first[unit]
    rows = np.arange(len(units))
    m = (where == 0).sum()
    x, x_other = rows[side & (where == 0)], rows[~side & (where == 0)]
    y, y_other = rows[~side & (where == 1)] - m, rows[side & (where == 1)] - m
    return x, x_other, y, y_other


def _measured(key: str, distance: Callable, target: Sample, source: Sample, splits: list) -> Distance:
    def once(rows: tuple[np.ndarray, ...]) -> tuple[float, float]:
        x, x_other = (target.take(part) for part in rows[:2])
        y, y_other = (source.take(part) for part in rows[2:])
        return distance(x, y), (distance(x, x_other) + distance(y, y_other)) / 2

    with shared_out() as each:
        values, floors = np.array(list(each(once, splits))).T
    excess = values - floors
    spread = 1.96 * float(excess.std(ddof=1))
    middle = float(excess.mean())
    n = (len(splits[0][0]),) * 2
    return Distance(
        float(values.mean()), float(floors.mean()), middle, middle - spread, middle + spread, n, MEASURES[key].needs
    )


def _unbiased_kid(target: Sample, source: Sample, splits: list) -> Distance:
    value = kid(target.features, source.features, _same_images(target, source))
    with shared_out() as each:
        halves = list(each(lambda rows: kid(target.features[rows[0]], source.features[rows[2]]), splits))
    spread = 1.96 * float(np.std(halves, ddof=1))
    n = (len(target.features), len(source.features))
    return Distance(value, 0.0, value, value - spread, value + spread, n, MEASURES["kid"].needs)


def _same_images(target: Sample, source: Sample) -> np.ndarray:
    if target.hashes is None or source.hashes is None:
        return np.empty((0, 2), dtype=int)
    return np.stack(np.intersect1d(target.hashes, source.hashes, return_indices=True)[1:], axis=1)
