"""Pixels of every kind of file that users have, and of files that no one should open."""

import json
import pickle
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from core.images.index import pixel_hash
from core.images.medmnist import load_array
from core.images.pixels import Pixels, PixelsError, read_pixels, read_with_note
from core.images.source import pixels_of, sample_source


def grey(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (10, 14), dtype=np.uint8)


def color(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (10, 14, 3), dtype=np.uint8)


def with_alpha(values, alpha):
    return Image.fromarray(np.dstack([values, np.broadcast_to(np.uint8(alpha), values.shape[:2])]))


linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
ramp = np.arange(140, dtype=np.uint16).reshape(10, 14)
mask = grey() > 127
CASES = {
    "grey": (Image.fromarray(grey()), "png", grey()),
    "colour": (Image.fromarray(color()), "png", color()),
    "grey stored as RGB": (Image.fromarray(np.dstack([grey()] * 3)), "png", grey()),
    "1-bit": (Image.fromarray(mask), "png", mask * np.uint8(255)),
    "12-bit grey in a 16-bit file": (Image.fromarray(ramp * 29), "png", (ramp * 29 * 255.0 // 4095).astype(np.uint8)),
    "10-bit grey in a 16-bit file": (Image.fromarray(ramp * 7), "tif", (ramp * 7 * 255.0 // 1023).astype(np.uint8)),
    "16-bit grey as 32-bit": (
        Image.fromarray(ramp.astype(np.int32) * 400),
        "tif",
        (ramp * 400 // 257).astype(np.uint8),
    ),
    "16-bit grey": (Image.fromarray(ramp * 400), "png", (ramp * 400 // 257).astype(np.uint8)),
    "16-bit grey with 8-bit values": (Image.fromarray(ramp), "tif", ramp.astype(np.uint8)),
    "grey palette": (Image.fromarray(grey()).convert("P"), "png", grey()),
    "opaque alpha": (with_alpha(color(), 255), "png", color()),
    "transparent": (with_alpha(color(), 0), "png", np.zeros((10, 14), np.uint8)),
    "grey and alpha": (Image.fromarray(grey()).convert("LA"), "png", grey()),
    "TIFF": (Image.fromarray(color()), "tif", color()),
    "BMP": (Image.fromarray(color()), "bmp", color()),
    "GIF": (Image.fromarray(grey()), "gif", grey()),
}


@pytest.mark.parametrize("name", CASES)
def test_pixels_come_back_as_uint8_grey_or_rgb(tmp_path, name):
    image, suffix, expected = CASES[name]
    image.save(tmp_path / f"x.{suffix}")
    values = read_pixels(tmp_path / f"x.{suffix}")
    assert values.dtype == np.uint8 and np.array_equal(values, expected)


def test_cmyk_and_webp_and_jpeg_come_back_as_rgb(tmp_path):
    flat = Image.new("RGB", (14, 10), (200, 40, 90))
    for name, image in (("a.jpg", flat.convert("CMYK")), ("b.webp", flat), ("c.jpg", flat)):
        image.save(tmp_path / name)
        values = read_pixels(tmp_path / name)
        assert values.shape == (10, 14, 3)
        assert np.abs(values.reshape(-1, 3).mean(0) - (200, 40, 90)).max() < 6


def test_the_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    Image.fromarray(grey()).save(tmp_path / "x.png", exif=exif)
    assert np.array_equal(read_pixels(tmp_path / "x.png"), np.rot90(grey(), -1))


def test_only_the_first_frame_of_several_counts(tmp_path):
    first, second = Image.fromarray(grey(1)), Image.fromarray(grey(2))
    first.save(tmp_path / "x.tif", save_all=True, append_images=[second])
    assert np.array_equal(read_pixels(tmp_path / "x.tif"), grey(1))


def test_cmyk_and_lzw_and_deflate_tiff_come_back_whole(tmp_path):
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        Image.fromarray(color()).save(tmp_path / "x.tif", compression=compression)
        assert np.array_equal(read_pixels(tmp_path / "x.tif"), color())
        Image.fromarray(ramp * 400).save(tmp_path / "y.tif", compression=compression)
        assert np.array_equal(read_pixels(tmp_path / "y.tif"), ramp * 400 // 257)
    Image.new("CMYK", (14, 10), (0, 255, 255, 0)).save(tmp_path / "c.tif")
    assert (read_pixels(tmp_path / "c.tif") == (255, 0, 0)).all()


def tiled_tiff(values, deflate):
    """A big-endian TIFF of 16-bit grey in tiles of 16 x 16 pixels, as slide scanners write them."""
    rows, columns = -(-values.shape[0] // 16), -(-values.shape[1] // 16)
    padded = np.zeros((rows * 16, columns * 16), ">u2")
    padded[: values.shape[0], : values.shape[1]] = values
    pieces = [padded[16 * r : 16 * r + 16, 16 * c : 16 * c + 16].tobytes() for r in range(rows) for c in range(columns)]
    pieces = [zlib.compress(piece) for piece in pieces] if deflate else pieces
    entries = [  # tag, type (3: short, 4: long), values
        (256, 3, [values.shape[1]]), (257, 3, [values.shape[0]]), (258, 3, [16]), (259, 3, [8 if deflate else 1]),
        (262, 3, [1]), (277, 3, [1]), (322, 3, [16]), (323, 3, [16]),
        (324, 4, None), (325, 4, [len(piece) for piece in pieces]),
    ]  # fmt: skip
    lists = 8 + 2 + 12 * len(entries) + 4  # where the two lists begin, and the tiles after them
    starts = np.cumsum([lists + 8 * len(pieces), *map(len, pieces)])[:-1].tolist()
    directory = b""
    for tag, kind, given in entries:
        if tag in (324, 325):
            where = lists if tag == 324 else lists + 4 * len(pieces)
            directory += struct.pack(">HHII", tag, kind, len(pieces), where)
        else:
            directory += struct.pack(">HHIHH" if kind == 3 else ">HHII", tag, kind, 1, *given, *[0] * (kind == 3))
    sizes = [len(piece) for piece in pieces]
    head = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + directory + struct.pack(">I", 0)
    return head + struct.pack(f">{2 * len(pieces)}I", *starts, *sizes) + b"".join(pieces)


@pytest.mark.parametrize("deflate", [False, True])
def test_a_tiled_16_bit_tiff_comes_back_whole(tmp_path, deflate):
    values = np.random.default_rng(0).integers(0, 65536, (40, 50), dtype=np.uint16)
    (tmp_path / "x.tif").write_bytes(tiled_tiff(values, deflate))
    assert np.array_equal(read_pixels(tmp_path / "x.tif"), values // 257)


def test_what_is_not_taken_from_a_file_is_noted(tmp_path):
    pages = [Image.fromarray(grey(seed)) for seed in (1, 2, 3)]
    for suffix in ("tif", "gif"):
        pages[0].save(tmp_path / f"x.{suffix}", save_all=True, append_images=pages[1:])
        assert read_with_note(tmp_path / f"x.{suffix}")[1] == "the first of several pages"
    pages[0].save(tmp_path / "one.tif")
    assert read_with_note(tmp_path / "one.tif")[1] == ""


def test_negative_values_are_refused_rather_than_cut_off(tmp_path):
    for values in (np.array([[-1000, 400]]), np.array([[0, 70_000]])):
        Image.fromarray(values.astype(np.int32)).save(tmp_path / "x.tif")
        with pytest.raises(PixelsError, match="holds values from"):
            read_pixels(tmp_path / "x.tif")


def test_names_in_any_script_are_read(tmp_path):
    for name in ("Größe äöü.png", "肺 結節.png", "снимок.png", "été\u0301 🫁.png"):
        Image.fromarray(grey()).save(tmp_path / name)
        assert np.array_equal(read_pixels(tmp_path / name), grey())


@linux
def test_a_huge_jpeg_is_reduced_while_it_is_decoded_in_little_memory(tmp_path):
    Image.effect_noise((500, 500), 60).resize((30_000, 30_000)).save(tmp_path / "x.jpg", quality=30)
    peak_mb, shape, note = peak_of_reading(tmp_path / "x.jpg")
    assert shape == [7500, 7500] and note == "reduced from 30000 x 30000 pixels"
    assert peak_mb < 400  # the whole image would need 900


@linux
def test_a_huge_png_or_tiff_is_refused_by_its_header(tmp_path):
    tiff = tiled_tiff(np.zeros((40, 50), np.uint16), deflate=True)
    for tag, side in ((256, 50), (257, 40)):
        tiff = tiff.replace(struct.pack(">HHIH", tag, 3, 1, side), struct.pack(">HHIH", tag, 3, 1, 30_000))
    for name, content in (("x.png", huge_png(30_000, 30_000)), ("x.tif", tiff)):
        (tmp_path / name).write_bytes(content)
        peak_mb, shape, error = peak_of_reading(tmp_path / name)
        assert shape is None and "more than 120 megapixels" in error
        assert peak_mb < 150


def test_a_huge_progressive_jpeg_is_refused(tmp_path):
    whole = Image.effect_noise((100, 100), 60)
    whole.save(tmp_path / "x.jpg", progressive=True)
    content = (tmp_path / "x.jpg").read_bytes()
    size = struct.pack(">HH", 100, 100)
    (tmp_path / "x.jpg").write_bytes(content.replace(size, struct.pack(">HH", 30_000, 30_000), 1))
    with pytest.raises(PixelsError, match="more than 120 megapixels"):
        read_pixels(tmp_path / "x.jpg")


def peak_of_reading(path):
    """Peak memory (MiB) of a process that reads the image, and its shape and note, or None and the error."""
    program = (
        "import json, pathlib, re, sys\n"
        "from core.images.pixels import PixelsError, read_with_note\n"
        "try:\n"
        "    values, said = read_with_note(pathlib.Path(sys.argv[1])); shape = values.shape\n"
        "except PixelsError as error:\n"
        "    shape, said = None, str(error)\n"
        "kilobytes = re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text()).group(1)\n"
        "print(json.dumps([int(kilobytes) / 1024, shape, said]))"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def huge_png(width, height):
    """A PNG whose header claims width x height."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 99)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "the file is empty"),
        (b"no image at all", "damaged or of another kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "of another kind"),
        (huge_png(11_000, 11_000), "more than 120 megapixels"),
        (huge_png(60_000, 60_000), "more than 120 megapixels"),
        (huge_png(100, 100), "cannot be read"),
    ],
)
def test_what_is_not_a_whole_image_is_refused_with_a_remedy(tmp_path, content, message):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(PixelsError, match=message) as caught:
        read_pixels(tmp_path / "x.png")
    assert caught.value.remedy and "`x.png`" in caught.value.message


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tif"])
def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(np.kron(color(), np.ones((8, 8, 1), np.uint8))).save(path)
    whole = path.read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(PixelsError):
            read_pixels(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # what TIFF files with damaged tags bring about
def test_damaged_bytes_give_an_image_or_a_pixels_error_and_nothing_else(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("jpg", "png", "gif", "tif", "webp", "bmp"):
        path = tmp_path / f"x.{suffix}"
        Image.fromarray(color()).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
            path.write_bytes(damaged.tobytes())
            try:
                assert read_pixels(path).dtype == np.uint8
            except PixelsError as error:
                assert error.remedy


def test_floating_point_images_and_missing_files_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(PixelsError, match="floating-point"):
        read_pixels(tmp_path / "f.tif")
    with pytest.raises(PixelsError, match="does not exist"):
        read_pixels(tmp_path / "none.png")


def source_of(listing, indices) -> dict:
    pixels = Pixels(listing)
    hashes = [pixel_hash(pixels[i]) for i in indices]
    return sample_source(listing, np.array(indices), hashes)


def test_an_image_that_changed_since_it_was_hashed_is_refused(class_folder, read):
    folder = class_folder(a=2, b=2)
    _, listing = read(folder)
    pixels = pixels_of(source_of(listing, [0, 1]))
    Image.new("RGB", (9, 9), "red").save(listing.files[1])
    assert pixels[0].size
    with pytest.raises(PixelsError, match="has changed since"):
        pixels[1]


def test_pixels_of_a_listing_survive_pickling_and_json(class_folder, npz, read):
    for args, indices in (((class_folder(a=2, b=2),), [3, 0]), ((npz(), "npz"), [29, 0, 7])):
        _, listing = read(*args)
        pixels = Pixels(listing)
        pixels[0]
        again = pickle.loads(pickle.dumps(pixels))
        source = json.loads(json.dumps(source_of(listing, indices)))
        sample = pixels_of(source)
        assert len(again) == len(listing) and len(sample) == len(indices)
        for position, i in enumerate(indices):
            assert np.array_equal(again[i], pixels[i]) and np.array_equal(sample[position], pixels[i])


def test_a_pickled_npz_sample_is_small_and_the_array_is_read_once(npz, read, monkeypatch):
    _, listing = read(npz(train_images=np.zeros((30, 200, 200), np.uint8)), "npz")
    loads = []
    monkeypatch.setattr("core.images.pixels.load_array", lambda *args: loads.append(args) or load_array(*args))
    source = source_of(listing, range(30))
    loads.clear()
    pixels = pixels_of(source)
    assert all(pixels[i].shape == (200, 200) for i in range(30))
    assert len(loads) == 1 and len(pickle.dumps(pixels)) < 5_000


def test_a_sample_over_two_splits_of_an_npz_is_a_mistake_of_ours(npz, read):
    _, listing = read(npz(), "npz")
    with pytest.raises(ValueError, match="one split"):
        source_of(listing, [0, 35])
