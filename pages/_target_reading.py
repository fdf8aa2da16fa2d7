"""What the Target page knows of the images of a task: read once, kept until a label or an image file changes."""

import base64
import hashlib
import io
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from core.errors import TargetError
from core.images.inspect import Inspection, counts_of_labels, inspect_target
from core.images.listing import allowed_path
from core.images.manifest import manifest_file
from core.images.near import SimilarSet, similar_sets, with_similar_groups
from core.images.parts import Part, effective_groups, propose_test_part, splits_of, training_part
from core.images.pixels import Pixels, PixelsError
from core.images.readers import Listing, manifest_columns, read_listing
from core.images.shortcuts import Shortcuts, find_shortcuts
from core.settings import allowed_roots
from core.target import TargetTask, dump_target, parse_target
from pages import _state

THUMBNAIL = 160  # pixels of a side; shown at half of it, so that it is sharp on dense screens
QUICK = 0.02  # seconds; looking at files for no longer is done at every rerun
_KEPT = 4  # targets whose reading is kept in memory


@dataclass
class Later:
    """What is looked for when the first answer is there; None until then."""

    similar: tuple[SimilarSet, ...] | None = None
    shortcuts: Shortcuts | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What reading the images gave. `key` changes with the task and with every image file.

    `part` is None where no image can be trained on (the inspection then holds an error).
    """

    key: str
    listing: Listing
    index: pd.DataFrame
    inspection: Inspection
    part: Part | None
    n_test: int  # images that are locked away as test part
    splits: np.ndarray | None
    later: Later


@st.cache_resource(show_spinner=False)
def _shelf() -> OrderedDict[str, Found]:
    return OrderedDict()


@st.cache_resource(show_spinner=False)
def _dicom_stamps() -> dict[str, str]:
    return {}


def read(task: TargetTask) -> Found:
    """Listing, image index, inspection and training part of `task`. TargetError when it cannot be read."""
    task = replace(task, name="any", notes="", compute="", modality="", anatomy="", class_meanings={})
    labels, roots, stamp_of_labels = _spec_of_labels(task), allowed_roots(), _stamp_of_labels(task)
    listing = _listing(labels, roots, stamp_of_labels)
    stamp = _looked(f"{labels} {stamp_of_labels}", lambda: _stamp_of_images(listing))
    if listing.frames is not None and _dicom_stamps().setdefault(labels, stamp) != stamp:
        _listing.clear()  # frames and patients are read from the files, and one of them changed
        listing = _listing(labels, roots, stamp_of_labels)
        _dicom_stamps()[labels] = stamp
    key = hashlib.sha256(f"{dump_target(task)} {roots} {stamp_of_labels} {stamp}".encode()).hexdigest()
    shelf = _shelf()
    if key not in shelf:
        index = _index_below_first_answer(task, listing)
        splits = splits_of(task, listing)
        part = _part(task, listing, index)
        if part is not None:
            listing = with_similar_groups(task, listing, index)
        shelf[key] = Found(
            key,
            listing,
            index,
            inspection=inspect_target(task, listing, index),
            part=part,
            n_test=0 if splits is None else int((splits == "test").sum()),
            splits=splits,
            later=Later(),
        )
    while len(shelf) > _KEPT:
        shelf.popitem(last=False)
    return shelf[key]


def _index_below_first_answer(task: TargetTask, listing: Listing) -> pd.DataFrame:
    """The index; while it is made, the page shows what the labels alone say."""
    place = st.empty()
    with place.container():
        st.caption(f"{len(listing):,} images by their labels; which of them can be read is being found out.")
        st.dataframe(counts_of_labels(task, listing), hide_index=True)
        index = _state.index_of(task, listing)
    place.empty()
    return index


def _part(task: TargetTask, listing: Listing, index: pd.DataFrame) -> Part | None:
    try:
        return training_part(task, listing, index)
    except TargetError:
        return None


@st.cache_resource(max_entries=8, show_spinner="Reading the list of images")
def _listing(spec: str, roots: tuple[Path, ...], stamp: str) -> Listing:
    return read_listing(parse_target(spec, Path("/")), roots)


def _spec_of_labels(task: TargetTask) -> str:
    """What of the task the listing depends on: with other words in its description it is not read again."""
    fields = ("images", "format", "label_type", "class_order", "label_columns", "group_column", "split_column",
              "group_pattern")  # fmt: skip
    return dump_target(TargetTask(name="any", **{field: getattr(task, field) for field in fields}))


def _stamp_of_labels(task: TargetTask) -> str:
    """Changes when a file comes, goes or is renamed below the folder, or when the CSV or .npz file changes.

    TargetError where the images lie outside the allowed folders: they are not looked at.
    """
    images = allowed_path(task.images, allowed_roots())
    if task.format == "manifest":
        return _stamp(manifest_file(images))
    if not images.is_dir():
        return _stamp(images)
    return _looked(f"folders {images}", lambda: _digest(_stamp(folder) for folder, _, _ in os.walk(images)))


@st.cache_resource(show_spinner=False)
def _looks() -> OrderedDict[str, tuple[str, float, float]]:
    return OrderedDict()


def _looked(key: str, look: Callable[[], str]) -> str:
    """What `look` gives; where looking takes long (many files, a slow disk), what it gave a moment ago.

    At most a twentieth of the time goes into looking: 0.3 s for 50,000 files on a good disk are spent every 6 s.
    """
    looks, now = _looks(), time.monotonic()
    stamp, ended, took = looks.get(key, ("", 0.0, 0.0))
    if took > QUICK and now - ended < 20 * took:
        return stamp
    stamp = look()
    ended = time.monotonic()
    looks[key] = stamp, ended, ended - now
    while len(looks) > 4 * _KEPT:
        looks.popitem(last=False)
    return stamp


def _stamp_of_images(listing: Listing) -> str:
    return _digest(_stamp(path) for path in listing.files or [listing.npz])


def _stamp(path: str | Path) -> str:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return "none"
    return f"{status.st_size}:{status.st_mtime_ns}"


def _digest(stamps) -> str:
    return hashlib.sha256(" ".join(stamps).encode()).hexdigest()


def class_names(task: TargetTask) -> tuple[str, ...]:
    """The classes that the labels name, in any order; () where they cannot be read."""
    label_type = task.label_type if task.label_type == "multi-label" else "multi-class"
    plain = replace(task, label_type=label_type, class_order=(), group_pattern="")
    try:
        return _listing(_spec_of_labels(plain), allowed_roots(), _stamp_of_labels(plain)).class_names
    except TargetError:
        return ()


def columns_of(manifest: Path) -> dict[str, list[str]]:
    """What each column of a manifest could be (see `manifest_columns`). TargetError when it cannot be read."""
    roots = allowed_roots()
    return _columns(manifest, roots, _stamp(manifest_file(allowed_path(manifest, roots))))


@st.cache_data(max_entries=8, show_spinner=False)
def _columns(manifest: Path, roots: tuple[Path, ...], stamp: str) -> dict[str, list[str]]:
    return manifest_columns(manifest, roots)


def test_part_proposal(task: TargetTask, found: Found, share: float) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The ids that would be locked as test part, and the counts per class and part that this would give."""
    return _proposal(found.key, share, task, found)


@st.cache_data(max_entries=32, show_spinner="Choosing a test part")
def _proposal(key: str, share: float, _task: TargetTask, _found: Found) -> tuple[tuple[str, ...], pd.DataFrame]:
    ids = propose_test_part(_found.listing, _found.index, share)
    counts = inspect_target(replace(_task, test_part=ids), _found.listing, _found.index).counts
    return ids, counts


def examples(found: Found, per_class: int, turn: int) -> list[tuple[list[str], list[str]]]:
    """Per class: ids and thumbnails (WebP) of images of the training part; `turn` chooses others."""
    return _examples(found.key, per_class, turn, found)


@st.cache_data(max_entries=16, show_spinner="Preparing examples")
def _examples(key: str, per_class: int, turn: int, _found: Found) -> list[tuple[list[str], list[str]]]:
    pixels, labels = Pixels(_found.listing), _found.listing.labels
    part = _found.part.indices if _found.part else np.array([], dtype=np.int64)
    shown = []
    for number in range(len(_found.listing.class_names)):
        has = labels[part, number] == 1 if labels.ndim == 2 else labels[part] == number
        rows = _spread(part[has], per_class, turn)
        shown.append(([_found.listing.ids[i] for i in rows], [_thumbnail(pixels, i) for i in rows]))
    return shown


def _spread(rows: np.ndarray, n: int, turn: int) -> np.ndarray:
    """At most `n` of `rows`, evenly spread; another `turn` moves on to the next ones."""
    if len(rows) <= n:
        return rows
    first = np.linspace(0, len(rows), n, endpoint=False).astype(int)
    return rows[(first + turn) % len(rows)]


def _thumbnail(pixels: Pixels, i: int, boxes: tuple = ()) -> str:
    try:
        return thumbnail(pixels[i], boxes)
    except PixelsError:
        return thumbnail(np.zeros((8, 8, 4), dtype=np.uint8))


def thumbnail(values: np.ndarray, boxes: tuple = (), side: int = THUMBNAIL) -> str:
    """A square WebP of `side` pixels with the whole image in it, transparent around; `boxes` are framed.

    It is a data URL: Streamlit would decode a file anew at every rerun, and shrink it to the size on the page.
    """
    image = Image.fromarray(values).convert("RGBA")
    _frame(image, boxes)
    method = Image.Resampling.NEAREST if max(image.size) < side // 2 else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    ImageOps.pad(image, (side, side), method=method, color=(0, 0, 0, 0)).save(buffer, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _frame(image: Image.Image, boxes: tuple) -> None:
    draw, line = ImageDraw.Draw(image), max(1, max(image.size) // 160)
    for left, top, right, bottom in boxes:
        corners = (left * image.width, top * image.height, right * image.width, bottom * image.height)
        draw.rectangle([c + d * (line + 1) for c, d in zip(corners, (-1, -1, 1, 1), strict=True)], None, "orange", line)


def thumbnails(found: Found, rows: tuple[int, ...], boxes: tuple = ()) -> list[str]:
    """Thumbnails of these rows of the listing, with `boxes` (per row, in shares of the sides) framed."""
    return _thumbnails(found.key, rows, boxes or ((),) * len(rows), found)


@st.cache_data(max_entries=64, show_spinner=False)
def _thumbnails(key: str, rows: tuple[int, ...], boxes: tuple, _found: Found) -> list[str]:
    pixels = Pixels(_found.listing)
    return [_thumbnail(pixels, row, framed) for row, framed in zip(rows, boxes, strict=True)]


def similar(task: TargetTask, found: Found) -> tuple[SimilarSet, ...]:
    """Sets of equal and nearly equal images among all parts."""
    found.later.similar = _similar(found.key, task, found)
    return found.later.similar


@st.cache_resource(max_entries=8, show_spinner="Looking for near-duplicates")
def _similar(key: str, _task: TargetTask, _found: Found) -> tuple[SimilarSet, ...]:
    return similar_sets(_task, _found.listing, _found.index)


def similar_groups(task: TargetTask, found: Found) -> pd.Series:
    """The group of each image of the training part, by row, if near-duplicates were put together."""
    return _similar_groups(found.key, task, found)


@st.cache_resource(max_entries=8, show_spinner="Looking for near-duplicates")
def _similar_groups(key: str, _task: TargetTask, _found: Found) -> pd.Series:
    grouped = with_similar_groups(replace(_task, group_similar=True), _found.listing, _found.index)
    rows = _found.part.indices
    return pd.Series(effective_groups(grouped, _found.index, rows), index=rows)


def shortcuts(found: Found) -> Shortcuts:
    """Marks of the training part and whether they go with a class."""
    found.later.shortcuts = _shortcuts(found.key, found)
    return found.later.shortcuts


@st.cache_resource(max_entries=8, show_spinner="Looking for marks on the images")
def _shortcuts(key: str, _found: Found) -> Shortcuts:
    return find_shortcuts(_found.listing, _found.index, _found.part)


def label_of(found: Found, row: int) -> str:
    """The class of an image, or its labels."""
    label, names = found.listing.labels[row], found.listing.class_names
    if found.listing.labels.ndim == 2:
        return ", ".join(name for name, has in zip(names, label, strict=True) if has) or "none"
    return names[label] if label >= 0 else "another class"


def split_of(found: Found, row: int) -> str:
    """ "train", "val" or "test"; "" where there are no parts."""
    return "" if found.splits is None else found.splits[row]
