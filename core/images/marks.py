"""Marks on an image that are no anatomy: borders, letters, callipers, colour on grey.

Each detector is a rule that can be read, and misses what the rule does not say: dark letters, letters over bright
tissue, marks of fewer than three pixels, and anything in images smaller than SMALLEST pixels. Found on breast
ultrasound (BUSI at 224 px, read by eye; `python -m tests.benchmarks.marks`):

| images                        | callipers found | falsely seen | words found | falsely seen |
|-------------------------------|-----------------|--------------|-------------|--------------|
| tuning part                   | 20 of 22        | 0 of 158     | 17 of 22    | 0 of 144     |
| held-out part                 | 13 of 19        | 1 of 128     | 12 of 19    | 0 of 124     |
| brain MRI (no callipers)      |                 | 8 of 480     |             |              |
| chest X-rays (no callipers)   |                 | 4 of 780     |             |              |

The held-out part was looked at twice (11 of 19 callipers and 12 of 19 words with the rules before). It is of the same
hospital. The false alarms of the other sets were looked at while tuning. Words of two characters are never found.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.images.drawn import bounds, enlarged, find_callipers, find_word
from core.images.strokes import STANDS_OUT, Box, connected, sliding, thin_bright

SMALLEST = 64  # the shorter side
LARGEST = 512  # the longer side of what is looked at
ZONE = 0.18  # of a side: what counts as near the edge
GRID = 64
_FLAT = 10  # grey levels
_UNEVEN = 25  # standard deviation of the grey levels behind a letter in a line of letters
_EVEN = 12  # behind a single letter: bone rims and fascia in front of tissue vary more


@dataclass(frozen=True, eq=False)
class Marks:
    """What was found. `boxes` are (left, top, right, bottom) of letters and callipers, in shares of the sides."""

    border: bool
    letter: bool  # a bright, thin, isolated mark near the edge, such as the L of a radiograph
    text: bool  # three or more letters in a line, near the edge or amid tissue
    calliper: bool  # two or more small crosses of one ink
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
    strokes = thin_bright(grey, size=max(5, round(max(grey.shape) / 40) * 2 + 1))
    letters = [box for box in connected(strokes) if _is_letter(box, strokes, grey)]
    line = in_line(letters)
    letters = [box for box in letters if box in line or _stands_alone(box, strokes, grey)]
    drawn = enlarged(values)
    word = find_word(drawn)
    zoom = drawn.shape[1] / grey.shape[1]
    taken = [tuple(zoom * edge for edge in box) for box in letters] + ([bounds(word)] if word else [])
    crosses = find_callipers(drawn, taken)
    shown = [*_shares(list(dict.fromkeys([*line, *letters[:10]])), grey), *_shares([*word, *crosses], drawn)]
    return Marks(
        border=border,
        letter=bool(letters),
        text=bool(line or word),
        calliper=bool(crosses),
        tint=tint,
        strokes=_on_grid(letters, strokes),
        boxes=tuple(shown),
    )


def _shares(boxes: list[Box], grey: np.ndarray) -> list[tuple[float, float, float, float]]:
    height, width = grey.shape
    return [(x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in boxes]


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


def _is_letter(box: Box, strokes: np.ndarray, grey: np.ndarray) -> bool:
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


def _stands_alone(box: Box, strokes: np.ndarray, grey: np.ndarray) -> bool:
    """A single letter must look more like one than a letter in a line: not flat and long, hardly any tissue around."""
    x0, y0, x1, y1 = box
    upright = y1 - y0 >= 5 and (y1 - y0) / 4 <= x1 - x0 <= 1.3 * (y1 - y0)
    return upright and _background_spread(box, strokes, grey) <= _EVEN


def _background_spread(box: Box, strokes: np.ndarray, grey: np.ndarray) -> float:
    """Standard deviation of what is around and between the strokes; infinite where it is not clearly darker."""
    x0, y0, x1, y1 = box
    pad = 3
    around = (slice(max(0, y0 - pad), y1 + pad), slice(max(0, x0 - pad), x1 + pad))
    marked = sliding(strokes[around], 3, np.maximum)
    ground, ink = grey[around][~marked], grey[y0:y1, x0:x1][strokes[y0:y1, x0:x1]]
    if len(ground) < 8 or ink.mean() - ground.mean() < STANDS_OUT:
        return float("inf")
    return float(ground.std())


def in_line(letters: list[Box]) -> list[Box]:
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


def _on_grid(letters: list[Box], strokes: np.ndarray) -> np.ndarray:
    """(GRID, GRID) bool: the cells in which letters have ink."""
    height, width = strokes.shape
    cells = np.zeros((GRID, GRID), dtype=bool)
    for x0, y0, x1, y1 in letters:
        y, x = np.nonzero(strokes[y0:y1, x0:x1])
        cells[(y + y0) * GRID // height, (x + x0) * GRID // width] = True
    return cells
