"""The index: one row per image, reused when the file has not changed."""

import os
import time

import numpy as np
import pytest
from PIL import Image

from core.images.index import build_index, pixel_hash
from core.images.readers import read_listing
from core.target import TargetTask


def test_the_index_tells_size_colour_and_hash_or_why_not(class_folder, save_image, read):
    folder = class_folder(a=1, b=1)
    save_image(folder / "a" / "x.png", color=True)
    (folder / "b" / "broken.png").write_bytes(b"no")
    _, listing = read(folder)
    index = build_index(listing)
    assert tuple(index["id"]) == listing.ids == ("a/000.png", "a/x.png", "b/000.png", "b/broken.png")
    assert index["color"].tolist() == ["grey", "color", "grey", ""]
    assert index["width"].tolist() == [16, 16, 16, 0] and index["height"].tolist() == [12, 12, 12, 0]
    assert index["error"].ne("").tolist() == [False, False, False, True]
    assert index["pixel_hash"].nunique() == 4 and index["stamp"].str.match(r"\d+:\d+").all()


def test_grey_stored_as_rgb_and_in_another_format_hashes_like_grey(tmp_path, class_folder, read):
    folder = class_folder(a=1, b=1)
    values = np.asarray(Image.open(folder / "a" / "000.png"))
    Image.fromarray(np.dstack([values] * 3)).save(folder / "b" / "same.bmp")
    index = build_index(read(folder)[1]).set_index("id")
    assert index.at["a/000.png", "pixel_hash"] == index.at["b/same.bmp", "pixel_hash"] == pixel_hash(values)


def test_the_hash_sees_the_shape_and_every_value():
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    changed = values.copy()
    changed[2, 3] += 1
    hashes = {pixel_hash(v) for v in (values, changed, values.reshape(4, 3), values.reshape(2, 2, 3))}
    assert len(hashes) == 4 and pixel_hash(values) == pixel_hash(np.asfortranarray(values))


def test_known_rows_are_reused_until_the_file_changes(class_folder, read, save_image):
    folder = class_folder(a=2, b=1)
    _, listing = read(folder)
    rows = build_index(listing).to_dict("records")
    known = {row["id"]: row | {"pixel_hash": "from before", "extra": 1} for row in rows}
    assert set(build_index(listing, known)["pixel_hash"]) == {"from before"}
    save_image(folder / "a" / "001.png", seed=77, color=True)
    os.utime(folder / "b" / "000.png", ns=(1, 1))
    again = build_index(listing, known)
    assert again["pixel_hash"].eq("from before").tolist() == [True, False, False]
    assert list(again.columns) == list(rows[0])


def test_a_file_that_vanished_is_an_error_row(class_folder, read):
    folder = class_folder(a=1, b=1)
    _, listing = read(folder)
    (folder / "a" / "000.png").unlink()
    index = build_index(listing)
    assert "does not exist" in index["error"].iat[0] and index["stamp"].iat[0] == "" and not index["error"].iat[1]


def test_progress_is_told_about_a_hundred_times_and_ends_at_the_end(npz, read):
    _, listing = read(npz(train_images=np.zeros((950, 4, 4), np.uint8), train_labels=np.arange(950) % 2), "npz")
    calls = []
    build_index(listing, progress=lambda done, total: calls.append((done, total)))
    assert 90 < len(calls) < 130 and calls[-1] == (964, 964) and calls == sorted(calls)


@pytest.mark.realdata
def test_real_images_are_indexed_in_moments(realdata):
    for name, format, label_type in (
        ("pneumoniamnist.npz", "npz", "binary"),
        ("brain_mri", "folder", "multi-class"),
    ):
        task = TargetTask(name=name, images=realdata / "targets" / name, format=format, label_type=label_type)
        start = time.perf_counter()
        index = build_index(read_listing(task, (realdata,)))
        assert time.perf_counter() - start < 5  # about 0.2 s alone on two cores
        assert (index["error"] == "").all()
