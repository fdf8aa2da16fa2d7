"""Samples of a source: what lies in a folder, .zip or .npz, by class, without opening it; and what images look like."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import SourceScoutError, TargetError
from core.images import samples as samples_module
from core.images.index import build_index
from core.images.medmnist import rows_of_array
from core.images.near import similar_sets
from core.images.readers import read_listing
from core.images.samples import (
    FIGURES,
    NO_CLASS,
    PATTERNS,
    Kept,
    classes_in_names,
    counts,
    draw,
    few_of_each,
    figures_of,
    fitting_patterns,
    histograms,
    keep_samples,
    kept_samples,
    kind_of,
    label_of,
    list_samples,
    look_at,
    rows_of,
    similar_samples,
    table_of,
    with_classes_from_names,
)  # fmt: skip
from core.settings import home
from core.target import TargetTask
from tests.images.conftest import picture


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not opened")
    return folder


def by_class(samples) -> dict[str, list[str]]:
    return {name: [samples.ids[row] for row in rows_of(samples, [name])] for name in samples.classes}


@pytest.mark.parametrize(
    "names, found",
    [
        (["cat/1.JPEG", "ant/deep/2.png"], {"ant": ["ant/deep/2.png"], "cat": ["cat/1.JPEG"]}),
        (["b.png", "a.png"], {NO_CLASS: ["a.png", "b.png"]}),
        (["cat/1.png", "loose.png"], {"cat": ["cat/1.png"], NO_CLASS: ["loose.png"]}),
        (["cat/1.png", "cat/.2.png", ".git/3.png", "cat/notes.txt", "empty/x.csv"], {"cat": ["cat/1.png"]}),
        (["train/1.png", "loose.png"], {"train": ["train/1.png"], NO_CLASS: ["loose.png"]}),
    ],
)
def test_sub_folders_are_classes_and_no_file_is_opened(tmp_path, names, found):
    assert by_class(list_samples(touch(tmp_path / "s", *names), (tmp_path,))) == found


def test_a_zip_is_browsed_like_its_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for name in ("cat/1.png", "dog/2.png"):
            archive.writestr(name, b"not opened")
    samples = list_samples(tmp_path / "s.zip", (tmp_path,))
    assert by_class(samples) == {"cat": ["cat/1.png"], "dog": ["dog/2.png"]}
    assert samples.file(0).read_bytes() == b"not opened"


IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)


@pytest.mark.parametrize(
    "name, arrays, found",
    [
        ("x", {"arr_0": IMAGES}, {NO_CLASS: 6}),
        ("x", {"images": IMAGES, "labels": np.array([10, 9, 10, 9, 10, 10])}, {"9": 2, "10": 4}),
        ("x", {"images": IMAGES, "labels": np.array(list("abcabc"))}, {"a": 2, "b": 2, "c": 2}),
        ("x", {"a_images": IMAGES, "a_labels": np.ones((6, 1)), "b_images": IMAGES}, {"1.0": 6, NO_CLASS: 6}),
        ("x", {"images": IMAGES, "labels": np.eye(6, 3, dtype=int)}, {"0": 1, "1": 1, "2": 1}),
        ("x", {"images": IMAGES, "labels": np.ones(5)}, {NO_CLASS: 6}),
        ("x", {"images": IMAGES, "labels": np.array(3)}, {NO_CLASS: 6}),
        ("x", {"images": IMAGES, "labels": np.full((6, 2), 7)}, {NO_CLASS: 6}),
        ("pneumoniamnist_64", {"images": IMAGES, "labels": np.eye(6)[0]}, {"1.0": 1, "0.0": 5}),
        ("pneumoniamnist_64", {"images": IMAGES, "labels": np.arange(6) // 5}, {"normal": 5, "pneumonia": 1}),
    ],
)  # fmt: skip
def test_arrays_of_an_npz_and_their_labels(tmp_path, name, arrays, found):
    np.savez(tmp_path / f"{name}.npz", **arrays)
    samples = list_samples(tmp_path / f"{name}.npz", (tmp_path,))
    assert dict(zip(samples.classes, counts(samples).tolist(), strict=True)) == found
    assert bool(samples.notes) == (NO_CLASS in found and len(arrays) > 1)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_of_an_npz_are_looked_at_in_the_order_asked_for(tmp_path, save):
    save(tmp_path / "x.npz", train_images=IMAGES, test_images=IMAGES + 100)
    samples = list_samples(tmp_path / "x.npz", (tmp_path,))
    rows = [11, 0, 7, 3]
    expected = np.concatenate([IMAGES, IMAGES + 100])[rows]
    assert (np.array(look_at(samples, rows, np.array)) == expected).all()
    assert samples.ids[11] == "test_images/5"


def test_a_row_of_a_large_array_is_read_without_the_others(tmp_path):
    array = np.zeros((1300, 256, 256), dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", images=array)
    tracemalloc.start()
    (last,) = rows_of_array(tmp_path / "x.npz", "images", [299])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert last.shape == (256, 256) and peak < array.nbytes / 2


def bad_zip(folder):
    (folder / "x.zip").write_bytes(b"PK no archive")
    return folder / "x.zip"


def bad_npz(folder, **arrays):
    np.savez(folder / "x.npz", **arrays)
    return folder / "x.npz"


def cut(folder):
    path = bad_npz(folder, images=IMAGES)
    path.write_bytes(path.read_bytes()[:150])
    return path


BAD = {
    "missing": (lambda f: f / "nowhere", "does not exist"),
    "outside": (lambda f: "/etc", "outside the folders"),
    "relative": (lambda f: "images", "not a full path"),
    "no image": (lambda f: touch(f / "s", "a/notes.txt", "b.dcm"), "no image that can be browsed"),
    "a file": (lambda f: touch(f, "x.csv") / "x.csv", "neither a folder"),
    "splits": (lambda f: touch(f / "s", "train/a/1.png", "val/a/2.png"), "splits, not classes"),
    "damaged zip": (bad_zip, "damaged or not a zip"),
    "cut npz": (cut, "damaged or not an .npz"),
    "pickled": (lambda f: bad_npz(f, images=np.array([{}, {}], dtype=object)), "pickled"),
    "pickled labels": (lambda f: bad_npz(f, images=IMAGES, labels=np.array([{}] * 6, dtype=object)), "pickled"),
    "float": (lambda f: bad_npz(f, images=IMAGES / 255), "must be uint8"),
    "empty": (lambda f: bad_npz(f, images=IMAGES[:0]), "holds no image"),
    "two arrays": (lambda f: bad_npz(f, x=IMAGES, y=IMAGES), "can be told from the rest"),
    "a null": (lambda f: f / "a\0b", "no usable path"),
}


@pytest.mark.parametrize("make, message", BAD.values(), ids=BAD)
def test_what_cannot_be_browsed_is_said_with_what_to_do(tmp_path, make, message):
    with pytest.raises(SourceScoutError, match=message) as caught:
        list_samples(make(tmp_path), (tmp_path,))
    assert caught.value.remedy


def test_a_folder_with_too_many_entries_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(samples_module, "MOST_ENTRIES", 3)
    list_samples(touch(tmp_path / "few", "a/1.png", "a/2.png", "b/3.png"), (tmp_path,))
    with pytest.raises(SourceScoutError, match="More than 3 files"):
        list_samples(touch(tmp_path / "many", "a/1.png", "a/2.png", "b/3.png", "b/4.png"), (tmp_path,))


def test_a_column_by_column_or_damaged_array_is_refused_when_it_is_looked_at(tmp_path):
    np.savez(tmp_path / "f.npz", images=np.asfortranarray(IMAGES))
    np.savez(tmp_path / "d.npz", images=np.tile(IMAGES, (1, 10, 10)))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[-200] ^= 255  # within the pixels: the checksum of the archive tells
    (tmp_path / "d.npz").write_bytes(content)
    for name, message in (("f", "column by column"), ("d", "damaged")):
        samples = list_samples(tmp_path / f"{name}.npz", (tmp_path,))
        with pytest.raises(TargetError, match=message):
            look_at(samples, [5], np.array)


def test_damaged_images_and_links_that_lead_out_are_said_one_by_one(tmp_path, save_image):
    inside, outside = tmp_path / "in", tmp_path / "out"
    save_image(outside / "secret.png", 1)
    save_image(inside / "good.png", 2)
    (inside / "bad.png").write_bytes(b"damaged")
    (inside / "link.png").symlink_to(outside / "secret.png")
    (inside / "class").symlink_to(outside)
    samples = list_samples(inside, (inside,))
    assert samples.ids == ("bad.png", "good.png", "link.png") and "`class`" in samples.notes[0]
    bad, good, link = look_at(samples, [0, 1, 2], np.array)
    assert "cannot be read as an image" in bad.message and "outside the folders" in link.message
    assert (good == picture(2)).all() and "PNG, mode L (grey, 8 bits)" in kind_of(samples, 1)


@pytest.mark.parametrize(
    "pattern, name, found",
    [
        ("before the number: dog_0001.jpg", "dog_0001.jpg", "dog"),
        ("before the number: dog_0001.jpg", "polar bear-12.png", "polar bear"),
        ("before the number: dog_0001.jpg", "dog.jpg", ""),
        ("after the first _: n01440764_tench.jpg", "n01440764_great_white_shark.JPEG", "great_white_shark"),
        ("before the first _: dog_a1.jpg", "dog_a1.jpg", "dog"),
        ("before the first _: dog_a1.jpg", "dog.jpg", ""),
    ],
)
def test_a_pattern_finds_the_class_in_a_name(pattern, name, found):
    assert classes_in_names([name], PATTERNS[pattern]) == [found]


def test_classes_from_names_those_without_last_and_the_patterns_that_fit(tmp_path):
    names = ("n2_Zebra.png", "n1_ant.png", "n3_ant.png")
    samples = list_samples(touch(tmp_path / "s", *names), (tmp_path,))
    assert list(fitting_patterns(samples)) == [
        "after the first _: n01440764_tench.jpg", "before the first _: dog_a1.jpg",
    ]  # fmt: skip
    found = with_classes_from_names(samples, r"_(a.*)\.png")
    assert found.classes == ("ant", NO_CLASS) and counts(found).tolist() == [2, 1]
    assert list_samples(tmp_path / "s", (tmp_path,), "_(.*)[.]").classes == ("ant", "Zebra")
    with pytest.raises(TargetError, match="not a valid regular expression"):
        with_classes_from_names(samples, "(")


def test_a_few_of_each_class_and_a_draw_that_its_seed_decides(tmp_path):
    names = [f"{name}/{i}.png" for name, n in (("a", 5), ("b", 2), ("c", 4)) for i in range(n)]
    samples = list_samples(touch(tmp_path / "s", *names), (tmp_path,))
    everything = rows_of(samples, [])
    assert [samples.ids[row] for row in few_of_each(samples, everything, 2)] == [
        "a/0.png", "a/1.png", "b/0.png", "b/1.png", "c/0.png", "c/1.png",
    ]  # fmt: skip
    assert {label_of(samples, row) for row in rows_of(samples, ["a", "c"])} == {"a", "c"}
    drawn = draw(everything, 6, seed=1)
    assert len(set(drawn)) == 6 and (draw(everything, 6, seed=1) == drawn).all()
    assert sorted(draw(everything, 99, seed=2)) == everything.tolist()
    assert any((draw(everything, 6, seed=seed) != drawn).any() for seed in range(2, 5))


def test_an_image_with_several_labels_is_found_by_each_and_shown_once(tmp_path):
    labels = np.array([[1, 1], [0, 1], [0, 0], [1, 0], [0, 1], [0, 0]])
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=labels)
    samples = list_samples(tmp_path / "x.npz", (tmp_path,))
    assert rows_of(samples, ["0"]).tolist() == [0, 3] and rows_of(samples, ["1"]).tolist() == [0, 1, 4]
    assert [label_of(samples, row) for row in (0, 1, 2)] == ["0, 1", "1", NO_CLASS]
    assert few_of_each(samples, rows_of(samples, []), 1).tolist() == [0, 1, 2]


RED = np.zeros((4, 8, 3), dtype=np.uint8) + np.array([200, 0, 0], dtype=np.uint8)
HALVES = np.repeat(np.array([0, 255], dtype=np.uint8), 8).reshape(2, 8)


@pytest.mark.parametrize(
    "values, expected",
    [
        (HALVES, {"width": 8, "height": 2, "aspect": 4, "intensity": 127.5, "contrast": 127.5}),
        (HALVES, {"saturation": 0, "color": False}),
        (RED, {"width": 8, "height": 4, "aspect": 2, "intensity": 60, "contrast": 0, "saturation": 1, "color": True}),
        (RED // 2 + 100, {"saturation": 0.5}),
    ],
)  # fmt: skip
def test_figures_of_images_that_one_can_reckon(values, expected):
    found = figures_of(values)
    assert tuple(found) == FIGURES
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_histograms_of_two_groups_share_bins_and_each_sums_to_one():
    tables = {
        "source": table_of([figures_of(picture(seed)) for seed in range(20)] + [TargetError("no image")]),
        "target": table_of([figures_of(picture(seed, color=True)) for seed in range(5)]),
    }
    bins = histograms(tables)
    assert set(bins["figure"]) == set(FIGURES) - {"color"} and len(tables["source"]) == 20
    assert bins.groupby(["figure", "group"])["share"].sum().to_numpy() == pytest.approx(1)
    edges = [bins[bins["group"] == group][["figure", "left", "right"]].to_numpy() for group in tables]
    assert (edges[0] == edges[1]).all()


def test_near_duplicates_are_those_that_the_target_page_finds(tmp_path):
    for name in "ab":
        (tmp_path / "s" / name).mkdir(parents=True)
    for number in range(40):
        rng = np.random.default_rng(number)
        image = Image.fromarray(rng.integers(0, 255, (9, 9), dtype=np.uint8)).resize((80, 60))
        image.save(tmp_path / "s" / "ab"[number % 2] / f"{number:02}.png")
        if number in (0, 3):
            image.resize((60, 45)).save(tmp_path / "s" / "b" / f"small{number}.png")
        if number == 5:
            image.save(tmp_path / "s" / "b" / "same.png")
    (tmp_path / "s" / "a" / "00broken.png").write_bytes(b"no image")
    samples = list_samples(tmp_path / "s", (tmp_path,))
    sets, n_read = similar_samples(samples, rows_of(samples, []))
    named = [({samples.ids[row] for row in same.rows}, same.exact, same.across_classes) for same in sets]

    task = TargetTask("t", tmp_path / "s", "folder", "binary")
    listing = read_listing(task, (tmp_path,))
    expected = similar_sets(task, listing, build_index(listing))
    assert named == [({listing.ids[r] for r in same.rows}, same.exact, same.across_classes) for same in expected]
    assert n_read == 43 and named[0] == ({"a/00.png", "b/small0.png"}, False, True) and len(named) == 3
    assert similar_samples(samples, rows_of(samples, [])[:1]) == ((), 1)


def test_what_was_kept_of_several_sources_comes_back_until_it_is_forgotten():
    assert kept_samples() == {}
    keep_samples("imagenet_1k", Kept("/data/in", "_(.*)"))
    keep_samples("Unser Satz ä", Kept("/data/ours"))
    assert kept_samples() == {"imagenet_1k": Kept("/data/in", "_(.*)"), "Unser Satz ä": Kept("/data/ours")}
    keep_samples("imagenet_1k", None)
    assert kept_samples() == {"Unser Satz ä": Kept("/data/ours")}


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', '{"a": {"where": "/x"}}'])
def test_a_damaged_list_of_samples_is_said_and_never_overwritten(content):
    (home() / "samples.json").write_text(content)
    for call in (kept_samples, lambda: keep_samples("b", Kept("/y"))):
        with pytest.raises(SourceScoutError, match="cannot be read"):
            call()
    assert (home() / "samples.json").read_text() == content
