"""How alike two sets of images look: a distance per feature, and two answers that are never merged.

All that is compared are histograms over fixed bins: statistics of a set, which can be kept and passed on without its
images. Distances run from 0, alike, to LARGEST, nothing in common.
"""

from dataclasses import dataclass

import numpy as np

from core.similarity.visual_glossary import BINS, FEATURES, GROUPS, RING_KEYS

FEWEST = 20  # images of a set that have a feature; below it its distance is unknown
LARGEST = 2.0  # of a distance in units of the standard deviation of both sets together
DRAWS = 200
PROFILE, PROFILE_SD, PROFILE_N = "profile_mean", "profile_sd", "profile_n"
_SEED = 0


@dataclass(frozen=True)
class Difference:
    """A distance, its error and 95 % interval, and the floor that two random halves of one set stay below in 95 of 100
    cases. All None where it is unknown; `note` says why, or what is missing in it."""

    value: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    note: str = ""

    @property
    def seen(self) -> bool:
        """Whether there is a difference that chance alone would not give."""
        return self.value is not None and self.value > self.floor


def counts_of(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is kept of the looks of N images: per feature a histogram, (BINS,) uint32, and of the radial power profile
    PROFILE and PROFILE_SD, (R,) float32, and PROFILE_N, (R,) uint32, the images that have each ring.

    `table` holds (N,) values of each of FEATURES and RING_KEYS, as `measure` gives them; NaN does not count. Mean and
    SD are NaN for rings that fewer than FEWEST images have.
    """
    rings = np.stack([table[key] for key in RING_KEYS])
    n = np.isfinite(rings).sum(1)
    rings = np.ma.masked_invalid(rings)
    mean, sd = (np.where(n >= FEWEST, np.ma.filled(found, np.nan), np.nan) for found in (rings.mean(1), rings.std(1)))
    return {
        **{key: _histogram(key, np.asarray(table[key])) for key in FEATURES},
        PROFILE: mean.astype(np.float32),
        PROFILE_SD: sd.astype(np.float32),
        PROFILE_N: n.astype(np.uint32),
    }


def _histogram(key: str, values: np.ndarray) -> np.ndarray:
    edges = FEATURES[key].edges
    inside = values[np.isfinite(values)].clip(edges[0], edges[-1])
    return np.histogram(inside, edges)[0].astype(np.uint32)


def median(key: str, counts: np.ndarray) -> float:
    """Median of a feature, to half a bin; NaN without values."""
    if not counts.any():
        return np.nan
    edges, cumulative = FEATURES[key].edges, counts.cumsum()
    at = np.searchsorted(cumulative, cumulative[-1] / 2)
    return float(edges[at : at + 2].mean())


def compare(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, Difference]:
    """The distance of two sets in each feature, from what `counts_of` gave of each.

    It is the Wasserstein distance of order 1 in units of the standard deviation of both sets together, each with the
    same weight (on a logarithmic axis for features that have one), so that 2 is the most it can be.
    As that is a metric, the distance of the sets that these images were drawn from is off by at most the distances of
    each sample from its own set: `error` is the 95 % quantile of what they come to in DRAWS redraws of both histograms.
    `floor` is that of the distance between two random parts, of the same sizes, of all images together.
    Unknown where fewer than FEWEST images of either set have the feature.
    """
    return {key: _difference(a[key].astype(np.int64), b[key].astype(np.int64)) for key in FEATURES}


def _difference(a: np.ndarray, b: np.ndarray) -> Difference:
    n_a, n_b = int(a.sum()), int(b.sum())
    if min(n_a, n_b) < FEWEST:
        return Difference(note=f"fewer than {FEWEST} images have it ({n_a} and {n_b})")
    share_a, share_b = a / n_a, b / n_b
    spread = _spread((share_a + share_b) / 2)
    if spread == 0:
        return Difference(0.0, 0.0, 0.0, 0.0, 0.0)
    rng = np.random.default_rng(_SEED)
    value = float(_distance(share_a, share_b)) / spread
    redrawn = [_distance(rng.multinomial(n, share, DRAWS) / n, share) for n, share in ((n_a, share_a), (n_b, share_b))]
    parts = rng.multivariate_hypergeometric(a + b, n_a, DRAWS, method="marginals")
    by_chance = _distance(parts / n_a, (a + b - parts) / n_b)
    error, floor = (float(np.quantile(found, 0.95)) / spread for found in (sum(redrawn), by_chance))
    return _with_interval(value, error, floor)


def _with_interval(value: float, error: float, floor: float, note: str = "") -> Difference:
    return Difference(value, error, max(0.0, value - error), min(value + error, LARGEST), floor, note)


def _distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Wasserstein distance of order 1, in bins, of shares (..., BINS)."""
    return np.abs(np.cumsum(p - q, axis=-1)).sum(-1)


def _spread(share: np.ndarray) -> float:
    """Standard deviation, in bins."""
    position = np.arange(BINS)
    mean = share @ position
    return float(np.sqrt(max(0.0, share @ (position - mean) ** 2)))


def answers(differences: dict[str, Difference]) -> dict[str, Difference]:
    """Per group of GROUPS the mean of the distances of its features; those that are unknown are left out and named.

    Error and floor are the means of those of the features: as if chance moved all of them the same way at once, which
    makes them rather too wide than too narrow, because histograms do not tell how features go together.
    """
    return {group: _answer({key: differences[key] for key in keys_in(group)}) for group in GROUPS}


def keys_in(group: str) -> list[str]:
    return [key for key, feature in FEATURES.items() if feature.group == group]


def _answer(differences: dict[str, Difference]) -> Difference:
    known = [difference for difference in differences.values() if difference.value is not None]
    unknown = [FEATURES[key].name for key, difference in differences.items() if difference.value is None]
    if not known:
        return Difference(note=f"fewer than {FEWEST} images")
    value, error, floor = (float(np.mean([getattr(d, name) for d in known])) for name in ("value", "error", "floor"))
    return _with_interval(value, error, floor, _left_out(unknown))


def _left_out(names: list[str]) -> str:
    return f"without {', '.join(names).lower()} (fewer than {FEWEST} images have it)" if names else ""
