"""Images of the target that are also among the samples of a source: equal pixels, or near-duplicates."""

from dataclasses import dataclass

import numpy as np

from core.images.listing import Listing
from core.images.near import compared_by, similar_among
from core.images.pixels import Pixels
from core.images.samples import Samples, look_at, looked_at

MOST_COMPARED = 5_000  # images of either side
TARGET, SOURCE = "target", "source"


@dataclass(frozen=True)
class Copy:
    """Rows of the target's listing and of the samples that show the same picture; `exact`: all with equal pixels."""

    target: tuple[int, ...]
    source: tuple[int, ...]
    exact: bool


def copies(
    listing: Listing, rows: np.ndarray, samples: Samples, sample_rows: np.ndarray
) -> tuple[tuple[Copy, ...], int, int]:
    """Copies between images `rows` of the target and `sample_rows` of the samples, and how many of either could be
    read. How alike near-duplicates must be is measured among all of them (`core.images.near`)."""
    ours = _read(rows, looked_at(Pixels(listing).__getitem__, rows, compared_by))
    theirs = _read(sample_rows, look_at(samples, sample_rows, compared_by))
    if not ours or not theirs:
        return (), len(ours), len(theirs)
    _, hashes, signatures, thumbnails = zip(*ours, *theirs, strict=True)
    sides = [TARGET] * len(ours) + [SOURCE] * len(theirs)
    found = []
    for same in similar_among(hashes, signatures, np.array(thumbnails), sides):
        if same.across_classes:
            target = tuple(ours[position][0] for position in same.rows if position < len(ours))
            source = tuple(theirs[position - len(ours)][0] for position in same.rows if position >= len(ours))
            found.append(Copy(target, source, same.exact))
    return tuple(found), len(ours), len(theirs)


def _read(rows: np.ndarray, seen: list) -> list[tuple]:
    """Of the rows that could be read, what was seen."""
    return [(row, *found) for row, found in zip(rows.tolist(), seen, strict=True) if isinstance(found, tuple)]
