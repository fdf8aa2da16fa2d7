"""Pixels of one image at a time, as uint8. Refuses what is damaged, huge or not an image."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from core.errors import TargetError
from core.images.listing import Listing
from core.images.medmnist import load_array

LARGEST_IMAGE = 120_000_000  # pixels; such an image needs up to 0.8 (grey) or 1.8 GB (colour) while it is decoded
LARGE_IMAGE = 16_000_000  # pixels; above it one image is decoded at a time, however many threads ask
RULES = 2  # of the way from a file to values: rows of an index made under other rules are not taken over
_DECODERS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
_BITS = (8, 10, 12, 14, 16)  # what detectors and scanners deliver
_ONE_LARGE = threading.Lock()


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
        return self.with_note(i)[0]

    def with_note(self, i: int) -> tuple[np.ndarray, str]:
        """The image and, where it is not all that its file holds, a few words about that (else "")."""
        if self.places.npz is None:
            frame = -1 if self.places.frames is None else self.places.frames[i]
            if frame >= 0:
                return read_dicom_frame(self.places.files[i], frame), ""
            return read_with_note(self.places.files[i])
        split, row = self.places.ids[i].split("/")
        return grey_if_equal(self._array(f"{split}_images")[int(row)]), ""

    def _array(self, name: str) -> np.ndarray:
        with self._loading:  # an .npz array is decompressed as a whole: once per process, not once per image
            if name not in self._arrays:
                self._arrays[name] = load_array(self.places.npz, name)
            return self._arrays[name]


def read_pixels(path: Path) -> np.ndarray:
    """uint8 (H, W) where red, green and blue are equal, else (H, W, 3); upright as EXIF says, first page or frame.

    Grey of more than 8 bits: the values v become 255 v // (2^b - 1), where b is the smallest of 8, 10, 12, 14 and 16
    bits that holds the largest value of this image; so 12-bit values in a 16-bit file use the whole range, and a file
    always gives the same pixels. (Two files of one 12-bit detector differ in b where one stays below 1024.)
    16 bits per channel of colour keep their upper 8. Transparent places turn black. A JPEG above 120 megapixels is
    reduced to a half, a quarter or an eighth of its sides while it is decoded.
    DICOM as in `core.images.dicom`.
    PixelsError for files that are damaged, cut off, not an image, floating point, of values below 0 or above 65535,
    or above 120 megapixels and not reducible: refused by their header.
    """
    return read_with_note(path)[0]


def read_with_note(path: Path) -> tuple[np.ndarray, str]:
    """`read_pixels`, and "" or what of the file was not taken, such as "the first of several pages"."""
    try:
        with opened(path) as image:
            full_size = image.size
            _fit_size(image, path)
            large = image.width * image.height > LARGE_IMAGE
            with _ONE_LARGE if large else nullcontext():
                values = grey_if_equal(_to_uint8(_upright(image), path))
            return values, _note(image, full_size)
    except PixelsError:
        raise
    except Image.UnidentifiedImageError as error:
        if is_dicom(path):
            return read_dicom_frame(path, 0), ""
        raise _unreadable(error, path) from None
    except FileNotFoundError:
        raise PixelsError(f"`{path.name}` does not exist.", "Check the path.") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except MemoryError:
        raise PixelsError(f"There is too little memory to decode `{path.name}`.", "Make the image smaller.") from None
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


def opened(path: Path) -> Image.Image:
    """The image with its header read. Pillow refuses by the header what is huge, a JPEG too, which could be reduced."""
    try:
        return Image.open(path, formats=_DECODERS)
    except Image.DecompressionBombError:
        with open(path, "rb") as file:
            is_jpeg = file.read(3) == b"\xff\xd8\xff"
        if not is_jpeg:
            raise
        return JpegImagePlugin.JpegImageFile(path)


def _note(image: Image.Image, full_size: tuple[int, int]) -> str:
    with suppress(Exception):  # what follows a good first frame may be damaged
        if image.format != "MPO" and getattr(image, "is_animated", False):  # further frames of an MPO are previews
            return "the first of several pages"
    if image.size != full_size:
        return f"reduced from {full_size[0]} x {full_size[1]} pixels"
    return ""


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "the file is empty" if path.stat().st_size == 0 else "it is damaged or of another kind"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _fit_size(image: Image.Image, path: Path) -> None:
    """Make a huge JPEG decode to less than LARGEST_IMAGE pixels; PixelsError for what cannot be reduced so."""
    if image.mode == "F":
        raise PixelsError(f"`{path.name}` holds floating-point values.", "Export it with 8 or 16 bits per pixel.")
    if image.width * image.height <= LARGEST_IMAGE:
        return
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or "progressive" in image.info:
        raise _too_large(path)  # a progressive JPEG is held as a whole before it can be reduced
    width, height = image.size
    scale = next((scale for scale in (2, 4, 8) if width * height <= LARGEST_IMAGE * scale**2), 8)
    image.draft(image.mode, (width // scale, height // scale))
    if image.width * image.height > LARGEST_IMAGE:
        raise _too_large(path)


def _too_large(path: Path) -> PixelsError:
    return PixelsError(
        f"`{path.name}` has more than {LARGEST_IMAGE // 1_000_000} megapixels.",
        "Make it smaller, save it as a plain (not progressive) JPEG, which is reduced while it is read, "
        "or cut it into tiles.",
    )


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held. Most files do not say, and are not copied."""
    return ImageOps.exif_transpose(image) if image.getexif().get(ExifTags.Base.Orientation, 1) != 1 else image


def _to_uint8(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image), path)
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return np.asarray(image if image.mode == "L" else image.convert("L"))
    if image.has_transparency_data:
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", seen.size)
        image.paste(seen, mask=seen.getchannel("A"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _from_16_bits(values: np.ndarray, path: Path) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PixelsError(
            f"`{path.name}` holds values from {low} to {high}, which 16 bits without a sign do not hold.",
            "Export it with the window that a reader would use, with 8 or 16 bits per pixel.",
        )
    bits = next(bits for bits in _BITS if high < 2**bits)
    table = (np.arange(2**bits) * 255 // (2**bits - 1)).astype(np.uint8)
    return table[values]


def grey_if_equal(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return values
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    return np.ascontiguousarray(red) if (red == green).all() and (red == blue).all() else values
