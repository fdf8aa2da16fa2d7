"""Marks that were drawn over tissue: words, and the crosses that callipers leave at both ends of a measurement.

Both rules look for what tissue hardly has: several strokes of one brightness and one size that belong together.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from PIL import Image

from core.images.strokes import Box, connected, thin_bright

LARGEST = 640  # the longer side of what is looked at; smaller images are enlarged, at most twofold
_LETTER = (6, 48)  # pixels: the height of a letter
_LIKE_INK = 30  # grey levels between neighbouring letters
_BUSY = 0.1  # share of strokes above and below a line of letters: more is texture

_ARMS = {"+": ((0, 1), (1, 0), (0, -1), (-1, 0)), "x": ((1, 1), (1, -1), (-1, -1), (-1, 1))}
_RADII = (5, 6, 7, 8, 10, 12)  # half the width of a cross, in pixels
_INK = 180  # grey level in the middle of a cross
_CLEAR = 41  # grey levels from the weakest arm to the second brightest of the gaps between the arms
_FAIRLY_CLEAR = 35  # enough where a line leads to a clear one
_CALM = 0.9  # the grey levels around a cross may vary 1 / _CALM times as much (standard deviation)
_FIT = 0.4  # correlation with the drawing of a cross
_TWIN = 0.73  # correlation of the middle of one cross with that of another
_MIDDLE = 6  # pixels to each side
_ON_LINE = 0.85  # of the way between two crosses: where it is brighter than 5 pixels to both sides
_LINE = 8  # grey levels, on average
_MOST = 12  # more clear crosses than this are texture


def enlarged(values: np.ndarray) -> np.ndarray:
    """(H', W') int16: the brightest channel of `values`, uint8 (H, W) or (H, W, 3), for yellow is as bright as white.

    The longer side is LARGEST, or twice as long as it was.
    """
    grey = Image.fromarray(values if values.ndim == 2 else values.max(axis=2))
    factor = min(2, LARGEST / max(grey.size))
    size = tuple(max(1, round(side * factor)) for side in grey.size)
    return np.asarray(grey.resize(size, Image.Resampling.BICUBIC)).astype(np.int16)


def find_word(grey: np.ndarray) -> list[Box]:
    """The longest line of three or more letters on `grey` (H, W) int16, one box each; or []."""
    lines = []
    for bright in (130, 150, 180):
        strokes = thin_bright(grey, size=11, bright=bright, stands_out=60)
        inks = {box: _ink(box, grey, strokes) for box in connected(strokes) if _has_size_of_letter(box)}
        line = _longest_line(inks)
        if line and _busy_around(bounds(line), strokes) <= _BUSY:
            lines.append(line)
    return max(lines, key=len, default=[])


def bounds(boxes: list[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _has_size_of_letter(box: Box) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    return _LETTER[0] <= height <= _LETTER[1] and 2 <= width <= 1.4 * height


def _ink(box: Box, grey: np.ndarray, strokes: np.ndarray) -> float:
    x0, y0, x1, y1 = box
    return float(np.percentile(grey[y0:y1, x0:x1][strokes[y0:y1, x0:x1]], 90))


def _longest_line(inks: dict[Box, float]) -> list[Box]:
    """Three or more boxes of about one height and ink that follow each other closely on one base line; or []."""
    boxes, longest = sorted(inks), []
    for i, first in enumerate(boxes):
        line = [first]
        for box in boxes[i + 1 :]:
            if _follows(line[-1], box) and abs(inks[box] - inks[line[-1]]) <= _LIKE_INK:
                line.append(box)
        longest = max(longest, line, key=len)
    return longest if len(longest) >= 3 else []


def _follows(last: Box, box: Box) -> bool:
    tall, height = last[3] - last[1], box[3] - box[1]
    return (
        last[2] - 2 <= box[0] <= last[2] + max(tall, height)
        and abs(box[3] - last[3]) <= max(2, 0.2 * tall)
        and 0.6 <= height / tall <= 1.7
    )


def _busy_around(line: Box, strokes: np.ndarray) -> float:
    """The share of strokes in the strips above and below `line`, each as tall as it is."""
    left, top, right, bottom = line
    tall = bottom - top
    above, below = strokes[max(0, top - tall) : max(0, top - 1)], strokes[bottom + 1 : bottom + tall]
    around = np.concatenate([above, below])[:, left:right]
    return float(around.mean()) if around.size else 0.0


@dataclass(frozen=True)
class Place:
    """Where a cross may be."""

    x: int
    y: int
    kind: str  # "+" or "x"
    clear: float  # see _CLEAR


@dataclass(frozen=True)
class Cross(Place):
    radius: int

    @property
    def box(self) -> Box:
        return self.x - self.radius, self.y - self.radius, self.x + self.radius + 1, self.y + self.radius + 1


def find_callipers(grey: np.ndarray, letters: list[Box]) -> list[Box]:
    """Two or more crosses of one ink on `grey` (H, W) int16, none of them one of `letters`; or [].

    Either they look like each other, or a line joins them.
    """
    places = [place for place in _places(grey) if not any(_inside(place, box) for box in letters)]
    if sum(place.clear >= _CLEAR for place in places) > _MOST:
        return []
    crosses = [cross for cross in (_fitted(place, grey) for place in places) if cross]
    pairs = [pair for pair in combinations(crosses, 2) if _belong_together(*pair, grey)]
    return list(dict.fromkeys(cross.box for pair in pairs for cross in pair))


def _inside(place: Place, box: Box) -> bool:
    return box[0] <= place.x < box[2] and box[1] <= place.y < box[3]


def _places(grey: np.ndarray) -> list[Place]:
    """The clearest places, none on top of another; at most twice _MOST."""
    found = sorted((place for kind in _ARMS for place in _of_kind(grey, kind)), key=lambda place: -place.clear)
    kept: list[Place] = []
    for place in found:
        if all(max(abs(place.x - other.x), abs(place.y - other.y)) > 8 for other in kept):
            kept.append(place)
        if len(kept) == 2 * _MOST:
            break
    return kept


def _of_kind(grey: np.ndarray, kind: str) -> list[Place]:
    """Wherever all four arms are brighter than three of the four gaps: a number may stand in the fourth."""
    arms, gaps = _ARMS[kind], _ARMS["x" if kind == "+" else "+"]
    pad = max(_RADII) + 1
    padded = np.pad(grey, pad, mode="edge")
    y, x = np.nonzero(grey >= _INK)
    near = np.sort([padded[y + pad + 4 * dy, x + pad + 4 * dx] for dy, dx in gaps], axis=0)
    worth = grey[y, x] - near[2] >= _FAIRLY_CLEAR
    y, x = y[worth], x[worth]

    def sums(directions: tuple) -> np.ndarray:
        """(4, steps, P): the grey levels up to each step away, added up."""
        steps = np.arange(1, pad + 1)[:, None]
        lines = [padded[y + pad + steps * dy, x + pad + steps * dx] for dy, dx in directions]
        return np.cumsum(lines, axis=1, dtype=np.int32)

    along_arms, along_gaps = sums(arms), sums(gaps)
    clear = np.zeros(len(y))
    for r in _RADII:
        reach, first, last = (r, 3, max(4, round(0.8 * r))) if kind == "+" else (round(r * 2**-0.5), 4, r + 1)
        arm = along_arms[:, reach - 1].min(axis=0) / reach
        gap = np.sort(along_gaps[:, last - 1] - along_gaps[:, first - 2], axis=0)[2] / (last - first + 1)
        clear = np.maximum(clear, arm - gap)
    good = np.flatnonzero(clear >= _FAIRLY_CLEAR)
    return [Place(int(x[i]), int(y[i]), kind, float(clear[i])) for i in good]


def _window(place: Place, grey: np.ndarray, reach: int) -> np.ndarray:
    """(2 reach + 1, 2 reach + 1): what is around a place."""
    return np.pad(grey, reach, mode="edge")[place.y :, place.x :][: 2 * reach + 1, : 2 * reach + 1].astype(float)


def _fitted(place: Place, grey: np.ndarray) -> Cross | None:
    """The cross whose drawing correlates best with what is there; None without, or where the surroundings vary more."""
    fits = {radius: _fit(_window(place, grey, radius + 4), place.kind, radius) for radius in _RADII}
    radius = max(fits, key=fits.get)
    around = _window(place, grey, radius + 8)
    around[5:-5, 5:-5] = np.nan
    if fits[radius] < _FIT or _CALM * np.nanstd(around) > place.clear:
        return None
    return Cross(**vars(place), radius=radius)


def _fit(window: np.ndarray, kind: str, radius: int) -> float:
    """Correlation with crosses of that radius and of lines 1 to 4 pixels wide."""
    middle = len(window) // 2
    y, x = np.mgrid[-middle : middle + 1, -middle : middle + 1]
    if kind == "x":
        x, y = (x + y) * 2**-0.5, (x - y) * 2**-0.5
    aside, along = np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y))
    drawings = [((aside <= wide / 2) & (along <= radius)).ravel() for wide in (1, 2, 4)]
    return max(np.corrcoef(window.ravel(), drawing)[0, 1] for drawing in drawings)


def _belong_together(a: Cross, b: Cross, grey: np.ndarray) -> bool:
    apart = max(abs(a.x - b.x), abs(a.y - b.y)) > 2 * min(a.radius, b.radius)
    inks = abs(int(grey[a.y, a.x]) - int(grey[b.y, b.x]))
    if a.kind != b.kind or not apart or inks > _LIKE_INK / 2:
        return False
    weaker, clearer = sorted((a.clear, b.clear))
    return (weaker >= _CLEAR and _are_alike(a, b, grey)) or (clearer >= _CLEAR and _are_joined(a, b, grey))


def _are_alike(a: Cross, b: Cross, grey: np.ndarray) -> bool:
    """Whether the middle of one could be a copy of the other's, shifted by a pixel at most."""
    one, other = _window(a, grey, _MIDDLE).ravel(), _window(b, grey, _MIDDLE + 1)
    side = 2 * _MIDDLE + 1
    shifted = [other[dy : dy + side, dx : dx + side].ravel() for dy in range(3) for dx in range(3)]
    return max(np.corrcoef(one, window)[0, 1] for window in shifted) >= _TWIN


def _are_joined(a: Cross, b: Cross, grey: np.ndarray) -> bool:
    """Whether a thin bright line, which may be dotted, leads from one cross to the other."""
    way = np.array([b.x - a.x, b.y - a.y], dtype=float)
    length = np.hypot(*way)
    steps = np.arange(8, length - 8)  # without the crosses themselves
    if len(steps) < 8:
        return False
    on_way = np.array([[a.x], [a.y]]) + way[:, None] / length * steps
    aside = np.array([[-way[1]], [way[0]]]) / length

    def levels(offset: int) -> np.ndarray:
        x, y = np.rint(on_way + offset * aside).astype(int)
        return grey[y.clip(0, grey.shape[0] - 1), x.clip(0, grey.shape[1] - 1)]

    over = [levels(shift) - np.maximum(levels(shift - 5), levels(shift + 5)) for shift in (-2, -1, 0, 1, 2)]
    return any((line > 0).mean() >= _ON_LINE and line.clip(-60, 60).mean() >= _LINE for line in over)
