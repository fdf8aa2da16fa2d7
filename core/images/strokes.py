"""Thin bright strokes and the pieces they fall into: numpy only, for the process that draws pages loads no SciPy."""

import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom

STANDS_OUT = 80  # grey levels over the surroundings
_MOST_RUNS = 3000  # more thin bright pieces than this are texture


def thin_bright(grey: np.ndarray, size: int, bright: int = 150, stands_out: int = STANDS_OUT) -> np.ndarray:
    """(H, W) bool: what a morphological opening with a size x size square removes (white top hat; Serra 1982).

    Only where it is as bright as `bright` and stands out by as many grey levels as `stands_out`.
    """
    opened = sliding(sliding(grey, size, np.minimum), size, np.maximum)
    return (grey >= bright) & (grey.astype(np.int16) - opened >= stands_out)


def sliding(values: np.ndarray, size: int, pick: np.ufunc) -> np.ndarray:
    """Smallest or largest value of the size x size square around each pixel, along one axis after the other."""
    for _ in range(2):
        padded = np.pad(values, ((size // 2, size // 2), (0, 0)), mode="edge")
        reach = 1
        while reach < size:  # windows double until they are wide enough
            step = min(reach, size - reach)
            padded = pick(padded[:-step], padded[step:])
            reach += step
        values = padded.T
    return values


def connected(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) of the connected pieces (8 neighbours); [] where there are too many."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    if len(rows) > _MOST_RUNS:
        return []
    boxes, above = [], []  # a box per piece; runs of the line above as (start, end, piece)
    parent: list[int] = []

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    line, here = -1, []
    for y, x0, x1 in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if y != line:
            above, here = (here if y == line + 1 else []), []
            line = y
        touching = {root(piece) for s, e, piece in above if s <= x1 and e >= x0}
        piece = min(touching, default=len(boxes))
        if not touching:
            boxes.append([x0, y, x1, y + 1])
            parent.append(piece)
        for other in [*touching, piece]:
            parent[other] = piece
            a, b = boxes[piece], boxes[other]
            boxes[piece] = [min(a[0], b[0], x0), min(a[1], b[1]), max(a[2], b[2], x1), y + 1]
        here.append((x0, x1, piece))
    return [tuple(box) for i, box in enumerate(boxes) if parent[i] == i]
