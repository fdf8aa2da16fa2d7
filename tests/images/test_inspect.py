"""What the target page is told about a data set."""

import numpy as np
import pytest
from PIL import Image

from core.images.index import build_index
from core.images.inspect import counts_of_labels, inspect_target
from core.images.readers import read_listing
from core.target import TargetTask


def texts(inspection, level=None):
    return " | ".join(f"{f.text} {f.remedy}" for f in inspection.findings if level in (None, f.level))


def test_a_sound_target_with_a_locked_test_part_has_no_warning(npz, examine):
    inspection = inspect_target(*examine(npz(), "npz"))
    assert texts(inspection, "warning") == texts(inspection, "error") == ""
    assert inspection.counts.to_dict("list") == {
        "class": ["0", "1"], "train": [15, 15], "val": [4, 4], "test": [3, 3],
    }  # fmt: skip
    assert inspection.n_images == 44 and inspection.color == {"grey": 44, "color": 0}
    assert inspection.sizes.to_dict("records") == [{"width": 28, "height": 28, "images": 44}]
    assert "AUC may be optimistic" in texts(inspection, "info")


def test_without_a_test_part_the_optimism_is_said_and_locking_one_ends_it(class_folder, examine):
    task, listing, index = examine(class_folder(a=12, b=12))
    assert "will be optimistic" in texts(inspect_target(task, listing, index), "warning")
    locked = TargetTask(name="t", images=task.images, format="folder", label_type="binary", test_part=listing.ids[:2])
    inspection = inspect_target(locked, listing, index)
    assert "will be optimistic" not in texts(inspection)
    assert inspection.counts.to_dict("list") == {"class": ["a", "b"], "train": [10, 12], "test": [2, 0]}


def test_locked_images_that_are_gone_are_named(class_folder, examine):
    task, listing, index = examine(class_folder(a=12, b=12), test_part=("a/old.png", "a/001.png"))
    inspection = inspect_target(task, listing, index)
    assert "1 image of the locked test part cannot be found: `a/old.png`" in texts(inspection, "warning")


def test_unreadable_images_are_counted_named_and_left_out(class_folder, examine):
    folder = class_folder(a=12, b=12)
    (folder / "a" / "003.png").write_bytes(b"\x89PNG")
    inspection = inspect_target(*examine(folder))
    assert inspection.unreadable == ("a/003.png",) and inspection.counts["all"].tolist() == [11, 12]
    assert "1 of 24 images cannot be read" in texts(inspection, "warning")


def test_nothing_readable_is_an_error(class_folder, examine):
    folder = class_folder(a=1, b=1)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    inspection = inspect_target(*examine(folder))
    assert "2 of 2 images" in texts(inspection, "error") and "at least two classes" in texts(inspection, "error")


def test_small_classes_are_named_and_the_smallest_cannot_be_scored(class_folder, examine):
    task, listing, index = examine(class_folder(a=12, b=7, c=3), label_type="multi-class")
    inspection = inspect_target(task, listing, index)
    assert inspection.small_classes == ("b", "c")
    assert "Only 7 training images with `b`: too few" in texts(inspection, "warning")
    assert "Only 3 training images with `c`: it cannot be scored in 5 folds" in texts(inspection, "warning")
    assert "`a`" not in texts(inspection, "warning")


def test_a_class_in_few_groups_cannot_be_scored_however_many_images(manifest, examine, save_image, tmp_path):
    rows = [f"x{i}.png,{i // 20},{'p' if i < 20 else i}" for i in range(40)]
    for i in range(40):
        save_image(tmp_path / f"x{i}.png", seed=i)
    csv = manifest("path,label,patient\n" + "\n".join(rows))
    inspection = inspect_target(*examine(csv, "manifest", group_column="patient"))
    assert "Only 20 training images with `0` in 1 group" in texts(inspection, "warning")


def test_multi_label_findings_without_enough_negatives_are_named(manifest, examine):
    csv = manifest("path,mass,edema\n" + "".join(f"{name}.png,1,{i % 2}\n" for i, name in enumerate("abcdef")))
    inspection = inspect_target(*examine(csv, "manifest", "multi-label"))
    assert "Only 0 training images without `mass`" in texts(inspection, "warning")
    assert inspection.counts["all"].tolist() == [6, 3]


def test_duplicates_are_told_apart_by_class_and_split(manifest, examine, save_image, tmp_path):
    csv = manifest(
        "path,label,split\na.png,0,train\nb.png,1,train\nc.png,0,train\nd.png,1,test\ne.png,0,train\nf.png,0,train\n"
    )
    save_image(tmp_path / "b.png", seed=0)  # the pixels of a.png under the other label
    save_image(tmp_path / "d.png", seed=9)
    save_image(tmp_path / "f.png", seed=4)  # the pixels of e.png, same label
    inspection = inspect_target(*examine(csv, "manifest"))
    found = {d.ids: (d.across_classes, d.across_splits) for d in inspection.duplicates}
    assert found == {("a.png", "b.png"): (True, False), ("e.png", "f.png"): (False, False)}
    assert "with different labels, in 1 case: for example `a.png`, `b.png`" in texts(inspection, "warning")
    assert "Exact copies of other images: 2" in texts(inspection, "info")
    save_image(tmp_path / "d.png", seed=2)  # the pixels of c.png, in the test split
    warned = texts(inspect_target(*examine(csv, "manifest")), "warning")
    assert "in more than one split, in 1 case: for example `c.png`, `d.png`" in warned


def test_groups_that_straddle_splits_are_named(manifest, examine):
    csv = manifest("path,label,patient,split\na.png,0,p,train\nb.png,1,q,train\nc.png,0,p,test\nd.png,1,r,test\n")
    inspection = inspect_target(*examine(csv, "manifest", group_column="patient"))
    assert inspection.straddling_groups == ("p",) and inspection.n_groups == 3
    straddling = next(f for f in inspection.findings if "1 group with images in more than one split: `p`" in f.text)
    assert straddling.ids == ("a.png", "c.png") and straddling.remedy
    assert "Only 3 groups, but 5 folds" in texts(inspection, "error")


def test_a_colour_that_differs_from_the_description_is_said(class_folder, examine):
    folder = class_folder(a=12, b=12)
    assert "24 of 24 images are grey" in texts(inspect_target(*examine(folder, color="color")), "info")
    assert "images are grey" not in texts(inspect_target(*examine(folder, color="grey")))


def test_errors_come_before_warnings_and_these_before_notes(class_folder, examine):
    levels = [f.level for f in inspect_target(*examine(class_folder(a=2, b=2, c=0))).findings]
    assert levels == sorted(levels, key=("error", "warning", "info").index) and len(set(levels)) > 1


@pytest.mark.realdata
def test_real_targets_show_their_known_traits(realdata):
    def inspect(name, format, label_type, **options):
        task = TargetTask(
            name=name, images=realdata / "targets" / name, format=format, label_type=label_type, **options
        )
        listing = read_listing(task, (realdata,))
        return inspect_target(task, listing, build_index(listing))

    busi = inspect("busi", "folder", "multi-class")
    assert busi.counts["all"].tolist() == [120, 120, 120] and busi.unreadable == () and busi.color["color"] == 8
    brain = inspect("brain_mri", "folder", "multi-class")
    assert brain.counts["all"].tolist() == [120] * 4
    chest = inspect("nih_cxr", "manifest", "multi-label", group_column="patient_id")
    assert chest.n_groups == 420 and chest.counts["all"].sum() == np.sum(
        [69, 39, 57, 78, 43, 62, 22, 30, 48, 10, 29, 38, 44, 15]
    )
    mnist = inspect("pneumoniamnist.npz", "npz", "binary")
    assert mnist.counts["train"].tolist() == [1214, 3494] and len(mnist.duplicates) == 27
    assert not any(found.across_classes for found in mnist.duplicates)
    assert sum(found.across_splits for found in mnist.duplicates) == 8


def test_the_labels_alone_give_the_counts_before_any_image_is_opened(class_folder, examine):
    folder = class_folder(a=3, b=2)
    task, listing, index = examine(folder)
    expected = inspect_target(task, listing, index).counts
    for file in listing.files:
        file.unlink()
    assert counts_of_labels(task, listing).equals(expected)


def test_files_of_which_only_a_part_is_used_are_named(class_folder, examine):
    folder = class_folder(a=2, b=2)
    pages = [Image.new("L", (9, 9), shade) for shade in (10, 200)]
    pages[0].save(folder / "a" / "pages.tif", save_all=True, append_images=pages[1:])
    findings = inspect_target(*examine(folder)).findings
    said = [finding for finding in findings if "only a part is used" in finding.text]
    assert said[0].ids == ("a/pages.tif",) and "the first of several pages" in said[0].text
