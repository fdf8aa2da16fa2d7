"""Which images may be used: the training part, a locked test part, a sample, folds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import TargetError
from core.images.listing import Listing, counted
from core.target import TargetTask

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Part:
    """The images that scores are computed on: `indices` (n,) into the listing, readable ones only."""

    indices: np.ndarray
    name: str
    hash: str
    locked: bool  # a test part is kept out


def splits_of(task: TargetTask, listing: Listing) -> np.ndarray | None:
    """Per image "train", "val" or "test", from given splits and the locked test part; None without either."""
    if listing.splits is None and not task.test_part:
        return None
    given = listing.splits if listing.splits is not None else ("train",) * len(listing)
    locked = set(task.test_part)
    together = zip(listing.ids, given, strict=True)
    return np.array(["test" if id_ in locked else split for id_, split in together], dtype=object)


def training_part(task: TargetTask, listing: Listing, index: pd.DataFrame) -> Part:
    """The images with split "train" where splits are given, else all that are not in `task.test_part`.

    The hash covers ids and pixels of the part and nothing else: labels, groups and test images do not enter.
    """
    splits = splits_of(task, listing)
    wanted = _readable(listing, index) & (True if splits is None else splits == "train")
    indices = np.flatnonzero(wanted)
    if len(indices) == 0:
        raise TargetError("No readable image is left in the training part.", "Check the images and the splits.")
    name = (
        "training part: given split" if listing.splits is not None
        else "training part: test part locked" if task.test_part
        else "all images: no test part"
    )  # fmt: skip
    lines = sorted(f"{index['pixel_hash'].iat[i]} {listing.ids[i]}" for i in indices)
    return Part(
        indices=indices,
        name=name,
        hash=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        locked=splits is not None and bool((splits == "test").any()),
    )


def _readable(listing: Listing, index: pd.DataFrame) -> np.ndarray:
    if tuple(index["id"]) != listing.ids:
        raise ValueError("the index was made from another listing")
    return (index["error"] == "").to_numpy()


def draw_sample(part: Part, index: pd.DataFrame, max_images: int | None, seed: int) -> np.ndarray:
    """(n,) listing indices: at most `max_images`, in an order that only pixels, ids and the seed decide."""
    ids, hashes = index["id"].to_numpy(), index["pixel_hash"].to_numpy()
    keys = [hashlib.sha256(f"{hashes[i]} {ids[i]} {seed}".encode()).digest() for i in part.indices]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return part.indices[order[:max_images]]


def effective_groups(listing: Listing, index: pd.DataFrame, indices: np.ndarray) -> np.ndarray:
    """(n,) int64 group per image of `indices`: given groups, else each alone; equal pixels share one."""
    hashes = pd.factorize(index["pixel_hash"].to_numpy()[indices])[0]
    if listing.groups is None:
        return hashes.astype(np.int64)
    given = pd.factorize(np.array(listing.groups, dtype=object)[indices])[0]
    groups = given
    while True:  # the smallest group number spreads over equal pixels and back over the given group
        merged = _smallest_within(_smallest_within(groups, hashes), given)
        if (merged == groups).all():
            return pd.factorize(groups)[0].astype(np.int64)
        groups = merged


def _smallest_within(values: np.ndarray, sets: np.ndarray) -> np.ndarray:
    smallest = np.full(sets.max(initial=-1) + 1, len(values))
    np.minimum.at(smallest, sets, values)
    return smallest[sets]


def stratified_group_folds(label_matrix: np.ndarray, groups: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(N,) int64 fold of each image, 0..k-1; no group is split, and labels and sizes are spread evenly.

    `label_matrix` (N, K) 0/1, `groups` (N,) ints. Each label counts on its own, rare ones most, in the
    spirit of iterative stratification (Sechidis et al. 2011). TargetError when groups are fewer than folds.
    """
    n_groups = len(np.unique(groups))
    if n_groups < k:
        raise TargetError(
            f"{counted(n_groups, 'group')} cannot be spread over {k} folds.",
            "Add images of more patients, or check the group column or pattern.",
        )
    return _deal_groups(label_matrix, groups, np.full(k, 1 / k), seed)


def propose_test_part(listing: Listing, index: pd.DataFrame, fraction: float = 0.2, seed: int = 0) -> tuple[str, ...]:
    """Ids of a stratified test part of about `fraction`; groups and exact duplicates stay together.

    Where splits are given (without a test split), it is taken from the images with split "train".
    """
    usable = _readable(listing, index)
    if listing.splits is not None:
        usable = usable & (np.array(listing.splits, dtype=object) == "train")
    indices = np.flatnonzero(usable)
    matrix = _class_matrix(listing.labels[indices], len(listing.class_names))
    groups = effective_groups(listing, index, indices)
    side = _deal_groups(matrix, groups, np.array([1 - fraction, fraction]), seed)
    return tuple(sorted(listing.ids[i] for i in indices[side == 1]))


def _class_matrix(labels: np.ndarray, n_classes: int) -> np.ndarray:
    return labels if labels.ndim == 2 else (labels[:, None] == np.arange(n_classes)).astype(np.int64)


def _deal_groups(label_matrix: np.ndarray, groups: np.ndarray, shares: Sequence[float], seed: int) -> np.ndarray:
    """(N,) int64 number of the share that each image falls into.

    One group after the other, the weightiest first, goes where the squared relative deviation from the
    shares grows least: with counts T_f in share p_f and the group's counts v, where w v (2 T_f + v) / p_f is
    smallest.
    """
    names, position = np.unique(groups, return_inverse=True)
    matrix = np.asarray(label_matrix, dtype=np.float64)
    columns = np.hstack([matrix, 1 - matrix, np.ones((len(matrix), 1))])
    counts = np.zeros((len(names), columns.shape[1]))
    np.add.at(counts, position, columns)
    totals = counts.sum(0)
    weights = np.divide(1, totals**2, out=np.zeros_like(totals), where=totals > 0)
    order = np.random.default_rng(seed).permutation(len(names))  # decides among equals
    order = order[np.argsort(-(counts @ weights)[order], kind="stable")]

    inverse_shares = 1 / np.asarray(shares)
    filled = np.zeros((len(inverse_shares), columns.shape[1]))
    share_of = np.empty(len(names), dtype=np.int64)
    for group in order:
        weighted = weights * counts[group]
        growth = (filled @ weighted * 2 + weighted @ counts[group]) * inverse_shares
        share_of[group] = growth.round(12).argmin()  # rounded: ties break alike on every machine
        filled[share_of[group]] += counts[group]
    return share_of[position]
