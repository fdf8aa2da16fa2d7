"""One row per image from its pixels: size, colour, hash, or why it cannot be read."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import PIL

from core.images.dicom import decoders as dicom_decoders
from core.images.listing import Listing
from core.images.pixels import RULES, Pixels, PixelsError
from core.images.signature import signature

COLUMNS = ("id", "width", "height", "color", "pixel_hash", "signature", "error", "note", "stamp")


def build_index(
    listing: Listing,
    known: dict[str, dict] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """A row per image in the order of `listing`: `COLUMNS`, where `color` is judged from the pixels.
    `note` says what of a file was not taken (further pages, full size), else "".

    `known` maps ids to earlier rows; a row is kept while its stamp (size, time, Pillow's version, our rules) holds.
    `progress(done, total)` is called about a hundred times.
    """
    pixels = Pixels(listing)
    files = listing.files or [listing.npz] * len(listing)
    npz_stamp = _stamp(listing.npz) if listing.npz else None
    decoders = dicom_decoders() if listing.frames else ""
    known = known or {}

    def row_of(i: int) -> dict:
        stamp = npz_stamp or _stamp(files[i])
        if stamp and listing.frames and listing.frames[i] >= 0:
            stamp += decoders
        earlier = known.get(listing.ids[i])
        if earlier is not None and stamp and earlier["stamp"] == stamp:
            return {column: earlier[column] for column in COLUMNS}
        return {"id": listing.ids[i], "stamp": stamp, **_measure(pixels, i)}

    rows, total = [], len(listing)
    step = max(1, total // 100)
    parts = [range(start, min(start + step, total)) for start in range(0, total, step)]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for part in pool.map(lambda part: [row_of(i) for i in part], parts):
            rows += part
            if progress:
                progress(len(rows), total)
    return pd.DataFrame(rows, columns=COLUMNS)


def _stamp(path: os.PathLike) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{PIL.__version__}:{RULES}"  # other decoders give other pixels


def _measure(pixels: Pixels, i: int) -> dict:
    try:
        values, note = pixels.with_note(i)
    except PixelsError as error:
        nothing = dict.fromkeys(("color", "pixel_hash", "signature", "note"), "")
        return nothing | {"width": 0, "height": 0, "error": str(error)}
    return {
        "width": values.shape[1],
        "height": values.shape[0],
        "color": "grey" if values.ndim == 2 else "color",
        "pixel_hash": pixel_hash(values),
        "signature": signature(values),
        "error": "",
        "note": note,
    }


def pixel_hash(values: np.ndarray) -> str:
    """SHA-256 (hex) over shape and values of a decoded uint8 image."""
    digest = hashlib.sha256(str(values.shape).encode())
    digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()
