"""Where the pixels of a sample are, as JSON: what a run folder tells its worker, and the way back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.images.index import pixel_hash
from core.images.listing import Listing
from core.images.pixels import Pixels, PixelsError, Places


def sample_source(listing: Listing, indices: Sequence[int], hashes: Sequence[str]) -> dict:
    """Where the pixels of `indices` are, ready for JSON, so that a run folder alone tells a worker.

    {"files": [...]}, with "frames" where some are DICOM, or {"npz": path, "array": "train_images", "rows": [...]},
    of one split where npz; and the `hashes` of their pixels.
    """
    hashes = [str(given) for given in hashes]
    if listing.npz is None:
        frames = {} if listing.frames is None else {"frames": [listing.frames[i] for i in indices]}
        return {"files": [str(listing.files[i]) for i in indices], **frames, "hashes": hashes}
    places = [listing.ids[i].split("/") for i in indices]
    splits = {split for split, _ in places}
    if len(splits) != 1:
        raise ValueError(f"images of one split expected, not of {sorted(splits)}")
    return {
        "npz": str(listing.npz),
        "array": f"{splits.pop()}_images",
        "rows": [int(row) for _, row in places],
        "hashes": hashes,
    }


class SamePixels(Sequence):
    """Images that must still be those that were hashed: PixelsError for one that is not. Pickles."""

    def __init__(self, pixels: Pixels, hashes: Sequence[str]):
        self.pixels, self.hashes = pixels, hashes

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> np.ndarray:
        values = self.pixels[i]
        if pixel_hash(values) != self.hashes[i]:
            raise PixelsError(
                f"The image `{Path(self.pixels.places.ids[i]).name}` has changed since this run was planned.",
                "Open the scoring page again and start a new run, which takes the images as they are now.",
            )
        return values


def pixels_of(source: dict) -> SamePixels:
    """The images that `sample_source` described, in its order."""
    if "files" in source:
        files = [Path(file) for file in source["files"]]
        places = Places(ids=source["files"], files=files, npz=None, frames=source.get("frames"))
    else:
        split = source["array"].removesuffix("_images")
        ids = [f"{split}/{row}" for row in source["rows"]]
        places = Places(ids=ids, files=None, npz=Path(source["npz"]))
    return SamePixels(Pixels(places), source["hashes"])
