"""Pixels of one image at a time, as uint8. Refuses what is damaged, huge or not an image."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from core.errors import TargetError
from core.images.listing import Listing
from core.images.medmnist import load_array

LARGEST_IMAGE = 120_000_000  # pixels; such an image needs about half a gigabyte while it is decoded
_DECODERS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")


class PixelsError(TargetError):
    """An image that cannot be read."""


class Places(NamedTuple):
    """Where images are: `files`, or rows of arrays in `npz` as "train/12". A Listing has the same."""

    ids: Sequence[str]
    files: Sequence[Path] | None
    npz: Path | None


class Pixels(Sequence):
    """The images of a listing, decoded when asked for: uint8, (H, W) if grey, else (H, W, 3). Pickles."""

    def __init__(self, places: Listing | Places):
        self.places = Places(places.ids, places.files, places.npz)
        self._forget_arrays()

    def _forget_arrays(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}
        self._loading = threading.Lock()

    def __getstate__(self) -> dict:
        return {"places": self.places}

    def __setstate__(self, state: dict) -> None:
        self.places = state["places"]
        self._forget_arrays()

    def __len__(self) -> int:
        return len(self.places.ids)

    def __getitem__(self, i: int) -> np.ndarray:
        if self.places.npz is None:
            return read_pixels(self.places.files[i])
        split, row = self.places.ids[i].split("/")
        return _grey_if_equal(self._array(f"{split}_images")[int(row)])

    def _array(self, name: str) -> np.ndarray:
        with self._loading:  # an .npz array is decompressed as a whole: once per process, not once per image
            if name not in self._arrays:
                self._arrays[name] = load_array(self.places.npz, name)
            return self._arrays[name]


def read_pixels(path: Path) -> np.ndarray:
    """uint8 (H, W) where red, green and blue are equal, else (H, W, 3); upright as EXIF says, first frame.

    16-bit grey is divided by 257, unless its values fit into 8 bits already; transparent places turn black.
    PixelsError for files that are damaged, cut off, not an image, floating point or above 120 megapixels.
    """
    try:
        with Image.open(path, formats=_DECODERS) as image:
            _check_size(image, path)
            return _grey_if_equal(_to_uint8(ImageOps.exif_transpose(image)))
    except PixelsError:
        raise
    except FileNotFoundError:
        raise PixelsError(f"`{path.name}` does not exist.", "Check the path.") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception as error:  # decoders answer damaged bytes with nearly any exception
        raise PixelsError(
            f"`{path.name}` cannot be read as an image: {_reason(error, path)}.",
            "Open it in an image viewer; export it again as PNG or JPEG, or remove it.",
        ) from None


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "the file is empty" if path.stat().st_size == 0 else "it is damaged or of another kind"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _check_size(image: Image.Image, path: Path) -> None:
    if image.width * image.height > LARGEST_IMAGE:
        raise _too_large(path)
    if image.mode == "F":
        raise PixelsError(f"`{path.name}` holds floating-point values.", "Export it with 8 or 16 bits per pixel.")


def _too_large(path: Path) -> PixelsError:
    return PixelsError(
        f"`{path.name}` has more than {LARGEST_IMAGE // 1_000_000} megapixels.",
        "Make it smaller, or cut it into tiles.",
    )


def _to_uint8(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return (values if values.max() <= 255 else values // 257).astype(np.uint8)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    return np.asarray(image.convert("RGB"))


def _grey_if_equal(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return values
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    return np.ascontiguousarray(red) if (red == green).all() and (red == blue).all() else values
