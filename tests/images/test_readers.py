"""Listings from a folder, a manifest and an .npz: what is read, what is reported, what is refused."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from core.errors import TargetError
from core.images.readers import groups_from_pattern, groups_preview, manifest_columns, read_listing
from core.target import TargetTask

# --- folder


def test_a_folder_gives_one_class_per_sub_folder_in_alphabetical_order(class_folder, read):
    _, listing = read(class_folder(malignant=2, benign=3))
    assert listing.class_names == ("benign", "malignant")
    assert listing.labels.tolist() == [0, 0, 0, 1, 1]
    assert listing.ids[0] == "benign/000.png" and listing.files[0].is_file()
    assert listing.problems == () and listing.groups is None and listing.splits is None


def test_numbered_grades_are_ordered_by_number_and_named_ones_by_class_order(class_folder, read, tmp_path):
    folder = class_folder(**{"10": 1, "2": 1, "1": 1})
    assert read(folder, label_type="ordinal")[1].class_names == ("1", "2", "10")
    order = ("10", "1", "2")
    assert read(folder, label_type="ordinal", class_order=order)[1].labels.tolist() == [1, 0, 2]


def test_images_in_nested_folders_count_and_hidden_ones_do_not(class_folder, read, save_image):
    folder = class_folder(a=1, b=1)
    save_image(folder / "a" / "patient 7" / "deep.PNG")
    save_image(folder / "a" / "._deep.png")
    save_image(folder / ".cache" / "x.png")
    assert read(folder)[1].ids == ("a/000.png", "a/patient 7/deep.PNG", "b/000.png")


def test_what_is_left_out_of_a_folder_is_said(class_folder, read, save_image):
    folder = class_folder(a=1, b=1, empty=0)
    save_image(folder / "loose.png")
    (folder / "b" / "notes.txt").write_text("x")
    problems = " ".join(read(folder)[1].problems)
    assert "`empty` holds no image" in problems and "`loose.png`" in problems and "`notes.txt`" in problems


def test_what_windows_leaves_in_folders_is_not_worth_a_word(class_folder, read):
    folder = class_folder(a=1, b=1)
    (folder / "a" / "Thumbs.db").write_text("x")
    (folder / "b" / "desktop.ini").write_text("x")
    assert read(folder)[1].problems == ()


def test_another_layout_is_named_where_that_is_what_lies_there(class_folder, read, save_image):
    folder = class_folder(a=2)
    save_image(folder / "a.png")
    with pytest.raises(TargetError, match="only one class"):
        read(folder)
    with pytest.raises(TargetError, match="in the folder itself"):
        read(folder / "a")
    (folder / "labels.csv").write_text("path,label\n")
    with pytest.raises(TargetError, match="there is `labels.csv`") as caught:
        read(folder)
    assert "manifest layout" in caught.value.remedy


@pytest.mark.parametrize(
    "counts, options, message",
    [
        ({"a": 2}, {}, "only one class"),
        ({"a": 2, "b": 0}, {}, "only one class"),
        ({}, {}, "does not exist"),
        ({"a": 1, "b": 1, "c": 1}, {}, "binary, but there are 3 classes"),
        ({"a": 1, "b": 1}, {"label_type": "multi-label"}, "multi-label"),
        ({"low": 1, "high": 1}, {"label_type": "ordinal"}, "order of the grades"),
        ({"a": 1, "b": 1}, {"class_order": ("a",)}, "leaves out b"),
        ({"a": 1, "b": 1}, {"class_order": ("a", "b", "a")}, "names a class twice"),
        ({"train": 1, "test": 1}, {}, "splits, not classes"),
        ({"a": 1, "b": 1}, {"group_column": "patient"}, "only a manifest"),
        ({"a": 1, "b": 1}, {"split_column": "split"}, "only a manifest"),
        ({"a": 1, "b": 1}, {"group_pattern": "(("}, "at position"),
        ({"a": 1, "b": 1}, {"group_pattern": "(?R)"}, "not a valid regular expression"),
        ({"a": 1, "b": 1}, {"group_pattern": "x{99999999999}"}, "not a valid regular expression"),
        ({"a": 1, "b": 1}, {"group_pattern": "(" * 400}, "not a valid regular expression"),
        ({"a": 1, "b": 1}, {"group_pattern": "x" * 501}, "501 characters"),
        ({"a": 1, "b": 1}, {"group_pattern": "x", "group_column": "y"}, "Both"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_a_remedy(class_folder, read, tmp_path, counts, options, message):
    class_folder(**counts)
    with pytest.raises(TargetError, match=message) as caught:
        read(tmp_path / "images", **options)
    assert caught.value.remedy


def test_a_link_that_leaves_the_allowed_folders_is_refused(tmp_path, save_image):
    inside = tmp_path / "inside"
    for seed, name in enumerate(("a/1.png", "b/1.png")):
        save_image(inside / name, seed)
    secret = save_image(tmp_path / "outside" / "secret.png")
    task = TargetTask(name="t", images=inside, format="folder", label_type="binary")
    for link, target in (("a/2.png", secret), ("c", secret.parent), ("a/more", secret.parent)):
        (inside / link).symlink_to(target)
        with pytest.raises(TargetError, match="outside the folders"):
            read_listing(task, (inside,))
        (inside / link).unlink()
    assert len(read_listing(task, (inside,))) == 2


def test_a_manifest_or_class_that_is_a_link_out_of_the_allowed_folders_is_refused(tmp_path, save_image):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    save_image(inside / "a.png")
    save_image(outside / "b.png")
    (outside / "manifest.csv").write_text("path,patient,label\na.png,secret,0\n")
    (inside / "manifest.csv").symlink_to(outside / "manifest.csv")
    task = TargetTask(name="t", images=inside, format="manifest", label_type="binary")
    for attempt in (lambda: read_listing(task, (inside,)), lambda: manifest_columns(inside, (inside,))):
        with pytest.raises(TargetError, match="outside the folders"):
            attempt()
    (inside / "manifest.csv").unlink()
    (inside / "more").symlink_to(outside)
    (inside / "c.png").symlink_to(outside / "b.png")
    for row in ("more/b.png", "c.png", "more/../../outside/b.png"):
        (inside / "manifest.csv").write_text(f"path,label\na.png,0\n{row},1\n")
        with pytest.raises(TargetError, match="outside the folders"):
            read_listing(task, (inside,))


def test_links_that_stay_in_the_allowed_folders_are_followed_to_files_and_to_classes(class_folder, tmp_path, read):
    folder = class_folder(a=2, b=2)
    (folder / "a" / "link.png").symlink_to(folder / "b" / "000.png")
    (folder / "b").rename(tmp_path / "elsewhere")
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    (folder / "a" / "more").symlink_to(tmp_path / "elsewhere")
    _, listing = read(folder)
    assert listing.ids == ("a/000.png", "a/001.png", "a/link.png", "b/000.png", "b/001.png")
    assert listing.files[2] == listing.files[3] == (tmp_path / "elsewhere" / "000.png").resolve()
    assert "`more`" in listing.problems[0]


def test_a_loop_of_links_is_refused(class_folder, read):
    folder = class_folder(a=1, b=1)
    (folder / "a" / "x.png").symlink_to(folder / "a" / "y.png")
    (folder / "a" / "y.png").symlink_to(folder / "a" / "x.png")
    with pytest.raises(TargetError) as caught:
        read(folder)
    assert caught.value.remedy


def test_names_in_any_script_are_listed_and_found_however_accents_are_written(save_image, read, tmp_path):
    names = ("Größe/é 1.png", "肺/結節.png")
    for seed, name in enumerate(names):
        save_image(tmp_path / "images" / unicodedata.normalize("NFD", name), seed)
    assert len(read(tmp_path / "images")[1]) == 2
    rows = "".join(f"{unicodedata.normalize('NFC', name)},{i}\n" for i, name in enumerate(names))
    (tmp_path / "images" / "manifest.csv").write_text("path,Klasse é\n" + rows, encoding="utf-8")
    _, listing = read(tmp_path / "images", "manifest")
    assert len(listing) == 2 and all(file.is_file() for file in listing.files)


def test_a_target_outside_the_allowed_folders_is_refused(class_folder, tmp_path):
    task = TargetTask(name="t", images=class_folder(a=1, b=1), format="folder", label_type="binary")
    with pytest.raises(TargetError, match="outside the folders"):
        read_listing(task, (tmp_path / "elsewhere",))


# --- manifest


@pytest.mark.parametrize("separator, encoding", [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")])
def test_a_manifest_is_read_as_text_so_that_patient_ids_keep_their_zeros(manifest, read, separator, encoding):
    text = "path,patient,label\na.png,0012,x\n./b.png,0012,y\nc.png,,y\n".replace(",", separator)
    _, listing = read(manifest(text, encoding), "manifest", group_column="patient")
    assert listing.ids == ("a.png", "b.png", "c.png")
    assert listing.groups == ("0012", "0012", "c.png")
    assert listing.class_names == ("x", "y") and listing.labels.tolist() == [0, 1, 1]
    assert "No `patient` is given for 1 image" in listing.problems[0]


def test_nan_is_no_patient(manifest, read):
    _, listing = read(manifest("path,patient,label\na.png,nan,x\nb.png,NaN,y\n"), "manifest", group_column="patient")
    assert listing.groups == ("a.png", "b.png")


def test_a_folder_that_holds_manifest_csv_or_one_csv_file_is_a_manifest(manifest, read):
    csv = manifest("path,label\na.png,0\nb.png,1\n")
    other = csv.with_name("labels.CSV")
    other.write_text("path,label\nc.png,0\nd.png,1\n")
    csv.with_name(".hidden.csv").write_text("x")
    assert read(csv.parent, "manifest")[1].ids == ("a.png", "b.png")
    csv.unlink()
    assert read(csv.parent, "manifest")[1].ids == ("c.png", "d.png")
    assert manifest_columns(csv.parent, (csv.parent,))["all"] == ["path", "label"]


@pytest.mark.parametrize("names, message", [((), "no CSV file"), (("x.csv", "y.csv"), r"`x.csv`, `y.csv`")])
def test_a_folder_without_a_clear_csv_file_is_refused(tmp_path, read, names, message):
    for name in names:
        (tmp_path / name).write_text("path,label\n")
    with pytest.raises(TargetError, match=message) as caught:
        read(tmp_path, "manifest")
    assert caught.value.remedy


def test_words_that_spreadsheets_take_for_nothing_are_class_names_here(manifest, read):
    assert read(manifest("path,label\na.png,None\nb.png,NA\n"), "manifest")[1].class_names == ("NA", "None")


def test_a_column_of_row_numbers_and_empty_columns_are_no_label_columns(manifest, read):
    _, listing = read(manifest(",path,grade,,\n0,a.png,x,,\n1,b.png,y,,\n"), "manifest")
    assert listing.class_names == ("x", "y")


def test_paths_with_backslashes_and_in_sub_folders_are_found(manifest, read, save_image, tmp_path):
    save_image(tmp_path / "sub" / "x.png")
    _, listing = read(manifest("path,label\nsub\\x.png,0\nb.png,1\n"), "manifest")
    assert listing.ids == ("sub/x.png", "b.png")


def test_multi_label_columns_are_those_with_only_0_and_1(manifest, read):
    csv = manifest("path,age,mass,edema,split\na.png,40,0,1,train\nb.png,1,1.0,1,Valid\nc.png,0,0,0,TEST\n")
    _, listing = read(csv, "manifest", "multi-label")
    assert listing.class_names == ("mass", "edema")
    assert listing.labels.tolist() == [[0, 1], [1, 1], [0, 0]]
    assert listing.splits == ("train", "val", "test")
    chosen = read(csv, "manifest", "multi-label", label_columns=("edema", "mass"))[1]
    assert chosen.labels.tolist() == [[1, 0], [1, 1], [0, 0]]


def test_repeated_and_missing_rows_are_left_out_and_said(manifest, read):
    csv = manifest("path,label\na.png,0\n./a.png,0\nb.png,1\ngone.png,1\n")
    _, listing = read(csv, "manifest")
    assert listing.ids == ("a.png", "b.png")
    assert "1 line with a path that an earlier line has" in listing.problems[0] and "`a.png`" in listing.problems[0]
    assert "`gone.png`" in listing.problems[1]


def test_a_class_that_only_the_test_split_has_changes_nothing(manifest, read):
    rows = "path,label,split\na.png,x,train\nb.png,y,train\nc.png,{},test\n"
    _, listing = read(manifest(rows.format("unheard")), "manifest")
    assert listing.class_names == ("x", "y") and listing.ids == ("a.png", "b.png")
    assert "`unheard`" in listing.problems[0]


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("image,diagnosis\na.png,0\n", {}, "no column `path`"),
        ("path,label\na.png,0\n", {"label_columns": ("grade",)}, "no column `grade`"),
        ("path,label\na.png,0\n", {"group_column": "patient"}, "no column `patient`"),
        ("path,label\na.png,0\n", {"split_column": "fold"}, "no column `fold`"),
        ("path,one,two\na.png,0,1\n", {}, "not clear which column"),
        ("path\na.png\n", {}, "not clear which column"),
        ("path,label\na.png,0\nb.png,\n", {}, "No label in `label` for 1 image, first `b.png`"),
        ("path,label\na.png,0\nb.png,NaN\n", {}, "No label in `label`"),
        ("path,label\na.png,0\nb.png,0\n", {}, "only one class"),
        ("path,label\na.png,0\nb.png,1\nc.png,2\n", {}, "3 classes"),
        ("path,label\na.png,0\na.png,1\nb.png,1\n", {}, "different entries: `a.png`"),
        ("path,label,split\na.png,0,train\na.png,0,test\nb.png,1,train\n", {}, "different entries"),
        ("path,label\nno.png,0\nnot.png,1\n", {}, "None of the 2 images"),
        ("path,label\n,0\nb.png,1\n", {}, "Line 2"),
        ("path,label\n../../secret.png,0\nb.png,1\n", {}, "secret.png"),
        ("path,label\n/etc/hostname,0\nb.png,1\n", {}, "/etc/hostname"),
        ("path,label,split\na.png,0,train\nb.png,1,holdout\n", {}, "'holdout'"),
        ("path,label,split\na.png,0,val\nb.png,1,test\n", {}, "No image has `train`"),
        ("path,label,label\na.png,0,0\n", {}, "twice"),
        ("path,label\n", {}, "lists no image"),
        ("", {}, "not a CSV table"),
        ('path,label\na.png,"0\n', {}, "not a CSV table"),
        ("path,a,b\na.png,0,2\nb.png,1,0\n", {"label_columns": ("a", "b"), "label_type": "multi-label"}, "'2'"),
        ("path,a,b\na.png,0,\nb.png,1,0\n", {"label_columns": ("a", "b"), "label_type": "multi-label"}, "No label"),
        ("path,a,b\na.png,0,2\nb.png,1,0\n", {"label_type": "multi-label"}, "two or more columns"),
        ("path,a,b\na.png,0,1\nb.png,1,0\n", {"label_columns": ("a", "b")}, "2 label columns"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_with_a_remedy(manifest, read, text, options, message):
    with pytest.raises(TargetError, match=message) as caught:
        read(manifest(text), "manifest", **options)
    assert caught.value.remedy


def test_a_manifest_that_is_not_text_or_not_there_is_refused(manifest, read, tmp_path):
    csv = manifest("path,label\n")
    csv.write_bytes(b"path,label\n\xff\xfe.png,0\n")
    with pytest.raises(TargetError, match="UTF-8"):
        read(csv, "manifest")
    csv.unlink()
    with pytest.raises(TargetError, match="no CSV file"):
        read(tmp_path, "manifest")


def test_the_page_learns_what_the_columns_of_a_manifest_could_be(manifest, tmp_path):
    csv = manifest("path,patient_id,mass,edema,split\na.png,01,0,1,train\nb.png,02,1,1,test\n")
    columns = manifest_columns(csv, (tmp_path,))
    assert columns["binary"] == ["mass", "edema"] and columns["group"] == ["patient_id"]
    assert columns["label"] == ["patient_id", "mass"]


# --- npz


def test_an_npz_gives_ids_labels_and_splits_in_the_order_train_val_test(npz, read):
    _, listing = read(npz(), "npz")
    assert (listing.ids[0], listing.ids[29], listing.ids[30], listing.ids[-1]) == (
        "train/0", "train/29", "val/0", "test/5",
    )  # fmt: skip
    assert listing.class_names == ("0", "1") and listing.splits.count("train") == 30
    assert listing.labels.shape == (44,) and listing.files is None


def test_an_npz_may_hold_flat_labels_several_labels_colour_and_only_training_images(npz, read):
    only = {f"{split}_{what}": None for split in ("val", "test") for what in ("images", "labels")}
    color = np.zeros((30, 28, 28, 3), np.uint8)
    flat = npz(train_images=color, train_labels=np.arange(30) % 3, **only)
    assert read(flat, "npz", "multi-class")[1].class_names == ("0", "1", "2")
    several = npz(train_labels=np.eye(30, 4, dtype=np.uint8), **only)
    assert read(several, "npz", "multi-label")[1].labels.shape == (30, 4)


def test_half_a_split_is_left_out_and_said(npz, read):
    _, listing = read(npz(val_labels=None), "npz")
    assert "val" not in listing.splits and "val_images alone" in listing.problems[0]


@pytest.mark.parametrize(
    "changes, options, message",
    [
        ({"train_labels": None}, {}, "lacks train_images or train_labels"),
        ({"train_labels": np.array([[0]] * 30, dtype=object)}, {}, "`train_labels` .*pickled"),
        ({"train_images": np.array([0] * 30, dtype=object)}, {}, "`train_images` is pickled"),
        ({"train_images": np.zeros((30, 28, 28), np.float32)}, {}, "float32"),
        ({"train_images": np.zeros((30, 28, 28, 4), np.uint8)}, {}, "shape"),
        ({"train_images": np.zeros((30, 784), np.uint8)}, {}, "shape"),
        ({"train_labels": np.zeros((29, 1), int)}, {}, "there are 30 images"),
        ({"train_labels": np.full((30, 1), np.nan)}, {}, "not whole numbers"),
        ({"train_labels": np.full((30, 1), "x")}, {}, "not whole numbers"),
        ({"train_labels": np.zeros((30, 1), int)}, {}, "only one class"),
        ({"train_labels": np.arange(30) % 3}, {}, "3 classes"),
        ({"train_labels": np.zeros((30, 3), int)}, {}, "3 labels per image"),
        ({}, {"label_type": "multi-label"}, "1 values per image"),
        ({}, {"group_pattern": "x"}, "no file names"),
        ({}, {"group_column": "x"}, "only a manifest"),
    ],
)
def test_an_npz_that_cannot_be_used_is_refused_with_a_remedy(npz, read, changes, options, message):
    with pytest.raises(TargetError, match=message) as caught:
        read(npz(**changes), "npz", **options)
    assert caught.value.remedy


def test_a_damaged_npz_is_refused(npz, read, tmp_path):
    path = npz()
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(TargetError, match="damaged or not an .npz"):
        read(path, "npz")
    Image.new("L", (4, 4)).save(tmp_path / "picture.png")
    with pytest.raises(TargetError, match="damaged or not an .npz"):
        read(tmp_path / "picture.png", "npz")
    with pytest.raises(TargetError, match="is not a file"):
        read(tmp_path, "npz")


# --- groups


@pytest.mark.parametrize(
    "pattern, groups",
    [
        (r"([^/_]+)_[^/]*$", ("p1", "p1", "p2", "b/other.png")),
        (r"p\d", ("p1", "p1", "p2", "b/other.png")),
        (r"(?:p1)|(other)", ("a/p1_1.png", "b/p1_2.png", "a/p2_1.png", "other")),
    ],
)
def test_groups_come_from_the_first_bracket_or_the_whole_match_or_stand_alone(pattern, groups):
    assert groups_from_pattern(("a/p1_1.png", "b/p1_2.png", "a/p2_1.png", "b/other.png"), pattern) == groups


def test_the_preview_of_groups_shows_ids_from_the_whole_list():
    ids = [f"p{i // 5}_{i}.png" for i in range(100)]
    frame, sizes = groups_preview(ids, r"(p\d+)_", n=4)
    assert len(sizes) == 20 and sizes["p0"] == 5 and frame["group"].tolist() == ["p0", "p6", "p13", "p19"]


def test_a_pattern_gives_a_folder_its_groups(class_folder, read):
    _, listing = read(class_folder(a=3, b=3), group_pattern=r"/(\d+)")
    assert listing.groups == ("000", "001", "002") * 2


@pytest.mark.parametrize(
    "pattern, names",
    [
        (r"(.?|\w?){60}[#%]", ["a/1.png"]),  # hopeless on the first name
        (r"(a|a)*b", ["a" * 13] * 1_000_000),  # 2 ms on each
    ],
)
def test_a_pattern_that_takes_too_long_is_given_up_for_all_names_together(monkeypatch, pattern, names):
    monkeypatch.setattr("core.images.listing.PATIENCE", 0.2)
    monkeypatch.setattr("core.images.listing.PATIENCE_PER_NAME", 0)
    with pytest.raises(TargetError, match="takes too long") as caught:
        groups_from_pattern(names, pattern)
    assert caught.value.remedy


# --- real data


@pytest.mark.realdata
def test_real_targets_are_listed_with_their_known_numbers(realdata):
    roots = (realdata,)

    def listing(name, format, label_type, **options):
        task = TargetTask(
            name=name, images=realdata / "targets" / name, format=format, label_type=label_type, **options
        )
        return read_listing(task, roots)

    busi = listing("busi", "folder", "multi-class")
    assert len(busi) == 360 and busi.class_names == ("benign", "malignant", "normal")
    assert len(listing("covid_xray", "folder", "multi-class")) == 360
    chest = listing("nih_cxr", "manifest", "multi-label", group_column="patient_id")
    assert chest.labels.shape == (420, 14) and len(set(chest.groups)) == 420
    assert chest.groups[0] == "00025577"
    mnist = listing("pneumoniamnist.npz", "npz", "binary")
    assert [mnist.splits.count(split) for split in ("train", "val", "test")] == [4708, 524, 624]


def test_columns_called_id_and_file_keep_their_own_values(tmp_path):
    for i in range(4):
        Image.new("L", (8, 8), i * 40).save(tmp_path / f"{i}.png")
    rows = [f"{i}.png,{'ab'[i % 2]},patient{i // 2},f{i}" for i in range(4)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,label,id,file", *rows]) + "\n")
    task = TargetTask("t", tmp_path, "manifest", "binary", label_columns=("label",), group_column="id")
    assert read_listing(task, (tmp_path,)).groups == ("patient0", "patient0", "patient1", "patient1")
