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
    frames: Sequence[int] | None = None


class Pixels(Sequence):
    """The images of a listing, decoded when asked for: uint8, (H, W) if grey, else (H, W, 3). Pickles."""

    def __init__(self, places: Listing | Places):
        self.places = Places(places.ids, places.files, places.npz, places.frames)
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
            frame = -1 if self.places.frames is None else self.places.frames[i]
            return read_dicom_frame(self.places.files[i], frame) if frame >= 0 else read_pixels(self.places.files[i])
        split, row = self.places.ids[i].split("/")
        return grey_if_equal(self._array(f"{split}_images")[int(row)])

    def _array(self, name: str) -> np.ndarray:
        with self._loading:  # an .npz array is decompressed as a whole: once per process, not once per image
            if name not in self._arrays:
                self._arrays[name] = load_array(self.places.npz, name)
            return self._arrays[name]


def read_pixels(path: Path) -> np.ndarray:
    """uint8 (H, W) where red, green and blue are equal, else (H, W, 3); upright as EXIF says, first frame.

    16-bit grey is divided by 257, unless its values fit into 8 bits already; transparent places turn black. DICOM as
    in `core.images.dicom`.
    PixelsError for files that are damaged, cut off, not an image, floating point or above 120 megapixels.
    """
    try:
        with Image.open(path, formats=_DECODERS) as image:
            _check_size(image, path)
            return grey_if_equal(_to_uint8(ImageOps.exif_transpose(image)))
    except PixelsError:
        raise
    except Image.UnidentifiedImageError as error:
        if is_dicom(path):
            return read_dicom_frame(path, 0)
        raise _unreadable(error, path) from None
    except FileNotFoundError:
        raise PixelsError(f"`{path.name}` does not exist.", "Check the path.") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception as error:  # decoders answer damaged bytes with nearly any exception
        raise _unreadable(error, path) from None


def is_dicom(path: Path) -> bool:
    """Whether the content of the file is DICOM: `DICM` behind the preamble, or an old file that begins with its
    first element. False for what cannot be opened."""
    try:
        with open(path, "rb") as file:
            head = file.read(132)
    except OSError:
        return False
    begins_with_element = head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\0" and len(head) > 8
    return head[128:] == b"DICM" or begins_with_element


def read_dicom_frame(path: Path, frame: int) -> np.ndarray:
    from core.images.dicom import read_dicom  # pydicom is loaded only for those who have such files

    return read_dicom(path, frame)


def _unreadable(error: Exception, path: Path) -> PixelsError:
    return PixelsError(
        f"`{path.name}` cannot be read as an image: {_reason(error, path)}.",
        "Open it in an image viewer; export it again as PNG or JPEG, or remove it.",
    )


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


def grey_if_equal(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return values
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    return np.ascontiguousarray(red) if (red == green).all() and (red == blue).all() else values
