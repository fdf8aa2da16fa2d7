"""Marks on an image that are no anatomy: borders, letters near the edge, callipers, colour on grey.

Each detector is a rule that can be read, and misses what the rule does not say: dark letters, letters over bright
tissue, marks of fewer than three pixels, and anything in images smaller than SMALLEST pixels.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

SMALLEST = 64  # the shorter side
LARGEST = 512  # the longer side of what is looked at
ZONE = 0.18  # of a side: what counts as near the edge
GRID = 64
_BRIGHT = 150
_STANDS_OUT = 80  # grey levels over the surroundings
_FLAT = 10  # grey levels
_UNEVEN = 25  # standard deviation of the grey levels behind a letter in a line of letters
_EVEN = 12  # behind a single letter: bone rims and fascia in front of tissue vary more
_MOST_RUNS = 3000  # more thin bright pieces than this are texture


@dataclass(frozen=True, eq=False)
class Marks:
    """What was found. `boxes` are (left, top, right, bottom) of letters and callipers, in shares of the sides."""

    border: bool
    letter: bool  # a bright, thin, isolated mark near the edge, such as the L of a radiograph
    text: bool  # three or more of them in a line
    calliper: bool  # two or more small crosses
    tint: bool  # saturated colour on an image that is grey
    strokes: np.ndarray  # (GRID, GRID) bool: where thin bright marks near the edge are
    boxes: tuple[tuple[float, float, float, float], ...]


def find_marks(values: np.ndarray) -> Marks:
    """The marks on `values`, uint8 (H, W) or (H, W, 3)."""
    image = Image.fromarray(values)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    grey = np.asarray(image.convert("L"))
    border = has_border(grey)
    tint = values.ndim == 3 and has_tint(np.asarray(image))
    if min(grey.shape) < SMALLEST:
        return Marks(border, False, False, False, tint, np.zeros((GRID, GRID), dtype=bool), ())
    strokes = thin_bright(grey)
    pieces = connected(strokes)
    letters = [box for box in pieces if _is_letter(box, strokes, grey)]
    line = in_line(letters)
    letters = [box for box in letters if box in line or _stands_alone(box, strokes, grey)]
    crosses = [box for box in pieces if _is_cross(strokes[box[1] : box[3], box[0] : box[2]])]
    height, width = grey.shape
    shown = dict.fromkeys([*line, *letters[:10], *(crosses if len(crosses) > 1 else [])])
    return Marks(
        border=border,
        letter=bool(letters),
        text=bool(line),
        calliper=len(crosses) > 1,
        tint=tint,
        strokes=_on_grid(letters, strokes),
        boxes=tuple((x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in shown),
    )


def has_border(grey: np.ndarray, least: float = 0.03) -> bool:
    """Whether a strip of one shade, at least `least` of the side wide, runs along a whole edge."""
    for lines in (grey, grey[::-1], grey.T, grey.T[::-1]):
        n = max(2, round(least * len(lines)))
        strip = lines[:n].astype(np.int16)
        if np.percentile(strip, 99) - np.percentile(strip, 1) <= _FLAT and lines.std() > _FLAT:
            return True
    return False


def has_tint(rgb: np.ndarray) -> bool:
    """Whether some pixels have a strong colour on an image that is otherwise grey."""
    spread = rgb.max(axis=2).astype(np.int16) - rgb.min(axis=2)
    return bool((spread <= 24).mean() >= 0.9 and (spread >= 90).sum() >= max(8, 0.0003 * spread.size))


def thin_bright(grey: np.ndarray) -> np.ndarray:
    """(H, W) bool: bright pixels that a morphological opening removes (white top hat; Serra 1982)."""
    size = max(5, round(max(grey.shape) / 40) * 2 + 1)
    opened = _sliding(_sliding(grey, size, np.minimum), size, np.maximum)
    return (grey >= _BRIGHT) & (grey.astype(np.int16) - opened >= _STANDS_OUT)


def _sliding(values: np.ndarray, size: int, pick: np.ufunc) -> np.ndarray:
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


def _is_letter(box: tuple[int, int, int, int], strokes: np.ndarray, grey: np.ndarray) -> bool:
    """Near the edge, of a letter's size, on a background that is even and clearly darker."""
    x0, y0, x1, y1 = box
    height, width = grey.shape
    side = max(height, width)
    if not (3 <= y1 - y0 <= side / 10 and 1 <= x1 - x0 <= side / 10 and (x1 - x0) * (y1 - y0) >= 6):
        return False
    x, y = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height
    if min(x, 1 - x, y, 1 - y) > ZONE or x0 == 0 or y0 == 0 or x1 == width or y1 == height:
        return False
    return _background_spread(box, strokes, grey) <= _UNEVEN


def _stands_alone(box: tuple[int, int, int, int], strokes: np.ndarray, grey: np.ndarray) -> bool:
    """A single letter must look more like one than a letter in a line: not flat and long, hardly any tissue around."""
    x0, y0, x1, y1 = box
    upright = y1 - y0 >= 5 and (y1 - y0) / 4 <= x1 - x0 <= 1.3 * (y1 - y0)
    return upright and _background_spread(box, strokes, grey) <= _EVEN


def _background_spread(box: tuple[int, int, int, int], strokes: np.ndarray, grey: np.ndarray) -> float:
    """Standard deviation of what is around and between the strokes; infinite where it is not clearly darker."""
    x0, y0, x1, y1 = box
    pad = 3
    around = (slice(max(0, y0 - pad), y1 + pad), slice(max(0, x0 - pad), x1 + pad))
    marked = _sliding(strokes[around], 3, np.maximum)
    ground, ink = grey[around][~marked], grey[y0:y1, x0:x1][strokes[y0:y1, x0:x1]]
    if len(ground) < 8 or ink.mean() - ground.mean() < _STANDS_OUT:
        return float("inf")
    return float(ground.std())


def _is_cross(piece: np.ndarray) -> bool:
    """A plus or an x: arms of full length through the middle, little between them."""
    height, width = piece.shape
    if not (5 <= height <= 25 and 5 <= width <= 25 and abs(height - width) <= max(1, 0.2 * width)):
        return False
    y, x = np.mgrid[:height, :width]
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    thick = max(1.0, 0.14 * width)
    plus = (abs(y) <= thick / 2 + 0.5) | (abs(x) <= thick / 2 + 0.5)
    times = (abs(y - x) <= thick) | (abs(y + x) <= thick)
    for arms, core in ((plus, (abs(y) <= 0.5) | (abs(x) <= 0.5)), (times, (abs(y - x) < 0.75) | (abs(y + x) < 0.75))):
        if core.any() and (~arms).any() and piece[core].mean() >= 0.85 and piece[~arms].mean() <= 0.1:
            return True
    return False


def in_line(letters: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """The first three or more boxes of one height that follow each other from left to right; [] without."""
    for first in sorted(letters):
        line = [first]
        for box in sorted(letters):
            last, tall = line[-1], line[-1][3] - line[-1][1]
            level = abs((box[1] + box[3]) - (last[1] + last[3])) / 2 <= 0.5 * tall
            if last[0] < box[0] <= last[2] + 1.5 * tall and level and 0.5 <= (box[3] - box[1]) / tall <= 2:
                line.append(box)
        if len(line) >= 3:
            return line
    return []


def _on_grid(letters: list[tuple[int, int, int, int]], strokes: np.ndarray) -> np.ndarray:
    """(GRID, GRID) bool: the cells in which letters have ink."""
    height, width = strokes.shape
    cells = np.zeros((GRID, GRID), dtype=bool)
    for x0, y0, x1, y1 in letters:
        y, x = np.nonzero(strokes[y0:y1, x0:x1])
        cells[(y + y0) * GRID // height, (x + x0) * GRID // width] = True
    return cells
