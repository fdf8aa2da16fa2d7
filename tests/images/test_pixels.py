"""Pixels of every kind of file that users have, and of files that no one should open."""

import json
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.images.index import pixel_hash
from core.images.medmnist import load_array
from core.images.pixels import Pixels, PixelsError, read_pixels
from core.images.source import pixels_of, sample_source


def grey(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (10, 14), dtype=np.uint8)


def color(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (10, 14, 3), dtype=np.uint8)


def with_alpha(values, alpha):
    return Image.fromarray(np.dstack([values, np.broadcast_to(np.uint8(alpha), values.shape[:2])]))


ramp = np.arange(140, dtype=np.uint16).reshape(10, 14)
mask = grey() > 127
CASES = {
    "grey": (Image.fromarray(grey()), "png", grey()),
    "colour": (Image.fromarray(color()), "png", color()),
    "grey stored as RGB": (Image.fromarray(np.dstack([grey()] * 3)), "png", grey()),
    "1-bit": (Image.fromarray(mask), "png", mask * np.uint8(255)),
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
