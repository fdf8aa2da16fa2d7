"""What the samples view keeps between reruns: listings, thumbnails of the pages seen, figures. All in memory."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import TargetError
from core.images.near import SimilarSet
from core.images.pixels import Pixels
from core.images.samples import (
    NO_CLASS,
    Kept,
    Samples,
    figures_of,
    list_samples,
    look_at,
    looked_at,
    similar_samples,
    table_of,
)  # fmt: skip
from core.settings import allowed_roots, require_allowed
from pages._target_reading import Found, thumbnail


@dataclass(frozen=True, eq=False)
class Shown:
    """Samples, and a `key` that changes with their place and when files come, go or are renamed."""

    key: str
    samples: Samples

    @property
    def n_classes(self) -> int:
        return len(self.samples.classes) - (NO_CLASS in self.samples.classes)


def read_samples(place: Kept) -> Shown:
    """The samples at `place`. SourceScoutError, with what to do, when they cannot be listed."""
    roots = allowed_roots()
    stamp = _stamp_of_folders(require_allowed(place.path, roots))
    key = hashlib.sha256(f"{place} {roots} {stamp}".encode()).hexdigest()
    return Shown(key, _listing(place, roots, stamp))


@st.cache_resource(max_entries=4, show_spinner="Listing the images")
def _listing(place: Kept, roots: tuple[Path, ...], stamp: str) -> Samples:
    return list_samples(place.path, roots, place.pattern)


def _stamp_of_folders(path: Path) -> str:
    """Changes when a file comes, goes or is renamed in the folder or a class folder, or when the .zip or .npz does."""
    try:
        folders = [path]
        if path.is_dir():
            with os.scandir(path) as entries:
                folders += sorted(entry.path for entry in entries if entry.is_dir())
        return " ".join(_stamp(folder) for folder in folders)
    except OSError:
        return "cannot be read"  # listing it says why


def _stamp(path: str | Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "none"
    return f"{status.st_size}:{status.st_mtime_ns}"


def forget_readings() -> None:
    """Read everything anew: changes deep inside folders, or in a file under its old name, are not noticed."""
    for kept in (_listing, _thumbnails, _figures, _similar):
        kept.clear()


def thumbnails(shown: Shown, rows: tuple[int, ...]) -> list[str | TargetError]:
    """WebP pictures of these images, or why there is none."""
    return _thumbnails(shown.key, rows, tuple(_stamp(shown.samples.file(row)) for row in rows), shown)


@st.cache_data(max_entries=128, show_spinner=False)  # a page each, of some 200 KB
def _thumbnails(key: str, rows: tuple[int, ...], stamps: tuple[str, ...], _shown: Shown) -> list[str | TargetError]:
    return look_at(_shown.samples, rows, thumbnail)


def figures(shown: Shown, rows: np.ndarray) -> pd.DataFrame:
    """Size, intensity and colour of those of `rows` that can be read."""
    return _figures(shown.key, tuple(rows.tolist()), shown)


@st.cache_data(max_entries=16, show_spinner="Measuring images")
def _figures(key: str, rows: tuple[int, ...], _shown: Shown) -> pd.DataFrame:
    return table_of(look_at(_shown.samples, rows, figures_of))


def figures_of_target(found: Found, rows: np.ndarray) -> pd.DataFrame:
    """The same of a target's images."""
    return _figures_of_target(found.key, tuple(rows.tolist()), found)


@st.cache_data(max_entries=8, show_spinner="Measuring the target's images")
def _figures_of_target(key: str, rows: tuple[int, ...], _found: Found) -> pd.DataFrame:
    return table_of(looked_at(Pixels(_found.listing).__getitem__, rows, figures_of))


def similar(shown: Shown, rows: np.ndarray) -> tuple[tuple[SimilarSet, ...], int]:
    """Sets of equal and nearly equal images among `rows`, and how many of `rows` could be read."""
    return _similar(shown.key, tuple(rows.tolist()), shown)


@st.cache_data(max_entries=8, show_spinner="Looking for near-duplicates")
def _similar(key: str, rows: tuple[int, ...], _shown: Shown) -> tuple[tuple[SimilarSet, ...], int]:
    return similar_samples(_shown.samples, np.array(rows))
