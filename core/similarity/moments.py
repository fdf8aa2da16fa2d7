"""What a fingerprint holds of one set through one encoder, and the distances between two of these.

Sums over many images only: no feature of a single image, no hash, no patient. All that is random is drawn from stated
seeds, so that any two sets compare that were measured with the same version; a digest tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from core.errors import SimilarityError
from core.similarity.binned import BINS, HIGH, LOW, binned_kl, histograms
from core.similarity.embedding import Distance, frechet_of_roots, unknown
from core.similarity.measures import MIN_CLASS
from core.similarity.transport import transport_cost
from core.similarity.vectors import cosine_distance, unit_length

VERSION = 1
SEED = 20240612
DIRECTIONS = 128
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0)  # of Gaussian kernels on the unit sphere, where no two points are further than 2
WAVES = 128  # for each bandwidth
BLOCKS, MIN_BLOCK = 10, 20  # at most so many, of at least so many images each
DRAWS = 20  # of samples from a distribution without a difference, for a floor


@dataclass(frozen=True)
class Moments:
    """Statistics of n images with D features each; d = min(D, 128) directions, B blocks, C classes, L large classes."""

    n: int
    digest: str  # of the version and of all that was drawn for this D
    center: np.ndarray  # (D,) float32, mean of the features
    mean: np.ndarray  # (d,) float32, in fixed orthonormal directions; all of D where D <= 128
    covariance: np.ndarray  # (d, d) float32, divisor n - 1
    block_sizes: np.ndarray  # (B,) uint32: random blocks of at least 20 images, one block for fewer than 40
    waves: np.ndarray  # (B, 1024) float32: means over a block of cos and sin of 512 random waves, squares sum to 1
    counts: np.ndarray  # (D, 100) uint32: `core.similarity.binned.histograms`
    classes: np.ndarray | None = None  # (C,) names; None without labels
    class_sizes: np.ndarray | None = None  # (C,) uint32
    large: np.ndarray | None = None  # (L,) names of the classes with at least 20 images
    class_means: np.ndarray | None = None  # (L, d) float32
    class_variances: np.ndarray | None = None  # (L, d) float32, divisor: the class size

    @property
    def d(self) -> int:
        return len(self.center)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays, without what is None; `from_arrays` reads them."""
        return {f.name: np.asarray(value) for f in fields(self) if (value := getattr(self, f.name)) is not None}

    def without_small_counts(self, below: int) -> Moments:
        """The same without its classes, and with bins of fewer than `below` images set to 0."""
        of_classes = ("classes", "class_sizes", "large", "class_means", "class_variances")
        return replace(self, counts=np.where(self.counts < below, 0, self.counts), **dict.fromkeys(of_classes))

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Moments:
        return cls(**{**arrays, "n": int(arrays["n"]), "digest": str(arrays["digest"])})


def moments_of(features: np.ndarray, labels: Sequence[Hashable] | None = None, seed: int = 0) -> Moments:
    """The statistics of `features` (N, D) of one encoder and, where known, `labels` (N,).

    `seed` draws the blocks, which interval alone depends on. SimilarityError for fewer than 2 images or features that
    are not finite.
    """
    features = np.asarray(features)
    if len(features) < 2 or not np.isfinite(features).all():
        raise SimilarityError(
            "Statistics need at least two images, and features without NaN or infinite values.",
            "Check the images, and the encoder's weights and preprocessing.",
        )
    n, width = features.shape
    directions, frequencies, digest = fixed(width)
    projected = features.astype(np.float64) @ directions
    blocks = _blocks(n, seed)
    waves = random_waves(features, frequencies)
    return Moments(
        n=n,
        digest=digest,
        center=features.mean(axis=0, dtype=np.float64).astype(np.float32),
        mean=projected.mean(axis=0).astype(np.float32),
        covariance=np.atleast_2d(np.cov(projected, rowvar=False)).astype(np.float32),
        block_sizes=np.array([len(rows) for rows in blocks], dtype=np.uint32),
        waves=np.stack([waves[rows].mean(axis=0) for rows in blocks]).astype(np.float32),
        counts=histograms(features),
        **({} if labels is None else _class_statistics(projected, np.asarray(labels))),
    )


@lru_cache(maxsize=4)
def fixed(width: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Orthonormal directions (D, d), frequencies (D, 512) of the waves, and the digest of both, for `width` = D.

    `RandomState` draws the same numbers in every version of numpy, which newer generators do not promise.
    """
    rng = np.random.RandomState(SEED)
    frequencies = np.concatenate([rng.standard_normal((width, WAVES)) / sigma for sigma in BANDWIDTHS], axis=1)
    drawn = rng.standard_normal((width, DIRECTIONS)) if width > DIRECTIONS else np.eye(width)
    directions, triangle = np.linalg.qr(drawn)
    text = f"{VERSION} {BINS} {LOW} {HIGH}".encode()
    numbers = np.concatenate([frequencies, drawn], axis=1).round(4).astype(np.float32)
    digest = hashlib.sha256(text + numbers.tobytes()).hexdigest()[:16]
    return directions * np.sign(np.diag(triangle)), frequencies, digest


def random_waves(features: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """(N, 2F) cos and sin of `features` (N, D), each brought to length 1, along `frequencies` (D, F), scaled so that
    the squares of a row sum to 1. Their products approximate Gaussian kernels. Rahimi & Recht 2007."""
    phases = unit_length(features) @ frequencies
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1) / np.sqrt(frequencies.shape[1])


def _blocks(n: int, seed: int) -> list[np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return np.array_split(order, max(1, min(BLOCKS, n // MIN_BLOCK)))


def _class_statistics(projected: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    names, sizes = np.unique(labels, return_counts=True)
    large = names[sizes >= MIN_CLASS]
    members = [projected[labels == name] for name in large]
    shape = (len(large), projected.shape[1])
    return {
        "classes": names,
        "class_sizes": sizes.astype(np.uint32),
        "large": large,
        "class_means": np.array([m.mean(axis=0) for m in members], dtype=np.float32).reshape(shape),
        "class_variances": np.array([m.var(axis=0) for m in members], dtype=np.float32).reshape(shape),
    }


def compare_moments(target: Moments, source: Moments, seed: int = 0) -> dict[str, Distance]:
    """Every distance that two fingerprints allow, by key of MEASURES. Two fingerprints of the same images: all 0.

    SimilarityError where they come from different encoders or versions.
    """
    if target.digest != source.digest:
        raise SimilarityError(
            "The two fingerprints were made with different versions, or with encoders of different width.",
            "Make both anew with this version and the same encoder.",
        )
    n, rng = (target.n, source.n), np.random.default_rng(seed)
    if _same_images(target, source):
        note = "Both fingerprints are of the same images."
        keys = ["mmd_rbf", "frechet_128", "cosine", "binned_kl", "class_aware_128"]
        return {key: Distance(0.0, 0.0, 0.0, 0.0, 0.0, n, "fingerprints", note) for key in keys}
    return {
        "mmd_rbf": _mmd(target, source),
        "frechet_128": _frechet(target, source, rng),
        "cosine": _without_interval("cosine", cosine_distance(target.center, source.center), n),
        "binned_kl": _binned(target, source, rng),
        "class_aware_128": _class_aware(target, source),
    }


def _same_images(target: Moments, source: Moments) -> bool:
    """Equal numbers of images with equal means and covariances, but for rounding; counts may have been left out."""
    pairs = [(target.center, source.center), (target.covariance, source.covariance)]
    return target.n == source.n and all(np.allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max()) for a, b in pairs)


def _mmd(target: Moments, source: Moments) -> Distance:
    """Value of all images; 95 % interval by leaving out one block at a time, of the target and of the source."""
    value, n = mmd(target, source), (target.n, source.n)
    if min(len(target.waves), len(source.waves)) < 2:
        note = f"No interval: it needs at least {2 * MIN_BLOCK} images in both sets."
        return Distance(value, 0.0, value, None, None, n, "fingerprints", note)
    variance = 0.0
    for left_out in ([(b, None) for b in range(len(target.waves))], [(None, b) for b in range(len(source.waves))]):
        values = np.array([mmd(target, source, *one) for one in left_out])
        variance += (len(values) - 1) * values.var()
    spread = 1.96 * float(np.sqrt(variance))
    return Distance(value, 0.0, value, value - spread, value + spread, n, "fingerprints")


def mmd(target: Moments, source: Moments, without: int | None = None, source_without: int | None = None) -> float:
    """Unbiased squared MMD of the kernel that the waves make, from block means; without one block of either."""
    (x, n), (y, m) = _summed(target, without), _summed(source, source_without)
    return float((x @ x - n) / (n * (n - 1)) + (y @ y - m) / (m * (m - 1)) - 2 * x @ y / (n * m))


def _summed(moments: Moments, without: int | None) -> tuple[np.ndarray, int]:
    """The sum of the waves over all images but those of one block, and how many these are."""
    sizes = moments.block_sizes.astype(np.float64)
    if without is not None:
        sizes[without] = 0
    return sizes @ moments.waves.astype(np.float64), int(sizes.sum())


def _frechet(target: Moments, source: Moments, rng: np.random.Generator) -> Distance:
    """Floor and interval from samples of the same sizes, drawn from normal distributions with these moments."""
    a, b = _normal(target), _normal(source)
    value = frechet_of_roots(a[0] - b[0], a[1], b[1])

    def again(one: tuple, n: int, other: tuple, m: int) -> float:
        (x, x_root), (y, y_root) = _resampled(*one, n, rng), _resampled(*other, m, rng)
        return frechet_of_roots(x - y, x_root, y_root)

    n, m = target.n, source.n
    floors = [(again(a, n, a, m) + again(b, n, b, m)) / 2 for _ in range(DRAWS)]
    spread = 1.96 * float(np.std([again(a, n, b, m) for _ in range(DRAWS)], ddof=1))
    floor = float(np.mean(floors))
    excess = value - floor
    note = f"Biased: {n:,} images against {m:,}. Floor and interval as if the features were normally distributed."
    return Distance(value, floor, excess, excess - spread, excess + spread, (n, m), "fingerprints", note)


def _normal(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and a root R (r, d) with R'R the covariance, without directions in which nothing varies."""
    values, vectors = np.linalg.eigh(moments.covariance.astype(np.float64))
    kept = values > 1e-7 * values[-1]  # float32: what is smaller is rounding
    return moments.mean.astype(np.float64), (vectors[:, kept] * np.sqrt(values[kept])).T


def _resampled(mean: np.ndarray, root: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and root of the covariance of a sample of n from a normal distribution (Bartlett's decomposition)."""
    r = len(root)
    if n <= r:
        drawn = rng.standard_normal((n, r))
        factor = (drawn - drawn.mean(axis=0)) / np.sqrt(n - 1)
    else:
        factor = np.triu(rng.standard_normal((r, r)), 1)
        factor[np.diag_indices(r)] = np.sqrt(rng.chisquare(n - 1 - np.arange(r)))
        factor /= np.sqrt(n - 1)
    return mean + rng.standard_normal(r) @ root / np.sqrt(n), factor @ root


def _binned(target: Moments, source: Moments, rng: np.random.Generator) -> Distance:
    """Floor: as many counts drawn from the histograms of both sets together."""
    value, n = binned_kl(target.counts, source.counts), (target.n, source.n)
    sizes = [
        moments.counts.sum(axis=1, dtype=np.int64) for moments in (target, source)
    ]  # n, but where small counts are left out
    pooled = target.counts / sizes[0].clip(1)[:, None] + source.counts / sizes[1].clip(1)[:, None] + 1e-12
    pooled /= pooled.sum(axis=1, keepdims=True)
    floors = [binned_kl(*(rng.multinomial(size, pooled) for size in sizes)) for _ in range(3)]  # a mean of D each
    floor = float(np.mean(floors))
    note = "No interval: a fingerprint does not hold how the features vary together over all bins."
    return Distance(value, floor, value - floor, None, None, n, "fingerprints", note)


def _without_interval(key: str, value: float, n: tuple[int, int]) -> Distance:
    return Distance(value, None, None, None, None, n, "fingerprints", "No floor and no interval: these need images.")


def _class_aware(target: Moments, source: Moments) -> Distance:
    n = (target.n, source.n)
    for name, moments in (("target", target), ("source", source)):
        if moments.large is None or len(moments.large) < 2:
            return unknown("class_aware_128", n, f"The {name}'s fingerprint has fewer than two large enough classes.")
    means = ((target.class_means[:, None].astype(np.float64) - source.class_means) ** 2).sum(axis=2)
    deviations = (np.sqrt(target.class_variances)[:, None].astype(np.float64) - np.sqrt(source.class_variances)) ** 2
    shares = [m.class_sizes[np.isin(m.classes, m.large)] for m in (target, source)]
    value = transport_cost(means + deviations.sum(axis=2), *(s / s.sum() for s in shares))
    return _without_interval("class_aware_128", value, n)
