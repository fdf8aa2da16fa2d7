"""Pixels of one DICOM frame as a viewer shows them. pydicom is loaded only when a DICOM file is met.

Nothing of a header leaves this module but a `Header`: no text of it is put into a message, a warning or a log.
"""

import logging
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from core.images.pixels import LARGEST_IMAGE, PixelsError, grey_if_equal

if TYPE_CHECKING:
    from pydicom import Dataset

DICOM_RULES = 2  # of the way from a file to values, as RULES in `core.images.pixels`
LARGEST_CLIP = 4_000_000_000  # values in all frames of a file
DARKEST, BRIGHTEST = 0.005, 0.995  # quantiles that become black and white where no window is given
DEFLATED = b"1.2.840.10008.1.2.1.99"  # inflates as a whole, to any size
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
NEEDED = ("SOPClassUID", "Modality", "PatientID", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel")
VOLUME_MODALITIES = {"CT", "MR", "PT"}
VOLUMES = (  # SOP classes whose frames are slices, tiles or maps, under 1.2.840.10008.5.1.4.1.1
    "2.1", "2.2", "4.1", "4.3", "4.4", "6.2", "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", "14.1", "14.2", "20",
    "30", "66.4", "77.1.5.4", "77.1.5.8", "77.1.6", "77.1.8", "77.1.9", "128.1", "130", "481.2",
)  # fmt: skip
_VOLUME_CLASSES = {f"1.2.840.10008.5.1.4.1.1.{end}" for end in VOLUMES}
_DISPLAY = (
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "PhotometricInterpretation", "BitsStored",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData", "PixelRepresentation",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_MACROS = {  # of the functional groups of enhanced files (PS3.3 C.7.6.16), and the elements that each stands for
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
}


@dataclass(frozen=True)
class Header:
    """What is taken from a DICOM header. `patient` is the plain id, to be hashed at once and kept nowhere."""

    frames: int
    is_volume: bool
    values_per_frame: int  # 0: no image in the file
    patient: str
    syntax: str  # UID of the transfer syntax

    def __repr__(self) -> str:  # so that no traceback or log can show the patient
        return f"Header({self.frames} frames)"


def read_header(path: Path) -> Header:
    """PixelsError where it is damaged."""
    with _only_our_errors(path):
        return _header(path)


def read_dicom(path: Path, frame: int = 0) -> np.ndarray:
    """One frame (counted from 0) as uint8 (H, W) if grey, else (H, W, 3), as a viewer shows it.

    Grey: modality LUT or rescale, then the VOI LUT or the first window. Without either, the 0.5 % and 99.5 %
    quantiles of the frame (without padding) become black and white. MONOCHROME1 is inverted. YBR and palettes turn
    into RGB; more than 8 bits are scaled down. Overlays are not drawn. In enhanced files, what the functional groups
    say of this frame comes before what the file says of all.
    PixelsError for volumes, files without an image, damaged, too large, or compressed in a way that no installed
    decoder opens.
    """
    with _only_our_errors(path):
        header = _header(path)
        _check(header, frame, path)
        stored, data = _decode(path, frame, header)
        _take_functional_groups(data, frame)
        return grey_if_equal(_grey(stored, data) if _is_grey(stored, data) else _color(stored, data))


class _only_our_errors:
    """Turns every error into a PixelsError that says nothing of the header (pydicom's messages may)."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, PixelsError):
            return
        if isinstance(error, FileNotFoundError):
            raise PixelsError(f"`{self.path.name}` does not exist.", "Check the path.") from None
        if isinstance(error, ImportError):
            raise PixelsError(
                f"`{self.path.name}` is a DICOM file, and pydicom is not installed.",
                "Install it: python -m pip install -r requirements.txt.",
            ) from None
        why = getattr(error, "strerror", None) or "its header or its pixel data is damaged"
        raise PixelsError(
            f"`{self.path.name}` cannot be read as DICOM: {why}.",
            "Open it in a DICOM viewer; export it again, or remove it.",
        ) from None


def _pydicom() -> ModuleType:
    """pydicom, kept from telling header text in warnings and logs."""
    import pydicom
    import pydicom.pixels

    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    return pydicom


def _header(path: Path) -> Header:
    pydicom = _pydicom()
    with open(path, "rb") as file:
        if DEFLATED in file.read(2048):
            raise _no_decoder(path, "Deflated Explicit VR Little Endian")
    data = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(NEEDED))
    frames = max(1, int(data.get("NumberOfFrames") or 1))
    volume = data.get("SOPClassUID") in _VOLUME_CLASSES or data.get("Modality") in VOLUME_MODALITIES
    syntax = data.file_meta.get("TransferSyntaxUID") or IMPLICIT_LITTLE_ENDIAN
    if not data.file_meta.get("TransferSyntaxUID") and not data.original_encoding[0]:
        syntax = "1.2.840.10008.1.2.1" if data.original_encoding[1] else "1.2.840.10008.1.2.2"
    return Header(
        frames=frames,
        is_volume=volume and frames > 1,
        values_per_frame=_product(data.get(name) or 0 for name in ("Rows", "Columns"))
        * int(data.get("SamplesPerPixel") or 1),
        patient=str(data.get("PatientID") or "").strip(),
        syntax=str(syntax),
    )


def _product(numbers) -> int:
    product = 1
    for number in numbers:
        product *= int(number)
    return product


def _check(header: Header, frame: int, path: Path) -> None:
    if header.values_per_frame == 0:
        raise PixelsError(f"`{path.name}` is a DICOM file without an image.", "Remove it from the list.")
    if header.is_volume:
        raise PixelsError(
            f"`{path.name}` holds a volume, a tiled slide or a map ({header.frames} frames); only 2-D images are read.",
            "Export the slices to score as single images, and list those.",
        )
    if frame >= header.frames:
        raise PixelsError(f"`{path.name}` has only {header.frames} frames.", "Read the target's images again.")
    if header.values_per_frame > LARGEST_IMAGE or header.values_per_frame * header.frames > LARGEST_CLIP:
        raise PixelsError(
            f"`{path.name}` holds {header.values_per_frame / 1e6:,.0f} million values in each of {header.frames:,} "
            f"frames; at most {LARGEST_IMAGE / 1e6:,.0f} million per frame and {LARGEST_CLIP / 1e6:,.0f} million in "
            "all are read.",
            "Make it smaller, or export the part that matters.",
        )


def _decode(path: Path, frame: int, header: Header) -> tuple[np.ndarray, "Dataset"]:
    """The stored values of one frame (colour already RGB where it was YBR), and the elements on how to show them."""
    pydicom = _pydicom()
    syntax = pydicom.uid.UID(header.syntax)
    try:
        known = not syntax.is_compressed or pydicom.pixels.get_decoder(syntax).is_available
    except (NotImplementedError, ValueError):
        known = False
    if not known:
        raise _no_decoder(path, syntax.name if syntax.is_transfer_syntax else "an unknown transfer syntax")
    data = pydicom.Dataset()
    tags = [pydicom.datadict.tag_for_keyword(name) for name in _DISPLAY]
    try:
        stored = pydicom.pixels.pixel_array(
            path, ds_out=data, specific_tags=tags, index=frame, transfer_syntax_uid=syntax
        )
    except RuntimeError:  # every decoder gave up on the compressed data
        raise _no_decoder(path, syntax.name, "could", ": it is damaged, or of a kind that they do not know") from None
    return stored, data


def _take_functional_groups(data: "Dataset", frame: int) -> None:
    """Put the rescale and the window of `frame` where those of a plain file are."""
    shared, each = (data.get(f"{kind}FunctionalGroupsSequence") or [] for kind in ("Shared", "PerFrame"))
    for groups in (*shared[:1], *each[frame : frame + 1]):
        for macro, keywords in _MACROS.items():
            for item in (groups.get(macro) or [])[:1]:
                for keyword in keywords:
                    if keyword in data:
                        del data[keyword]
                    if keyword in item:
                        data[keyword] = item[keyword]


def _no_decoder(path: Path, syntax: str, can: str = "can", why: str = "") -> PixelsError:
    return PixelsError(
        f"`{path.name}` is compressed as {syntax}, which no installed decoder {can} open{why}.",
        "Export it uncompressed (Explicit VR Little Endian), or install pylibjpeg with pylibjpeg-libjpeg and "
        "pylibjpeg-openjpeg.",
    )


def _is_grey(stored: np.ndarray, data: "Dataset") -> bool:
    return stored.ndim == 2 and data.PhotometricInterpretation != "PALETTE COLOR"


def _color(stored: np.ndarray, data: "Dataset") -> np.ndarray:
    """RGB of any depth, or palette indices, as uint8 (H, W, 3)."""
    largest = 2 ** int(data.get("BitsStored") or 8 * stored.itemsize) - 1
    if data.PhotometricInterpretation == "PALETTE COLOR":
        stored = _pydicom().pixels.apply_color_lut(stored, data)
        largest = np.iinfo(stored.dtype).max
    if stored.ndim != 3 or stored.shape[2] != 3:
        raise ValueError("neither grey nor colour")
    if largest == 255:
        return np.ascontiguousarray(stored, dtype=np.uint8)
    return np.rint(np.clip(stored / np.float32(largest), 0, 1) * 255).astype(np.uint8)


def _grey(stored: np.ndarray, data: "Dataset") -> np.ndarray:
    """Each stored value is looked up in a table of what it shows as, so no copy in floats is made of the image."""
    if stored.dtype.kind in "iu" and stored.itemsize <= 2:
        places = stored.view(np.uint8 if stored.itemsize == 1 else np.uint16)
        values = np.arange(2 ** (8 * stored.itemsize)).astype(places.dtype).view(stored.dtype)
    else:
        values, places = np.unique(stored, return_inverse=True)
        places = places.reshape(stored.shape)
    shown = _pydicom().pixels.apply_modality_lut(values, data)
    levels = _voi_lut(shown, data)
    if levels is None:
        levels = _first_window(shown, data)
    if levels is None:
        levels = _between_quantiles(shown, values, places, data)
    levels = np.rint(np.nan_to_num(np.clip(levels, 0, 1)) * 255).astype(np.uint8)
    if data.PhotometricInterpretation == "MONOCHROME1":
        levels = 255 - levels
    out = np.empty(stored.shape, np.uint8)
    for row in range(0, len(out), 256):  # in strips: an index array is eight times the image
        out[row : row + 256] = levels[places[row : row + 256]]
    return out


def _voi_lut(shown: np.ndarray, data: "Dataset") -> np.ndarray | None:
    """0..1 through the first VOI LUT; None without one. Its largest entry tells its depth."""
    if not data.get("VOILUTSequence"):
        return None
    entries = _pydicom().pixels.apply_voi(np.rint(shown).astype(np.int64), data, index=0)
    return entries / (2 ** int(entries.max()).bit_length() - 1)


def _first_window(shown: np.ndarray, data: "Dataset") -> np.ndarray | None:
    """0..1 through the first window (DICOM PS3.3 C.11.2.1.2); None without a usable one."""
    center, width = _first(data.get("WindowCenter")), _first(data.get("WindowWidth"))
    function = str(data.get("VOILUTFunction") or "LINEAR").upper()
    if center is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (shown - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return (shown - center) / width + 0.5
    if width == 1:
        return (shown > center - 0.5).astype(np.float64)
    return (shown - (center - 0.5)) / (width - 1) + 0.5


def _first(value) -> float | None:
    values = value if isinstance(value, list) or hasattr(value, "__len__") and not isinstance(value, str) else [value]
    number = None if len(values) == 0 or values[0] in (None, "") else float(values[0])
    return number if number is not None and np.isfinite(number) else None


def _between_quantiles(shown: np.ndarray, values: np.ndarray, places: np.ndarray, data: "Dataset") -> np.ndarray:
    counts = sum(
        np.bincount(places[row : row + 256].ravel(), minlength=len(values)) for row in range(0, len(places), 256)
    )
    padding = [data.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    padding = [value for value in padding if isinstance(value, int)]
    if padding:
        without = np.where((values >= min(padding)) & (values <= max(padding)), 0, counts)
        counts = without if without.any() else counts
    order = np.argsort(shown, kind="stable")
    reached = np.cumsum(counts[order])
    low, high = (float(shown[order][np.searchsorted(reached, q * reached[-1])]) for q in (DARKEST, BRIGHTEST))
    return (shown - low) / (high - low if high > low else 1)


def decoders() -> str:
    """What opens DICOM here: other rules or versions, or a decoder installed later, may give other pixels."""
    packages = ("pydicom", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm", "pyjpegls")
    there = [f":dicom {DICOM_RULES}"]
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            there.append(f":{package} {metadata.version(package)}")
    return "".join(there)
