"""The Target page: describing a task, checking its images, groups, the test part, import and removal."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.errors import TargetError
from core.images.medmnist_sets import medmnist_set
from core.images.readers import read_listing
from core.settings import allowed_roots
from core.store import Store
from core.target import TargetTask, dump_target
from pages._target_dialogs import load_here, parse_uploaded
from pages._text import code, plain
from tests.images.medmnist_server import Mirror, small_npz, write_catalogue
from tests.pages.conftest import SHELL


def open_page(project: str, target: str | None = None) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=30)
    at.query_params["project"] = project
    if target:
        at.query_params["target"] = target
    at.run().switch_page("target.py").run()
    assert not at.exception
    return at


def widget(at: AppTest, kind: str, label: str):
    return next(w for w in getattr(at, kind) if w.label == label)


def press(at: AppTest, label: str) -> AppTest:
    widget(at, "button", label).click()
    at.run()
    assert not at.exception
    return at


def confirm(at: AppTest, opener: str, label: str) -> AppTest:
    """Press a button of an open dialog; AppTest knows no fragment runs, so what opened it is pressed along."""
    widget(at, "button", opener).click()
    return press(at, label)


def describe(at: AppTest, name: str, label_type: str, layout: str, path: Path) -> AppTest:
    """Fill in the four fields that a target needs."""
    widget(at, "text_input", "Name").input(name)
    widget(at, "radio", "Label type").set_value(label_type)
    widget(at, "button_group", "Layout").set_value(layout)
    at.run()
    widget(at, "text_input", "Path to the images").input(str(path))
    at.run()
    assert not at.exception
    return at


def shown(at: AppTest) -> str:
    """All text of the page in one string."""
    parts = [at.markdown, at.caption, at.subheader, at.header, at.error, at.warning, at.info, at.text]
    badges = [element.proto.label for element in at.get("badge")] if at.get("badge") else []
    return "\n".join([element.value for part in parts for element in part] + badges)


def targets_of(store: Store, project: str) -> list[TargetTask]:
    return list(store.targets(project).values())


def save_image(path: Path, seed: int, size: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size, size), np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three classes of 20 images: patients a00 to a09 with two images each, and so on."""
    for c, name in enumerate(("benign", "malignant", "normal")):
        for i in range(20):
            save_image(tmp_path / "images" / name / f"{name[0]}{i // 2:02d}_{i % 2}.png", 100 * c + i)
    return tmp_path / "images"


@pytest.fixture
def manifest(tmp_path) -> Path:
    lines = ["path,patient_id,effusion,nodule,split"]
    for i in range(60):
        save_image(tmp_path / "chest" / f"{i}.png", i)
        lines.append(f"{i}.png,p{i // 2},{i % 2},{int(i % 3 == 0)},{'test' if i >= 48 else 'train'}")
    (tmp_path / "chest" / "list.csv").write_text("\n".join(lines))
    return tmp_path / "chest" / "list.csv"


@pytest.fixture
def npz(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 40), ("val", 10), ("test", 12)):
        arrays[f"{split}_images"] = rng.integers(0, 255, (n, 8, 8), np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % 2)[:, None]
    np.savez(tmp_path / "mini.npz", **arrays)
    return tmp_path / "mini.npz"


@pytest.fixture
def saved(store, project, folder) -> str:
    return store.save_target(project, TargetTask("ultrasound", folder, "folder", "multi-class"))


def test_without_a_project_the_page_says_what_to_do(store):
    at = AppTest.from_file(SHELL, default_timeout=30).run()
    at.switch_page("target.py").run()
    assert "none yet" in at.info[0].value
    assert not at.button


def test_a_folder_target_is_described_checked_and_saved(store, project, folder):
    at = describe(open_page(project), "ultrasound", "multi-class", "folder", folder)
    press(at, "Check the images")
    assert targets_of(store, project) == []
    assert [m.value for m in at.metric[:3]] == ["60", "3", "not known"]
    widget(at, "selectbox", "Modality").set_value("Ultrasound")
    widget(at, "text_input", "`malignant`").input("biopsy-proven cancer")
    press(at, "Save target")
    (task,) = targets_of(store, project)
    assert (task.name, task.images, task.label_type, task.modality) == (
        "ultrasound", folder, "multi-class", "Ultrasound",
    )  # fmt: skip
    assert task.class_meanings == {"malignant": "biopsy-proven cancer"}
    assert "ultrasound" in at.header[0].value
    assert "Which images belong together?" in shown(at)


def test_a_manifest_offers_its_columns_and_its_test_split_is_locked(store, project, manifest):
    at = describe(open_page(project), "chest", "multi-label", "manifest", manifest)
    assert widget(at, "selectbox", "Patient or group column").value == "patient_id"
    assert widget(at, "selectbox", "Split column").value == "split"
    assert widget(at, "multiselect", "Label columns").value == ["effusion", "nodule"]
    press(at, "Save target")
    (task,) = targets_of(store, project)
    assert task.group_column == "patient_id" and task.label_columns == ("effusion", "nodule")
    assert "Locked: the given test split, 12 images" in shown(at)
    assert "training part: given split (N = 48" in shown(at)
    assert "Lock a test part" not in [button.label for button in at.button]


def test_an_npz_target_is_saved_and_offers_no_file_name_pattern(store, project, npz):
    at = describe(open_page(project), "mini", "binary", "npz", npz)
    press(at, "Save target")
    assert [m.value for m in at.metric[:2]] == ["62", "2"]
    assert "File-name pattern" not in [w.label for w in at.text_input]
    assert "N = 40" in shown(at)


def test_grades_with_names_are_put_in_order_by_the_user(store, project, folder):
    at = describe(open_page(project), "grades", "ordinal", "folder", folder)
    press(at, "Save target")
    assert "no place in the order yet" in at.error[0].value
    widget(at, "multiselect", "Order of the grades, lowest first").set_value(["normal", "benign", "malignant"])
    press(at, "Save target")
    assert targets_of(store, project)[0].class_order == ("normal", "benign", "malignant")


def missing(tmp_path: Path) -> Path:
    return tmp_path / "nowhere"


def one_class(tmp_path: Path) -> Path:
    return save_image(tmp_path / "one" / "benign" / "0.png", 0).parents[1]


def corrupt(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "corrupt" / name).mkdir(parents=True)
        (tmp_path / "corrupt" / name / "0.png").write_bytes(b"not an image")
    return tmp_path / "corrupt"


def outside(_tmp_path: Path) -> Path:
    return Path("/usr")


def overlong(tmp_path: Path) -> Path:
    return tmp_path / ("x" * 300)


def relative(_tmp_path: Path) -> Path:
    return Path("images")


def unlabelled_csv(tmp_path: Path) -> Path:
    save_image(tmp_path / "csv" / "0.png", 0)
    (tmp_path / "csv" / "m.csv").write_text("file,label\n0.png,1\n")
    return tmp_path / "csv" / "m.csv"


def not_zero_or_one(tmp_path: Path) -> Path:
    save_image(tmp_path / "csv" / "0.png", 0)
    (tmp_path / "csv" / "m.csv").write_text("path,a,b\n0.png,1,0\n0.png,2,7\n")
    return tmp_path / "csv" / "m.csv"


def pickled(tmp_path: Path) -> Path:
    labels = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "p.npz", train_images=np.zeros((1, 8, 8), np.uint8), train_labels=labels)
    return tmp_path / "p.npz"


BAD = [
    (missing, "folder", "multi-class", "does not exist"),
    (one_class, "folder", "multi-class", "only one class"),
    (corrupt, "folder", "multi-class", "can be read"),
    (overlong, "folder", "multi-class", "too long"),
    (overlong, "manifest", "multi-class", "too long"),
    (outside, "folder", "multi-class", "outside the folders"),
    (relative, "folder", "multi-class", "not a full path"),
    (unlabelled_csv, "manifest", "multi-class", "no column `path`"),
    (not_zero_or_one, "manifest", "multi-label", "two or more columns with 0 and 1"),
    (pickled, "npz", "binary", "pickled"),
    (missing, "manifest", "multi-class", "cannot be read"),
]


@pytest.mark.parametrize("make, layout, label_type, message", BAD, ids=[case[0].__name__ for case in BAD])
def test_bad_images_are_refused_with_a_message_and_nothing_typed_is_lost(
    store, project, tmp_path, make, layout, label_type, message
):
    path = make(tmp_path)
    at = describe(open_page(project), "my task", label_type, layout, path)
    press(at, "Save target")
    assert len(at.error) == 1 and message in at.error[0].value, [error.value for error in at.error]
    assert "Nothing that you typed is lost" in shown(at)
    assert targets_of(store, project) == []
    assert widget(at, "text_input", "Name").value == "my task"
    assert widget(at, "text_input", "Path to the images").value == str(path)


def test_saving_asks_for_a_name_a_label_type_and_a_path(store, project, folder):
    at = press(open_page(project), "Save target")
    assert "no name" in at.error[0].value
    widget(at, "text_input", "Name").input("x")
    press(at, "Save target")
    assert "label type" in at.error[0].value
    widget(at, "radio", "Label type").set_value("multi-class")
    press(at, "Save target")
    assert "path" in at.error[0].value
    assert targets_of(store, project) == []


def test_what_was_typed_survives_a_visit_to_another_page(project):
    at = open_page(project)
    widget(at, "text_input", "Name").input("half done")
    at.run()
    at.switch_page("overview.py").run()
    at.switch_page("target.py").run()
    assert widget(at, "text_input", "Name").value == "half done"


def test_one_field_is_corrected_later_and_the_rest_stays(store, project, saved):
    store.save_target(project, replace(store.targets(project)[saved], test_part=("benign/b00_0.png",)), saved)
    at = press(open_page(project, saved), "Edit")
    assert widget(at, "text_input", "Name").value == "ultrasound"
    widget(at, "text_area", "Notes").input("from two clinics")
    press(at, "Save target")
    task = store.targets(project)[saved]
    assert task.notes == "from two clinics" and task.test_part == ("benign/b00_0.png",)


def test_cancelling_an_edit_leaves_the_target_as_it_was(store, project, saved):
    at = press(open_page(project, saved), "Edit")
    widget(at, "text_input", "Name").input("other")
    at.run()
    press(at, "Cancel")
    assert store.targets(project)[saved].name == "ultrasound"
    assert "ultrasound" in at.header[0].value


def test_two_targets_of_a_project_cannot_have_the_same_name(store, project, saved, folder):
    at = press(open_page(project, saved), "New target")
    describe(at, "ultrasound", "multi-class", "folder", folder)
    press(at, "Save target")
    assert "already" in at.error[0].value
    widget(at, "text_input", "Name").input("second")
    press(at, "Save target")
    assert [task.name for task in targets_of(store, project)] == ["ultrasound", "second"]


def test_a_locked_test_part_is_stored_and_leaves_the_training_part(store, project, saved):
    at = open_page(project, saved)
    assert "No test part is locked" in shown(at)
    press(at, "Lock a test part")
    locked = store.targets(project)[saved].test_part
    assert len(locked) == 12 and {id.split("/")[0] for id in locked} == {"benign", "malignant", "normal"}
    assert "Locked: 12 images" in shown(at) and "test part locked (N = 48" in shown(at)


def test_the_share_of_the_test_part_can_be_chosen(store, project, saved):
    at = open_page(project, saved)
    widget(at, "slider", "Share of the images").set_value(40)
    at.run()
    press(at, "Lock a test part")
    assert len(store.targets(project)[saved].test_part) == 24


def test_unlocking_is_confirmed_and_says_that_results_become_optimistic(store, project, saved):
    at = press(press(open_page(project, saved), "Lock a test part"), "Unlock")
    assert "optimistic" in shown(at) and store.targets(project)[saved].test_part
    confirm(at, "Unlock", "Unlock the test part")
    assert store.targets(project)[saved].test_part == ()


def test_a_lock_that_fits_no_image_any_more_is_said_and_can_be_given_up(store, project, saved):
    store.save_target(project, replace(store.targets(project)[saved], test_part=("gone/0.png",)), saved)
    at = open_page(project, saved)
    assert "No test part is locked" in shown(at) and "not among the images" in shown(at)
    confirm(press(at, "Give up the lock"), "Give up the lock", "Unlock the test part")
    assert store.targets(project)[saved].test_part == ()


def test_a_file_name_pattern_is_previewed_and_saved_and_the_lock_keeps_groups_together(store, project, saved, folder):
    at = open_page(project, saved)
    assert "AUC may be optimistic" in shown(at)
    widget(at, "text_input", "File-name pattern").input(r"([^/_]+)_[^/]*$")
    at.run()
    assert widget(at, "metric", "Number of groups").value == "30"
    press(at, "Save the groups")
    assert store.targets(project)[saved].group_pattern == r"([^/_]+)_[^/]*$"
    press(at, "Lock a test part")
    task = store.targets(project)[saved]
    listing = read_listing(task, allowed_roots())
    sides = {(group, id in task.test_part) for id, group in zip(listing.ids, listing.groups, strict=True)}
    assert len(sides) == 30


def test_a_pattern_is_suggested_where_it_brings_images_together(project, saved):
    at = open_page(project, saved)
    press(at, "before the first _")
    assert widget(at, "text_input", "File-name pattern").value == r"([^/_]+)_[^/]*$"


def test_a_broken_pattern_is_explained_and_cannot_be_saved(project, saved):
    at = open_page(project, saved)
    widget(at, "text_input", "File-name pattern").input("([")
    at.run()
    assert "not a valid regular expression" in at.error[0].value
    assert "Save the groups" not in [button.label for button in at.button]


def test_a_pattern_that_would_take_for_ever_is_given_up_and_cannot_be_saved(project, saved):
    at = open_page(project, saved)
    widget(at, "text_input", "File-name pattern").input(r"(.?|\w?){60}[#%]")
    at.run()
    assert "takes too long" in at.error[0].value
    assert "Save the groups" not in [button.label for button in at.button]


def test_a_saved_pattern_that_fits_no_longer_can_be_given_up_in_the_form(store, project, saved):
    store.save_target(project, replace(store.targets(project)[saved], group_pattern="(["), saved)
    at = press(open_page(project, saved), "Edit")
    assert "not a valid regular expression" in at.error[0].value
    widget(at, "toggle", "Groups from the file names: `([`").set_value(False)
    press(at, "Save target")
    assert store.targets(project)[saved].group_pattern == "" and not at.error


def test_duplicates_and_unreadable_images_are_listed(store, project, saved, folder):
    (folder / "benign" / "copy.png").write_bytes((folder / "benign" / "b00_0.png").read_bytes())
    (folder / "normal" / "broken.png").write_bytes(b"cut off")
    at = open_page(project, saved)
    assert [e.label for e in at.expander if ":" in e.label] == [
        "Unreadable: 1 image", "Duplicates: 1 set of equal pixels",
    ]  # fmt: skip


def test_an_image_that_comes_or_changes_is_noticed_without_a_restart(project, saved, folder):
    at = open_page(project, saved)
    save_image(folder / "normal" / "new.png", 999)
    at.run()
    assert at.metric[0].value == "61"
    save_image(folder / "normal" / "new.png", 998, size=30)
    at.run()
    assert widget(at, "metric", "Width × height").value == "12–30 × 12–30"


def test_a_saved_target_whose_images_are_gone_keeps_the_page_usable(project, saved, folder):
    folder.rename(folder.with_name("moved"))
    at = open_page(project, saved)
    assert "does not exist" in at.error[0].value
    press(at, "Edit")
    widget(at, "text_input", "Path to the images").input(str(folder.with_name("moved")))
    press(at, "Save target")
    assert at.metric[0].value == "60"


def test_an_imported_file_fills_the_form_and_is_kept_on_saving(store, project, folder):
    (folder.parent / "TARGET.toml").write_text(
        'name = "imported"\nimages = "images"\nformat = "folder"\nlabel_type = "multi-class"\nanatomy = "Breast"\n'
    )
    at = press(open_page(project), "Import")
    widget(at, "text_input", "Path of the file on this machine").input(str(folder.parent / "TARGET.toml"))
    press(at, "Import")
    confirm(at, "Import", "Import the file")
    assert widget(at, "text_input", "Name").value == "imported" and targets_of(store, project) == []
    press(at, "Save target")
    (task,) = targets_of(store, project)
    assert task.images == folder and task.anatomy == "Breast"


def test_an_uploaded_file_needs_a_full_path_and_one_on_this_machine_does_not(folder):
    text = 'name = "t"\nimages = "images"\nformat = "folder"\nlabel_type = "multi-class"\n'
    with pytest.raises(TargetError, match="relative to a file that was uploaded"):
        parse_uploaded(text)
    (folder.parent / "TARGET.toml").write_text(text)
    assert load_here(str(folder.parent / "TARGET.toml")).images == folder


def test_what_is_exported_is_read_back_as_the_same_task(folder):
    task = TargetTask("t", folder, "folder", "multi-class", notes="n", test_part=("a/b.png",), labelled_images=60)
    assert parse_uploaded(dump_target(task)) == task


def test_removing_a_target_is_confirmed(store, project, saved):
    at = press(open_page(project, saved), "Remove")
    assert saved in store.targets(project)
    confirm(at, "Remove", "Remove target")
    assert store.targets(project) == {}
    assert "A new target" in at.header[0].value


def test_names_made_by_users_are_shown_as_they_are():
    assert code("a`b") == "`a'b`"
    assert plain("**x** :red[y]") == r"\*\*x\*\* \:red\[y\]"


REAL = [
    ("busi", "folder", "multi-class", "360", "No test part is locked"),
    ("nih_cxr/manifest.csv", "manifest", "multi-label", "420", "420 groups"),
    ("pneumoniamnist.npz", "npz", "binary", "5,856", "Locked: the given test split, 624 images"),
]


@pytest.mark.realdata
@pytest.mark.parametrize("path, layout, label_type, n_images, state", REAL, ids=[case[0] for case in REAL])
def test_real_targets_are_saved_through_the_form(project, realdata, path, layout, label_type, n_images, state):
    at = describe(open_page(project), "real", label_type, layout, realdata / "targets" / path)
    press(at, "Save target")
    assert at.metric[0].value == n_images
    assert state in shown(at)


# MedMNIST by name --------------------------------------------------------------------------------------------------

SETS = {("chestmnist", 28): "multi-label", ("retinamnist", 28): "ordinal", ("breastmnist", 28): "binary"}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    served = Mirror(b"")
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", served.url)
    yield served
    served.close()


def serve(mirror, tmp_path, monkeypatch, name: str) -> None:
    mirror.content = small_npz(medmnist_set(name, 28))
    catalogue = write_catalogue(tmp_path / f"{name}.toml", {(name, 28): mirror.content})
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(catalogue))


def choose_set(at: AppTest, name: str) -> AppTest:
    widget(at, "button_group", "Layout").set_value("npz")
    at.run()
    widget(at, "selectbox", "Or choose a MedMNIST set").set_value(name)
    at.run()
    assert not at.exception
    return at


def until(at: AppTest, label: str) -> AppTest:
    """Draw the page again, as its clock does in a browser, until it has that button."""
    deadline = time.monotonic() + 30
    while label not in [button.label for button in at.button]:
        assert time.monotonic() < deadline, shown(at)
        time.sleep(0.1)
        at.run()
    assert not at.exception
    return at


@pytest.mark.parametrize(("name", "label_type"), [(name, kind) for (name, _), kind in SETS.items()])
def test_a_medmnist_set_is_fetched_by_name_and_fills_in_the_form(
    store, project, mirror, tmp_path, monkeypatch, name, label_type
):
    serve(mirror, tmp_path, monkeypatch, name)
    entry = medmnist_set(name, 28)
    at = open_page(project)
    widget(at, "text_area", "Notes").input("for the spring study")
    at = choose_set(at, name)
    assert f"{entry.images:,} images" in shown(at) and entry.licence in shown(at)
    assert mirror.asked == []
    press(until(press(at, "Download"), "Use this set"), "Use this set")
    assert widget(at, "text_input", "Name").value == entry.title
    press(at, "Save target")
    (task,) = targets_of(store, project)
    assert (task.label_type, task.modality, task.anatomy) == (label_type, entry.modality, entry.anatomy)
    assert [task.class_meanings[str(i)] for i in range(len(entry.labels))] == list(entry.labels)
    assert task.images.read_bytes() == mirror.content
    assert task.notes.startswith("for the spring study") and entry.licence in task.notes
    assert "test" in set(read_listing(task, allowed_roots()).splits)


def test_a_download_that_fails_says_why_and_can_be_tried_again(project, mirror, tmp_path, monkeypatch):
    serve(mirror, tmp_path, monkeypatch, "breastmnist")
    mirror.manner = "404"
    at = press(choose_set(open_page(project), "breastmnist"), "Download")
    until(at, "Download")
    assert "answers 404" in at.error[0].value
    mirror.manner = "good"
    until(press(at, "Download"), "Use this set")
    assert not at.error


def test_a_size_that_cannot_be_opened_is_not_offered_for_download(project):
    at = choose_set(open_page(project), "pathmnist")
    widget(at, "button_group", "Image size in pixels").set_value(224)
    at.run()
    assert "Choose a smaller size" in shown(at)
    assert "Download" not in [button.label for button in at.button]


def test_a_licence_that_excludes_commercial_use_is_said_where_it_is_needed(project):
    at = choose_set(open_page(project), "dermamnist")
    assert not at.warning
    widget(at, "toggle", "The licence must allow commercial use").set_value(True)
    at.run()
    assert "excludes commercial use" in at.warning[0].value
