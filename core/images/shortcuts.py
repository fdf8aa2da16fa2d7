"""Does something other than the disease tell the classes apart? Marks, sizes and shapes that go with a label.

A network that can read the hospital's letters need not look at the lung. Checked on the training part, one image per
patient or group, at most MOST_IMAGES.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from core.images.listing import Listing
from core.images.marks import GRID, Marks, find_marks
from core.images.parts import Part, draw_sample, effective_groups
from core.images.pixels import Pixels, PixelsError
from core.settings import home

VERSION = 2  # of the markers: another one measures everything anew
MOST_IMAGES = 2000
FEWEST_IMAGES = 20
PERMUTATIONS = 1999
CERTAIN = 0.01  # adjusted p
STRONG = 0.2  # the correlation ratio: Cramer's V for two classes; of ranks, for numbers

# What is checked: a yes or no per image, and what it is called in "Images with <name>"
YES_NO = {
    "text": "a line of bright letters",
    "letter": "a bright letter or mark near the edge",
    "overlay": "a bright mark at a place where many images have one",
    "calliper": "two or more small crosses, as callipers leave them",
    "border": "a border or an empty margin of one shade",
    "tint": "colour marks on a grey image",
    "colored": "colour in the pixels",
}
NUMBERS = {"aspect": "the width divided by height", "megapixels": "the size in megapixels"}


@dataclass(frozen=True, eq=False)
class Check:
    """How one marker goes with the classes (or with one label of several at once).

    `by_class` has class, images and `value`: the share with the mark, or the median of the number.
    `p` is adjusted for all checks of the target (Westfall & Young 1993, max T over PERMUTATIONS permutations).
    """

    marker: str
    label: str  # the label that it was checked for; "" where images have one class each
    by_class: pd.DataFrame
    strength: float
    p: float
    risk: bool
    examples: tuple[int, ...]  # rows of the listing, from the class with most of it

    @property
    def name(self) -> str:
        return YES_NO.get(self.marker) or NUMBERS[self.marker]

    @property
    def sentence(self) -> str:
        """What was found, in one sentence of plain text."""
        order = self.by_class.sort_values("value", kind="stable")
        least, most = order.iloc[0], order.iloc[-1]
        if self.marker in NUMBERS:
            what = self.name[0].upper() + self.name[1:]
            return (
                f"{what} is typically {most['value']:.3g} in images of {most['class']} "
                f"and {least['value']:.3g} in those of {least['class']}."
            )
        return (
            f"{most['value']:.0%} of the images of {most['class']}, but {least['value']:.0%} of those of "
            f"{least['class']}, have {self.name}."
        )

    @property
    def remedy(self) -> str:
        """What to do about it."""
        first = {
            "border": "Crop the margins away in all images",
            "colored": "Turn all images to grey, if the colour means nothing",
            "aspect": "Find out whether the classes come from different devices or hospitals",
            "megapixels": "Find out whether the classes come from different devices or hospitals",
        }.get(self.marker, "Crop the marks away or cover them in all images")
        return f"{first}, or take images of all classes from the same source."


@dataclass(frozen=True, eq=False)
class Shortcuts:
    """All checks, the strongest risk first; `n` images were looked at. No check where there are too few images."""

    n: int
    checks: tuple[Check, ...]
    boxes: dict[int, tuple[tuple[float, ...], ...]]  # per listing row: what was taken for letters or callipers

    @property
    def risks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.risk)


def find_shortcuts(listing: Listing, index: pd.DataFrame, part: Part, seed: int = 0) -> Shortcuts:
    """Checks every marker against the labels of the training part. Labels do not decide which images are looked at."""
    rows = draw_sample(part, index, None, seed)
    rows = rows[np.sort(np.unique(effective_groups(listing, index, rows), return_index=True)[1])][:MOST_IMAGES]
    table = measure(listing, index, rows)
    rows = table["row"].to_numpy()
    if len(rows) < FEWEST_IMAGES:
        return Shortcuts(len(rows), (), {})
    checks = associate(table, listing.labels[rows], listing.class_names, seed)
    boxes = dict(zip(table["row"], table["boxes"], strict=True))
    return Shortcuts(len(rows), checks, boxes)


def measure(listing: Listing, index: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """One line per readable image of `rows`: row, boxes and the columns of YES_NO and NUMBERS.

    What was measured on the same pixels before is taken from a file in the data folder.
    """
    hashes = index["pixel_hash"].to_numpy()[rows]
    digest = hashlib.sha256(f"{VERSION} {' '.join(hashes)}".encode()).hexdigest()[:32]
    known = home() / "similar" / f"marks-{digest}.json"
    found = None
    with suppress(OSError, ValueError):
        found = json.loads(known.read_text())
    if found is None:
        found = _measure(Pixels(listing), rows)
        with suppress(OSError):  # a full disk: measured again next time
            known.parent.mkdir(exist_ok=True)
            part = known.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(found))
            os.replace(part, known)
    table = pd.DataFrame(found)
    table["row"] = rows[table.pop("position").to_numpy(dtype=np.int64)]
    sizes = index.iloc[table["row"]]
    width, height = sizes["width"].to_numpy(float), sizes["height"].to_numpy(float)
    return table.assign(
        colored=(sizes["color"] == "color").to_numpy() & ~table["tint"].to_numpy(dtype=bool),
        aspect=width / height,
        megapixels=width * height / 1e6,
    )


def _measure(pixels: Pixels, rows: np.ndarray) -> list[dict]:
    def look(position: int) -> tuple[int, Marks] | None:
        try:
            return position, find_marks(pixels[rows[position]])
        except PixelsError:  # gone since it was indexed
            return None

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        seen = [found for found in pool.map(look, range(len(rows))) if found]
    overlay = _overlays(np.array([marks.strokes for _, marks in seen]).reshape(-1, GRID, GRID))
    lines = []
    for (position, marks), has_overlay in zip(seen, overlay, strict=True):
        facts = asdict(marks)
        facts.pop("strokes")
        lines.append({"position": position, "overlay": bool(has_overlay), **facts})
    return lines


def _overlays(strokes: np.ndarray) -> np.ndarray:
    """(N,) bool: whether an image has a good part of the ink that many images have at the same place.

    Which places these are is decided without the labels: cells inked in a tenth of the images, and in far more than
    most cells are.
    """
    n = len(strokes)
    often = strokes.mean(axis=0) if n else np.zeros((GRID, GRID))
    cells = (often >= max(0.1, 5 / max(n, 1))) & (often >= 4 * np.median(often))
    if cells.sum() < 3:
        return np.zeros(n, dtype=bool)
    return strokes[:, cells].mean(axis=1) >= 0.4


def associate(table: pd.DataFrame, labels: np.ndarray, class_names: tuple[str, ...], seed: int) -> tuple[Check, ...]:
    """A check per marker that varies (and per label, where images may have several).

    Statistic: N times the share of the variance of the values (ranks, for numbers) that lies between the classes, which
    for yes or no is Pearson's chi-square. Null: values dealt anew to the images.
    """
    markers = [name for name in [*YES_NO, *NUMBERS] if table[name].nunique() > 1]
    questions = _questions(labels, class_names)
    if not markers or not questions:
        return ()
    values = np.column_stack([table[name].rank().to_numpy(dtype=float) for name in markers])
    values = (values - values.mean(0)) / values.std(0)
    members = np.vstack([rows for _, _, rows in questions]).astype(float)  # (K, N) 0/1
    sizes = members.sum(axis=1, keepdims=True)
    starts = np.cumsum([0, *(len(rows) for _, _, rows in questions)])[:-1]

    def statistics(dealt: np.ndarray) -> np.ndarray:
        return np.add.reduceat((members @ dealt) ** 2 / sizes, starts, axis=0)  # (questions, markers)

    observed = statistics(values)
    rng = np.random.default_rng(seed)
    highest = np.array([statistics(values[rng.permutation(len(values))]).max() for _ in range(PERMUTATIONS)])
    checks = [
        _check(table, name, question, observed[q, m], highest, len(values))
        for q, question in enumerate(questions)
        for m, name in enumerate(markers)
    ]
    return tuple(sorted(checks, key=lambda check: (not check.risk, -check.strength)))


def _questions(labels: np.ndarray, class_names: tuple[str, ...]) -> list[tuple[str, list[str], np.ndarray]]:
    """(label or "", names of its sides, (sides, N) bool): the classes, or with and without each label."""
    if labels.ndim == 1:
        there = [c for c in range(len(class_names)) if (labels == c).any()]
        sides = np.array([labels == c for c in there])
        return [("", [class_names[c] for c in there], sides)] if len(there) > 1 else []
    return [
        (name, [f"with {name}", f"without {name}"], np.array([column == 1, column == 0]))
        for name, column in zip(class_names, labels.T, strict=True)
        if 0 < column.sum() < len(column)
    ]


def _check(table: pd.DataFrame, marker: str, question: tuple, observed: float, highest: np.ndarray, n: int) -> Check:
    label, names, sides = question
    values = table[marker].to_numpy(dtype=float)
    middle = np.mean if marker in YES_NO else np.median
    by_class = pd.DataFrame({
        "class": names, "images": sides.sum(axis=1), "value": [float(middle(values[side])) for side in sides],
    })  # fmt: skip
    p = float((1 + (highest >= observed * (1 - 1e-9)).sum()) / (1 + len(highest)))
    strength = float(np.sqrt(observed / n))
    top = sides[int(by_class["value"].idxmax())]
    shown = top & (values > 0 if marker in YES_NO else values >= np.median(values[top]))
    return Check(
        marker=marker,
        label=label,
        by_class=by_class,
        strength=strength,
        p=p,
        risk=p <= CERTAIN and strength >= STRONG,
        examples=tuple(table["row"].to_numpy()[shown].tolist()),
    )
