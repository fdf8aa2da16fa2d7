"""Near-duplicates: images that show the same picture, resized, re-encoded or with other brightness.

Two looks. A 128-bit signature per image (in the image index) finds candidates among all pairs; then the pixels of each
candidate pair are compared, because smooth radiographs have alike signatures without being the same image. How alike
they must be depends on the collection: where all images are alike, as those of one template are, it is more.

`python -m tests.benchmarks.near --images 420` changes images in known ways. Of 420 chest X-rays (nih_cxr) and 780
natural images, at least 96 % of the copies that were re-encoded, resized, brightened, darkened, flattened or lettered
are found, 51 to 92 % of those cropped by 2 %, 33 to 81 % of those turned by one degree, and hardly any that were
cropped, turned or mirrored further. None of 240,600 pairs of different images is taken for a copy.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from core.images.index import pixel_hash
from core.images.listing import Listing
from core.images.parts import splits_of, training_part
from core.images.pixels import Pixels, PixelsError
from core.images.signature import shrunk, signature
from core.settings import home
from core.target import TargetTask

VERSION = 2  # of the signature and the thresholds: another one finds everything anew
# Measured on small copies of public sets (short side 224 px); "detail" is the correlation of what a 9 x 9 mean of a
# 64 px thumbnail leaves out:
# - chest X-rays (780): four images that occur in both sets (.999 and more), one repeated exam (.91); the next pair has
#   .73, though the plain correlation of strangers reaches .97 and hundreds of strangers' hashes are as near;
# - brain MRI (480): 33 pairs from .85 up (`notumor` 0028 and 0105: .998, hashes 0 and 1 bit apart), then
#   no gap: neighbouring slices of a patient become less alike step by step;
# - breast ultrasound (360): 28 pairs from .85 up, two of them across classes.
# No pair with a detail of .85 or more had hashes more than 10 bits apart, so the radius loses none of them.
RADIUS = 10  # of 64 bits, in both halves of the signature
DETAIL_ALIKE = 0.85  # at least
DETAIL_EQUAL = 0.95  # is always enough: in a folder of one film, images in general are near-duplicates
FAR_OUT = 6  # robust standard deviations from the images of the collection in general
STRANGERS = 200  # images of a collection by which "in general" is measured; with fewer than FEWEST it is not
FEWEST = 30
ALIKE = 0.9
MOST_CANDIDATES = 20  # per image: a thousand frames of one film are one group all the same
SIDE = 64  # of the thumbnails that are compared
_BLOCK = 256


def candidate_pairs(signatures: Sequence[str], radius: int = RADIUS, most: int = MOST_CANDIDATES) -> np.ndarray:
    """(P, 2) positions i < j whose signatures differ in at most `radius` bits in both halves; at most `most` per i.

    Where more than `most` images share one signature, those beyond are compared with their neighbours in it only.
    """
    texts = np.array([text or "" for text in signatures], dtype=str)
    there = np.flatnonzero(texts != "")
    names = np.unique(texts[there], return_inverse=True)[1]
    order = np.argsort(names, kind="stable")
    rank = np.empty(len(there), dtype=np.int64)
    rank[order] = np.arange(len(there)) - np.searchsorted(names[order], names[order])
    beyond = np.flatnonzero((rank[order] >= most) & (rank[order] > 0))
    chained = np.concatenate([np.stack([order[beyond - step], order[beyond]], axis=1) for step in (1, 2, 3)])
    compared = np.flatnonzero(rank < most)
    pairs = np.concatenate([compared[_near_words(texts[there[compared]], radius, most)], chained])
    return there[pairs]


def _near_words(texts: np.ndarray, radius: int, most: int) -> np.ndarray:
    """(P, 2) positions i < j of signatures within the radius, the `most` nearest of each i."""
    words = np.frombuffer(b"".join(bytes.fromhex(text) for text in texts), dtype=np.uint64).reshape(-1, 2)
    waves, steps = words.T.copy()
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(words), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(words)))
        i, j = np.nonzero(np.bitwise_count(waves[rows, None] ^ waves[None, start:]) <= radius)
        i, j = (i + start)[j > i], (j + start)[j > i]
        close = np.bitwise_count(steps[i] ^ steps[j]) <= radius
        i, j = i[close], j[close]
        distance = np.bitwise_count(waves[i] ^ waves[j]).astype(int) + np.bitwise_count(steps[i] ^ steps[j])
        order = np.lexsort((j, distance, i))
        i, j = i[order], j[order]
        pairs.append(np.stack([i, j], axis=1)[np.arange(len(i)) - np.searchsorted(i, i) < most])
    return np.concatenate(pairs)


def near_pairs(listing: Listing, index: pd.DataFrame, indices: np.ndarray) -> np.ndarray:
    """(P, 2) listing indices of near-duplicates among `indices`, one image for each distinct content.

    Images with equal pixels count once. What was found for the same pixels before is taken from a file in the data
    folder; the order of the images does not matter. Images that cannot be read (any more) are left out.
    """
    rows = indices[(index["error"].to_numpy()[indices] == "")]
    hashes, first = np.unique(index["pixel_hash"].to_numpy()[rows].astype(str), return_index=True)
    rows = rows[first]
    known = home() / "similar" / f"{_digest(hashes)}.json"
    with suppress(OSError, ValueError):
        return rows[np.array(json.loads(known.read_text()), dtype=np.int64).reshape(-1, 2)]
    candidates = candidate_pairs(index["signature"].to_numpy()[rows])
    pairs = candidates[_alike(Pixels(listing), rows, candidates)]
    with suppress(OSError):  # a full disk: they are found again next time
        known.parent.mkdir(exist_ok=True)
        part = known.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(pairs.tolist()))
        os.replace(part, known)
    return rows[pairs]


def _digest(hashes: np.ndarray) -> str:
    return hashlib.sha256(f"{VERSION} {' '.join(hashes)}".encode()).hexdigest()[:32]


def _alike(pixels: Pixels, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(P,) bool: the second look, at the pixels of each candidate pair."""
    if not len(candidates):
        return np.zeros(0, dtype=bool)
    needed, position = np.unique(candidates, return_inverse=True)
    some = np.random.default_rng(0).permutation(len(rows))[:STRANGERS]
    least = detail_needed(_thumbnails(pixels, rows[some]))
    return _confirmed(_thumbnails(pixels, rows[needed]), position.reshape(-1, 2), least)


def _confirmed(thumbnails: np.ndarray, pairs: np.ndarray, least: float) -> np.ndarray:
    """(P,) bool: which `pairs` (P, 2) of `thumbnails` (N, SIDE, SIDE) are alike, their details at least by `least`."""
    same = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(same), _BLOCK):
        left, right = pairs[start : start + _BLOCK].T
        plain, detail = correlations(thumbnails[left], thumbnails[right])
        same[start : start + _BLOCK] = (plain >= ALIKE) & (detail >= least)
    return same


def detail_needed(thumbnails: np.ndarray) -> float:
    """How alike the details of near-duplicates must be among images such as `thumbnails` (N, SIDE, SIDE), uint8.

    FAR_OUT robust standard deviations (1.4826 times the median deviation) above the median of all pairs, in Fisher's z;
    at least DETAIL_ALIKE and at most DETAIL_EQUAL.
    """
    if len(thumbnails) < FEWEST:
        return DETAIL_ALIKE
    details = _details(thumbnails.astype(np.float32)).reshape(len(thumbnails), -1)
    details -= details.mean(axis=1, keepdims=True)
    details /= np.linalg.norm(details, axis=1, keepdims=True).clip(1)
    z = np.arctanh((details @ details.T)[np.triu_indices(len(details), k=1)].clip(-0.999, 0.999))
    middle = np.median(z)
    far = np.tanh(middle + FAR_OUT * 1.4826 * np.median(abs(z - middle)))
    return min(max(float(far), DETAIL_ALIKE), DETAIL_EQUAL)


def _thumbnails(pixels: Pixels, rows: np.ndarray) -> np.ndarray:
    """(N, SIDE, SIDE) uint8."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return np.array(list(pool.map(lambda row: _thumbnail(pixels, row), rows)), dtype=np.uint8)


def _thumbnail(pixels: Pixels, row: int) -> np.ndarray:
    try:
        return np.asarray(shrunk(pixels[row], SIDE))
    except PixelsError:  # gone or changed since it was indexed
        return np.zeros((SIDE, SIDE), dtype=np.uint8)


def correlations(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlations (P,) of thumbnails (P, SIDE, SIDE) and of their details, which a 9 x 9 mean leaves out."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    return _correlation(a, b), _correlation(_details(a), _details(b))


def _details(thumbnails: np.ndarray) -> np.ndarray:
    mean = _mean_of_nine()
    return thumbnails - mean @ thumbnails @ mean.T


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (x - x.mean(axis=(1, 2), keepdims=True) for x in (a, b))
    product, squares = (a * b).sum((1, 2)), (a * a).sum((1, 2)) * (b * b).sum((1, 2))
    return product / np.sqrt(squares.clip(1))


@cache
def _mean_of_nine() -> np.ndarray:
    """(SIDE, SIDE): the mean of nine neighbours, the outermost repeated."""
    near = (np.arange(SIDE)[:, None] + np.arange(-4, 5)).clip(0, SIDE - 1)
    return np.eye(SIDE, dtype=np.float32)[near].mean(1)


def with_similar_groups(task: TargetTask, listing: Listing, index: pd.DataFrame) -> Listing:
    """`listing` with near-duplicates of the training part in one group, where the task asks for it.

    Groups that were known are merged, never split. Only images of the training part are compared: test images
    change nothing, and near-duplicates of a training image among them are reported, not grouped.
    """
    if not task.group_similar:
        return listing
    groups = np.array(listing.ids if listing.groups is None else listing.groups, dtype=object)
    pairs = near_pairs(listing, index, training_part(task, listing, index).indices)
    numbers = pd.factorize(groups)[0]
    merged = _components(int(numbers.max()) + 1, numbers[pairs])
    names = pd.unique(groups)
    return replace(listing, groups=tuple(names[merged[numbers]]))


def _components(n: int, pairs: np.ndarray) -> np.ndarray:
    """(n,) the smallest member of what `pairs` (P, 2) connect each of n things with."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs.tolist():
        a, b = sorted((root(i), root(j)))
        parent[b] = a
    return np.array([root(i) for i in range(n)], dtype=np.int64)


@dataclass(frozen=True)
class SimilarSet:
    """Images that are equal or near-duplicates of each other, directly or by way of others in the set."""

    rows: tuple[int, ...]  # into the listing
    exact: bool  # all have equal pixels
    across_classes: bool
    across_splits: bool


def similar_sets(task: TargetTask, listing: Listing, index: pd.DataFrame) -> tuple[SimilarSet, ...]:
    """All sets of two or more, those across splits and classes first; every readable image is compared."""
    readable = np.flatnonzero((index["error"] == "").to_numpy())
    contents = pd.factorize(index["pixel_hash"].to_numpy()[readable])[0]
    number = np.full(len(listing), -1)
    number[readable] = contents
    pairs = number[near_pairs(listing, index, readable)]
    component = _components(int(contents.max(initial=-1)) + 1, pairs)[contents]
    splits = splits_of(task, listing)
    labels = pd.factorize(pd.Series(listing.labels.tolist()).astype(str))[0]
    table = pd.DataFrame({"row": readable, "set": component, "content": contents, "label": labels[readable]})
    table["split"] = "all" if splits is None else splits[readable]
    return _sets(table)


def compared_by(values: np.ndarray) -> tuple[str, str, np.ndarray]:
    """What `similar_among` takes of an image, uint8 (H, W) or (H, W, 3): pixel hash, signature and thumbnail."""
    return pixel_hash(values), signature(values), np.asarray(shrunk(values, SIDE))


def similar_among(
    hashes: Sequence[str], signatures: Sequence[str], thumbnails: np.ndarray, labels: Sequence[str]
) -> tuple[SimilarSet, ...]:
    """`similar_sets` of N images that were looked at already: pixel hashes, signatures, `thumbnails`
    (N, SIDE, SIDE) uint8 as `shrunk` gives them, and classes. `rows` of a set are positions among the N."""
    _, first, contents = np.unique(np.array(hashes, dtype=str), return_index=True, return_inverse=True)
    thumbnails = thumbnails[first]
    pairs = candidate_pairs(np.array(signatures, dtype=str)[first])
    some = np.random.default_rng(0).permutation(len(first))[:STRANGERS]
    pairs = pairs[_confirmed(thumbnails, pairs, detail_needed(thumbnails[some]))]
    component = _components(len(first), pairs)[contents]
    rows = np.arange(len(hashes))
    return _sets(pd.DataFrame({"row": rows, "set": component, "content": contents, "label": labels, "split": "all"}))


def _sets(table: pd.DataFrame) -> tuple[SimilarSet, ...]:
    """The sets of two or more of a table with `row`, `set`, `content`, `label` and `split`."""
    table = table[table["set"].duplicated(keep=False)]
    sets = [
        SimilarSet(
            tuple(same["row"].tolist()),
            same["content"].nunique() == 1,
            same["label"].nunique() > 1,
            same["split"].nunique() > 1,
        )
        for _, same in table.groupby("set", sort=False)
    ]
    return tuple(sorted(sets, key=lambda same: (-same.across_classes - same.across_splits, same.rows)))
