"""DICOM images as a viewer shows them; what is refused; and that nothing of a header is told."""

import logging
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_windowing
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from core.images import dicom
from core.images.dicom import read_dicom
from core.images.pixels import PixelsError, is_dicom, read_pixels
from tests.dicoms import SECRETS, write_dicom

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)
HOUNSFIELD = np.linspace(-1024, 2000, 4096).astype(np.int16).reshape(64, 64)
COLORS = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)


def windowed(values, center, width):
    """The 8-bit grey of a window: what lies below is black, above white (PS3.3 C.11.2.1.2.1)."""
    share = (np.asarray(values, float) - (center - 0.5)) / (width - 1) + 0.5
    return np.rint(share.clip(0, 1) * 255).astype(np.uint8)


CASES = {
    "a window": (RAMP, {"WindowCenter": 2000, "WindowWidth": 1000}, windowed(RAMP, 2000, 1000)),
    "the first of two windows": (
        RAMP, {"WindowCenter": [600, 9], "WindowWidth": [400, 5]}, windowed(RAMP, 600, 400)),
    "rescale before the window": (
        RAMP, {"RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400},
        windowed(RAMP * 2.0 - 1024, 40, 400)),
    "negative slope": (
        RAMP, {"RescaleSlope": -1, "RescaleIntercept": 0, "WindowCenter": -2000, "WindowWidth": 3000},
        windowed(-1.0 * RAMP, -2000, 3000)),
    "signed values": (HOUNSFIELD, {"WindowCenter": 40, "WindowWidth": 400}, windowed(HOUNSFIELD, 40, 400)),
    "MONOCHROME1": (
        RAMP, {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 2000, "WindowWidth": 1000},
        255 - windowed(RAMP, 2000, 1000)),
    "window of width 1": (RAMP, {"WindowCenter": 100, "WindowWidth": 1}, np.where(RAMP > 99, 255, 0)),
    "12 of 16 bits": (
        RAMP, {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2048, "WindowWidth": 4096},
        windowed(RAMP, 2048, 4096)),
    "exact window": (
        BYTES, {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": 128, "WindowWidth": 64},
        np.rint(((BYTES - 128.0) / 64 + 0.5).clip(0, 1) * 255)),
    "sigmoid": (
        BYTES, {"VOILUTFunction": "SIGMOID", "WindowCenter": 128, "WindowWidth": 64},
        np.rint(255 / (1 + np.exp(-4 * (BYTES - 128.0) / 64)))),
    "colour": (COLORS, {"samples": 3}, COLORS),
    "grey stored as RGB": (np.dstack([BYTES] * 3), {"samples": 3}, BYTES),
    "one value everywhere": (np.full((4, 4), 7, np.uint16), {}, np.zeros((4, 4))),
    "a window of no width counts as none": (
        np.array([[0, 1], [1, 0]], np.uint8), {"WindowCenter": 5, "WindowWidth": 0}, [[0, 255], [255, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_are_shown_as_the_header_says(tmp_path, name):
    values, elements, expected = CASES[name]
    shown = read_pixels(write_dicom(tmp_path / "x", values, **elements))
    assert shown.dtype == np.uint8 and np.array_equal(shown, expected)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicoms_own(tmp_path, function):
    path = write_dicom(tmp_path / "x", RAMP, WindowCenter=1500, WindowWidth=800, VOILUTFunction=function)
    theirs = apply_windowing(RAMP, pydicom.dcmread(path)) / 65535 * 255
    assert np.abs(read_dicom(path) - theirs).max() <= 0.51


def test_without_a_window_the_quantiles_become_black_and_white_and_padding_does_not_count(tmp_path):
    values = np.random.default_rng(0).normal(3000, 100, (100, 100)).astype(np.int16)
    low, high = np.quantile(values, (0.005, 0.995))
    shown = read_dicom(write_dicom(tmp_path / "x", values))
    assert (shown[values < low - 1] == 0).all() and (shown[values > high + 1] == 255).all()
    assert np.abs(shown - ((values - low) / (high - low)).clip(0, 1) * 255).max() < 2
    padded = np.vstack([values, np.full((300, 100), -2000, np.int16)])
    again = read_dicom(write_dicom(tmp_path / "y", padded, PixelPaddingValue=-2000))
    assert np.array_equal(again[:100], shown) and (again[100:] == 0).all()


def test_a_voi_lut_comes_before_a_window(tmp_path):
    path = write_dicom(tmp_path / "x", BYTES, VOILUTSequence=Sequence([lut_of_squares()]), **NARROW)
    assert np.array_equal(read_dicom(path), np.rint((BYTES.astype(int) ** 2 // 16) / 4095 * 255))


def test_16_bit_colour_and_palettes_come_back_as_8_bit_rgb():
    eight, sixteen, palette = (
        read_dicom(Path(get_testdata_file(name, download=False)))
        for name in ("SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "examples_palette.dcm")
    )
    assert np.array_equal(eight, sixteen)
    assert palette.shape == (350, 800, 3) and palette.dtype == np.uint8 and palette.max() > 200


SAME = ["MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_expb.dcm",
        "MR_small_jp2klossless.dcm", "MR_small_padded.dcm"]  # fmt: skip


def test_one_image_in_many_transfer_syntaxes_gives_the_same_pixels():
    first, *others = (read_dicom(Path(get_testdata_file(name, download=False))) for name in SAME)
    assert first.shape == (64, 64) and all(np.array_equal(first, other) for other in others)


def test_every_test_file_of_pydicom_gives_pixels_or_a_pixels_error():
    folder, read, refused = Path(get_testdata_file("CT_small.dcm", download=False)).parent, 0, 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_dicom(path):
            try:
                values = read_dicom(path)
                assert values.dtype == np.uint8 and values.ndim in (2, 3)
                read += 1
            except PixelsError as error:
                assert error.remedy and path.name in error.message
                refused += 1
    assert read >= 35 and refused >= 10


def test_a_frame_of_a_clip_is_chosen_by_its_number(tmp_path):
    clip = np.stack([np.full((4, 4), 20 * n, np.uint8) for n in range(10)])
    path = write_dicom(tmp_path / "x", clip, WindowCenter=128, WindowWidth=256)
    assert [int(read_dicom(path, n)[0, 0]) for n in (0, 4, 9)] == [0, 80, 180]
    with pytest.raises(PixelsError, match="has only 10 frames"):
        read_dicom(path, 10)


def lut_of_squares() -> pydicom.Dataset:
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 0, 16], list((np.arange(256) ** 2 // 16).astype(int))
    lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
    return lut


def functional_groups(rescale: dict | None = None, **window) -> pydicom.Dataset:
    """An item of the functional groups sequences of an enhanced file."""
    item = pydicom.Dataset()
    for macro, elements in (("PixelValueTransformationSequence", rescale), ("FrameVOILUTSequence", window)):
        if elements:
            inner = pydicom.Dataset()
            inner.update(elements)
            setattr(item, macro, Sequence([inner]))
    return item


SLOPE = {"RescaleSlope": 2, "RescaleIntercept": -1024}
NARROW, WIDE = {"WindowCenter": 900, "WindowWidth": 300}, {"WindowCenter": 2000, "WindowWidth": 3000}
ENHANCED = {
    "a window for all frames": (
        [functional_groups(**NARROW)], [], {}, (windowed(RAMP, 900, 300), windowed(RAMP, 900, 300))),
    "a window for each frame": (
        [], [functional_groups(**NARROW), functional_groups(**WIDE)], {},
        (windowed(RAMP, 900, 300), windowed(RAMP, 2000, 3000))),
    "a rescale for each frame, a window for all": (
        [functional_groups(**NARROW)],
        [functional_groups(SLOPE), functional_groups({"RescaleSlope": 1, "RescaleIntercept": 10})], {},
        (windowed(RAMP * 2.0 - 1024, 900, 300), windowed(RAMP + 10.0, 900, 300))),
    "before what the file says of all": (
        [functional_groups(SLOPE, **WIDE)], [], NARROW | {"VOILUTFunction": "SIGMOID", "RescaleSlope": 9,
                                                          "RescaleIntercept": 9},
        (windowed(RAMP * 2.0 - 1024, 2000, 3000),) * 2),
    "a function of the window": (
        [functional_groups(**NARROW, VOILUTFunction="LINEAR_EXACT")], [], {},
        (np.rint(((RAMP - 900.0) / 300 + 0.5).clip(0, 1) * 255),) * 2),
    "a frame that says nothing": (
        [], [functional_groups(**NARROW)], WIDE, (windowed(RAMP, 900, 300), windowed(RAMP, 2000, 3000))),
    "empty groups": (
        [functional_groups()], [functional_groups()] * 2, WIDE, (windowed(RAMP, 2000, 3000),) * 2),
}  # fmt: skip


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("name", ENHANCED)
def test_each_frame_of_an_enhanced_file_has_its_own_window_and_rescale(tmp_path, name, syntax):
    shared, each, elements, expected = ENHANCED[name]
    sequences = {"SharedFunctionalGroupsSequence": shared, "PerFrameFunctionalGroupsSequence": each}
    written = write_dicom(tmp_path / "x", np.stack([RAMP, RAMP]), **elements, **sequences)
    if syntax != ExplicitVRLittleEndian:
        data = pydicom.dcmread(written)
        if syntax.is_compressed:
            data.compress(syntax)
        data.file_meta.TransferSyntaxUID = syntax
        data.save_as(written, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    assert [np.array_equal(read_dicom(written, n), expected[n]) for n in (0, 1)] == [True, True]


def test_a_voi_lut_of_a_frame_is_applied(tmp_path):
    each = [functional_groups(VOILUTSequence=Sequence([lut_of_squares()])), functional_groups(**NARROW)]
    path = write_dicom(tmp_path / "x", np.stack([BYTES, BYTES]), PerFrameFunctionalGroupsSequence=each)
    assert np.array_equal(read_dicom(path), np.rint((BYTES.astype(int) ** 2 // 16) / 4095 * 255))
    assert np.array_equal(read_dicom(path, 1), windowed(BYTES, 900, 300))


SMALL = np.zeros((4, 4), np.uint16)
STACK = np.zeros((6, 4, 4), np.uint16)
REFUSED = {
    "a CT stack": (STACK, {"Modality": "CT"}, "volume"),
    "a tomosynthesis": (STACK, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, "volume"),
    "a segmentation": (STACK, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "volume"),
    "too many pixels": (SMALL, {"Rows": 30000, "Columns": 30000}, "900 million values"),
    "too many frames": (SMALL, {"Rows": 4000, "Columns": 4000, "NumberOfFrames": 9000}, "9,000 frames"),
    "no pixels": (SMALL, {"Rows": None}, "without an image"),
    "pixel data missing": (SMALL, {"PixelData": None}, "cannot be read as DICOM"),
    "pixel data cut off": (SMALL, {"Rows": 40}, "cannot be read as DICOM"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_2d_image_is_refused_with_a_remedy(tmp_path, name):
    values, elements, message = REFUSED[name]
    path = write_dicom(tmp_path / "x.dcm", values, **elements)
    with pytest.raises(PixelsError, match=message) as caught:
        read_pixels(path)
    assert caught.value.remedy and "`x.dcm`" in caught.value.message


@pytest.mark.parametrize(
    "name, syntax",
    [
        ("MR_small_jpeg_ls_lossless.dcm", "JPEG-LS Lossless"),
        ("SC_rgb_jpeg_gdcm.dcm", "JPEG Lossless"),
        ("image_dfl.dcm", "Deflated Explicit VR"),
        ("JPEG-lossy.dcm", "JPEG Extended"),
    ],
)
def test_a_compression_that_no_decoder_opens_is_named(name, syntax, monkeypatch):
    decoder = pydicom.pixels.get_decoder
    monkeypatch.setattr(pydicom.pixels, "get_decoder", lambda uid: _Without(decoder(uid)))
    with pytest.raises(PixelsError, match=f"compressed as {syntax}") as caught:
        read_dicom(Path(get_testdata_file(name, download=False)))
    assert "Explicit VR Little Endian" in caught.value.remedy


class _Without:
    """A decoder that is not installed, so that the test does not depend on what is."""

    is_available = False

    def __init__(self, decoder):
        self.UID = decoder.UID


def test_a_syntax_nobody_knows_is_refused_without_repeating_it(tmp_path):
    path = write_dicom(tmp_path / "x", SMALL)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.9.840.10008.1.2.4\0"))
    with pytest.raises(PixelsError, match="unknown transfer syntax|cannot be read"):
        read_dicom(path)


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "x", np.zeros((2000, 2000), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    monkeypatch.setattr("zlib.decompress", lambda *_: pytest.fail("it was inflated"))
    with pytest.raises(PixelsError, match="Deflated"):
        read_dicom(path)


def test_content_tells_dicom_and_not_the_name(tmp_path):
    path = write_dicom(tmp_path / "x.png", BYTES, WindowCenter=128, WindowWidth=256)
    assert is_dicom(path) and np.array_equal(read_pixels(path), BYTES)
    (tmp_path / "y.dcm").write_bytes(b"no image at all")
    assert not is_dicom(tmp_path / "y.dcm")
    with pytest.raises(PixelsError, match="damaged or of another kind"):
        read_pixels(tmp_path / "y.dcm")
    with pytest.raises(PixelsError, match="does not exist"):
        read_dicom(tmp_path / "none.dcm")


def test_damaged_bytes_tell_nothing_of_the_header(tmp_path, caplog, capfd):
    """Bytes are changed and files cut at random: pixels or a PixelsError, and no header text anywhere."""
    caplog.set_level(logging.DEBUG)
    path = write_dicom(tmp_path / "x", RAMP[:8, :8].copy(), WindowCenter=9, WindowWidth=9)
    whole, rng, told = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(0), []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for turn in range(300):
            damaged = whole.copy()
            damaged[rng.integers(132, len(whole), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(damaged[: rng.integers(132, len(whole)) if turn % 3 == 0 else None].tobytes())
            try:
                assert read_dicom(path).dtype == np.uint8
            except PixelsError as error:
                told.append(str(error))
    out, err = capfd.readouterr()
    everything = " ".join([*told, caplog.text, out, err, *(str(w.message) for w in warned)])
    assert told and not [secret for secret in SECRETS if secret in everything]


@pytest.mark.parametrize("keyword", ["WindowCenter", "RescaleSlope", "NumberOfFrames"])
def test_a_number_that_is_a_name_is_not_repeated(tmp_path, keyword):
    path = write_dicom(tmp_path / "x", SMALL, WindowWidth=9, RescaleIntercept=0, **{keyword: 123456789012})
    path.write_bytes(path.read_bytes().replace(b"123456789012", b"Quetzalcoatl"))
    with pytest.raises(PixelsError, match="cannot be read as DICOM") as caught:
        read_dicom(path)
    assert "Quetzalcoatl" not in str(caught.value) and caught.value.__suppress_context__


def test_a_header_shows_no_patient(tmp_path):
    header = dicom.read_header(write_dicom(tmp_path / "x", SMALL))
    assert header.patient == "MRN-77341X" and "MRN" not in f"{header} {header!r}"


def test_decoders_are_named_so_that_a_later_one_reads_the_files_again():
    assert f"pydicom {pydicom.__version__}" in dicom.decoders()
