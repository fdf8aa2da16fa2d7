"""Where the pixels of a sample are, as JSON: what a run folder tells its worker, and the way back."""

from collections.abc import Sequence
from pathlib import Path

from core.images.listing import Listing
from core.images.pixels import Pixels, Places


def sample_source(listing: Listing, indices: Sequence[int]) -> dict:
    """Where the pixels of `indices` are, ready for JSON, so that a run folder alone tells a worker.

    {"files": [...]} or {"npz": path, "array": "train_images", "rows": [...]}; of one split where npz.
    """
    if listing.npz is None:
        return {"files": [str(listing.files[i]) for i in indices]}
    places = [listing.ids[i].split("/") for i in indices]
    splits = {split for split, _ in places}
    if len(splits) != 1:
        raise ValueError(f"images of one split expected, not of {sorted(splits)}")
    return {
        "npz": str(listing.npz),
        "array": f"{splits.pop()}_images",
        "rows": [int(row) for _, row in places],
    }


def pixels_of(source: dict) -> Pixels:
    """The images that `sample_source` described, in its order."""
    if "files" in source:
        return Pixels(Places(ids=source["files"], files=[Path(file) for file in source["files"]], npz=None))
    split = source["array"].removesuffix("_images")
    return Pixels(Places(ids=[f"{split}/{row}" for row in source["rows"]], files=None, npz=Path(source["npz"])))
