"""Which images change places: permutations, half samples and bootstraps that respect groups and label shares."""

import numpy as np


def shuffles(columns: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, N) rows `source` such that `columns[source]` are permuted labels.

    Where every group has one label row, the rows change places between whole groups. Otherwise the rows are dealt out
    again group by group in a random order of the groups, so that rows of one group stay together as far as possible.
    Without groups (every image its own) both are a plain permutation.
    """
    by_group = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[by_group], prepend=-1))
    sources = np.empty((count, len(groups)), dtype=np.int64)
    if (columns == columns[by_group[starts]][groups]).all():
        for source in sources:
            source[:] = by_group[starts][rng.permutation(len(starts))][groups]
        return sources
    blocks = np.split(by_group, starts[1:])
    for source in sources:
        source[by_group] = np.concatenate([blocks[g] for g in rng.permutation(len(blocks))])
    return sources


def shuffles_within(
    folds: np.ndarray, columns: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """(count, N) rows `source` as of `shuffles`, in which labels change places within folds (N,) only.

    Folds are stratified by label. Labels that leave their fold would not be, and out-of-fold scores of such labels lie
    below chance, because a fold that has more of a class leaves fewer to learn from: noise would look significant.
    """
    sources = np.empty((count, len(folds)), dtype=np.int64)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        numbered = np.unique(groups[rows], return_inverse=True)[1]
        sources[:, rows] = rows[shuffles(columns[rows], numbered, count, rng)]
    return sources


def stratified_groups(columns: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The groups in a random order of which every beginning has about the label shares of the whole."""
    n_groups = groups.max() + 1
    pattern = np.zeros((n_groups, columns.shape[1]), dtype=np.int64)
    np.maximum.at(pattern, groups, columns)
    stratum = np.unique(pattern, axis=0, return_inverse=True)[1].reshape(-1)
    order = rng.permutation(n_groups)
    order = order[np.argsort(stratum[order], kind="stable")]
    sizes = np.bincount(stratum)
    rank = np.arange(n_groups) - (np.cumsum(sizes) - sizes)[stratum[order]]
    place = (rank + rng.random(len(sizes))[stratum[order]]) / sizes[stratum[order]]
    return order[np.argsort(place, kind="stable")]


def stratified_subset(columns: np.ndarray, groups: np.ndarray, max_images: int, rng: np.random.Generator) -> np.ndarray:
    """Sorted indices of whole groups, stratified by label, with at most `max_images` images (at least one group)."""
    order = stratified_groups(columns, groups, rng)
    filled = np.cumsum(np.bincount(groups)[order])
    chosen = order[: max(1, int(np.searchsorted(filled, max_images, side="right")))]
    return np.flatnonzero(np.isin(groups, chosen))


def half_samples(
    columns: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator, max_images: int | None = None
) -> tuple[list[np.ndarray], float]:
    """`count` samples of half the groups (fewer above `max_images`), and the share m / n of groups that one holds."""
    n_groups = int(groups.max()) + 1
    half = n_groups // 2
    if half == 0:
        return [], 0.0
    if max_images is not None:
        half = min(half, max(1, int(max_images * n_groups / len(groups))))
    samples = []
    for _ in range(count):
        chosen = stratified_groups(columns, groups, rng)[:half]
        samples.append(np.flatnonzero(np.isin(groups, chosen)))
    return samples, half / n_groups


def subsampled_interval(
    value: float, resampled: list[float], share: float, lowest: float = -np.inf, highest: float = np.inf
) -> tuple[float | None, float | None]:
    """95 % interval around `value` from scores on samples without replacement of `share` = m / n of the units.

    The variance of a sample of m is that of n units times n / m * (1 - m / n), hence the factor sqrt(m / (n - m)).
    The interval ends at `lowest` and `highest`, the range of the score.
    """
    if len(resampled) < 3:
        return None, None
    half_width = 1.96 * float(np.std(resampled, ddof=1)) * np.sqrt(share / (1 - share))
    return max(lowest, value - half_width), min(highest, value + half_width)


def bootstrap_weights(groups: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(N, count): how often each image occurs when whole groups are drawn with replacement."""
    n_groups = int(groups.max()) + 1
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=count).T[groups]
