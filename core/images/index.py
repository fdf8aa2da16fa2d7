"""One row per image from its pixels: size, colour, hash, or why it cannot be read."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import PIL

from core.images.listing import Listing
from core.images.pixels import Pixels, PixelsError
from core.images.signature import signature

COLUMNS = ("id", "width", "height", "color", "pixel_hash", "signature", "error", "stamp")


def build_index(
    listing: Listing,
    known: dict[str, dict] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """A row per image in the order of `listing`: `COLUMNS`, where `color` is judged from the pixels.

    `known` maps ids to earlier rows; a row is taken over when its stamp ("size:mtime_ns:Pillow's version") still holds.
    `progress(done, total)` is called about a hundred times.
    """
    pixels = Pixels(listing)
    files = listing.files or [listing.npz] * len(listing)
    npz_stamp = _stamp(listing.npz) if listing.npz else None
    known = known or {}

    def row_of(i: int) -> dict:
        stamp = npz_stamp or _stamp(files[i])
        earlier = known.get(listing.ids[i])
        if earlier is not None and stamp and earlier["stamp"] == stamp:
            return {column: earlier[column] for column in COLUMNS}
        return {"id": listing.ids[i], "stamp": stamp, **_measure(pixels, i)}

    rows, total = [], len(listing)
    step = max(1, total // 100)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for done, row in enumerate(pool.map(row_of, range(total)), start=1):
            rows.append(row)
            if progress and (done % step == 0 or done == total):
                progress(done, total)
    return pd.DataFrame(rows, columns=COLUMNS)


def _stamp(path: os.PathLike) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{PIL.__version__}"  # another decoder may give other pixels


def _measure(pixels: Pixels, i: int) -> dict:
    try:
        values = pixels[i]
    except PixelsError as error:
        return {"width": 0, "height": 0, "color": "", "pixel_hash": "", "signature": "", "error": str(error)}
    return {
        "width": values.shape[1],
        "height": values.shape[0],
        "color": "grey" if values.ndim == 2 else "color",
        "pixel_hash": pixel_hash(values),
        "signature": signature(values),
        "error": "",
    }


def pixel_hash(values: np.ndarray) -> str:
    """SHA-256 (hex) over shape and values of a decoded uint8 image."""
    digest = hashlib.sha256(str(values.shape).encode())
    digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()
