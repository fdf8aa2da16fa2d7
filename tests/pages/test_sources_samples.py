"""The view Samples of the Sources page: pointing to images, browsing them, what is said where they cannot be read."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.images import samples as samples_module
from core.images.samples import PATTERNS, Kept, keep_samples, kept_samples
from core.target import TargetTask
from pages import _state
from pages._sources_samples_grid import PAGE
from tests.pages.conftest import SHELL

SUGGESTED = "before the number: dog_0001.jpg"
RECORDS = {"known": ("Known set", "https://example.org/known"), "private": ("Private set", "")}


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    monkeypatch.setattr("pages._sources_samples.source_records", lambda: RECORDS)


@pytest.fixture
def folder(tmp_path):
    """40 images of `ant` and 40 of `bee`, 30 x 20 pixels, ants grey and bees in colour."""
    rng = np.random.default_rng(0)
    for name, shape in (("ant", (20, 30)), ("bee", (20, 30, 3))):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(40):
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(
                tmp_path / "images" / name / f"{name}_{i:02}.png"
            )
    return tmp_path / "images"


@pytest.fixture
def flat(folder):
    for name in ("ant", "bee"):
        for file in (folder / name).iterdir():
            file.rename(folder / file.name)
        (folder / name).rmdir()
    return folder


def open_view(source: str = "", **query) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=30)
    at.query_params.update({"sources_view": "Samples", **({"samples_source": source} if source else {}), **query})
    at.run()
    at.switch_page("sources.py").run()
    assert not at.exception
    return at


def shown(at: AppTest) -> str:
    return " ".join(element.value for kind in (at.markdown, at.caption, at.error) for element in kind)


def press(at: AppTest, key_or_label: str) -> AppTest:
    button = next(b for b in at.button if key_or_label in (b.key, b.label))
    button.click().run()
    assert not at.exception
    return at


def point_to(at: AppTest, path) -> AppTest:
    next(box for box in at.text_input if box.key.startswith("samples_path_")).set_value(str(path))
    return press(at, "Browse these images")


def pictures(at: AppTest) -> list[str]:
    return [button.help.removeprefix("Look closer: ").replace("\\", "") for button in at.button if _is_tile(button)]


def _is_tile(button) -> bool:
    return (button.key or "").startswith("samples_tile_")


def control(at: AppTest, key: str):
    return next(
        widget for kind in (at.button_group, at.multiselect, at.number_input) for widget in kind if widget.key == key
    )


@pytest.mark.parametrize(
    "source, says, silent",
    [
        ("Known set", "It can be had at https://example.org/known", "not in the catalogue"),
        ("Private set", "Where it can be had is not in the catalogue", "example.org"),
        ("Ours", "No samples of Ours are at hand", "can be had"),
    ],
)
def test_a_source_without_samples_says_so_and_what_to_do(source, says, silent):
    text = shown(open_view(source))
    assert says in text and "ships no images" in text and "one sub-folder per class" in text and silent not in text


def test_without_a_choice_the_view_says_what_it_is_for():
    assert "Choose a source data set" in shown(open_view())


def test_a_folder_is_kept_per_source_and_browsed_at_once_the_next_time(folder):
    at = point_to(open_view("Known set"), folder)
    assert "**80 images** in 2 classes" in shown(at) and kept_samples() == {"known": Kept(str(folder))}
    assert pictures(at) == [f"{name}/{name}_{i:02}.png" for name in ("ant", "bee") for i in range(6)]
    assert len(pictures(open_view())) == 12  # the first source with samples is shown unasked
    point_to(open_view("Private set"), folder / "bee")
    assert kept_samples() == {"known": Kept(str(folder)), "private": Kept(str(folder / "bee"))}


def damaged(folder):
    (folder / "x.npz").write_bytes(b"PK nothing")
    return folder / "x.npz"


def pickled(folder):
    np.savez(folder / "p.npz", images=np.array([{}], dtype=object))
    return folder / "p.npz"


@pytest.mark.parametrize(
    "place, message",
    [
        (lambda folder: folder / "nowhere", "does not exist"),
        (lambda folder: "/etc", "outside the folders"),
        (lambda folder: "images", "outside the folders|not a full path"),
        (damaged, "damaged or not an .npz"),
        (pickled, "opening it could run a program"),
    ],
    ids=["missing", "outside", "relative", "damaged", "pickled"],
)
def test_what_cannot_be_browsed_is_said_nothing_is_kept_and_the_next_try_works(folder, place, message):
    at = point_to(open_view("Known set"), place(folder))
    assert re.search(message, at.error[0].value) and "What to do" in at.error[0].value and kept_samples() == {}
    assert len(pictures(point_to(at, folder))) == 12


def test_images_that_went_away_or_a_damaged_list_leave_the_view_usable(folder, tmp_path):
    keep_samples("known", Kept(str(tmp_path / "gone")))
    at = open_view("Known set")
    assert "does not exist" in at.error[0].value
    press(at, "samples_forget")
    assert "No samples of Known set are at hand" in shown(at) and kept_samples() == {}
    (tmp_path / "home" / "samples.json").write_text("{")
    assert "cannot be read" in open_view("Known set").error[0].value


def test_only_the_images_of_the_page_shown_are_opened_and_each_once(folder, monkeypatch):
    opened, read = [], samples_module.read_pixels
    monkeypatch.setattr(samples_module, "read_pixels", lambda path: opened.append(path.name) or read(path))
    keep_samples("known", Kept(str(folder)))
    at = open_view("Known set")
    control(at, "samples_order").set_value("All in order").run()
    assert pictures(at)[0] == "ant/ant_00.png" and len(pictures(at)) == PAGE
    opened.clear()
    press(at, "samples_Next")
    assert sorted(opened) == sorted(path.rsplit("/")[-1] for path in pictures(at)) and len(opened) == PAGE
    opened.clear()
    press(at, "samples_Previous")
    assert pictures(at)[0] == "ant/ant_00.png" and opened == []


def test_pages_a_seed_and_classes_from_a_link(folder):
    keep_samples("known", Kept(str(folder)))
    link = {"samples_order": "Random", "samples_seed": "3", "samples_page": "2", "samples_classes": "bee"}
    at = open_view("Known set", **link)
    again = pictures(at)
    assert len(again) == 40 - PAGE and all(path.startswith("bee/") for path in again)
    assert pictures(open_view("Known set", **link)) == again
    assert pictures(open_view("Known set", **link | {"samples_seed": "4"})) != again
    control(at, "samples_classes").set_value([]).run()
    assert control(at, "samples_page").value == 1 and "1 to 36 of 80 images" in shown(at)


def test_another_source_drops_classes_that_it_does_not_have(folder):
    keep_samples("known", Kept(str(folder)))
    keep_samples("Ours", Kept(str(folder / "bee")))
    at = open_view("Known set", samples_classes="bee")
    next(box for box in at.selectbox if box.key == "samples_source").set_value("Ours").run()
    assert not at.exception and "**40 images**, no classes known" in shown(at) and len(pictures(at)) == PAGE


def test_classes_come_from_file_names_with_a_preview_while_a_pattern_is_tried(flat):
    keep_samples("known", Kept(str(flat)))
    at = open_view("Known set")
    assert "no classes known" in shown(at)
    pattern = next(box for box in at.text_input if box.label == "File-name pattern")
    pattern.set_value("(").run()
    assert "not a valid regular expression" in at.error[0].value
    press(at, SUGGESTED)
    assert "**2 classes** in the names" in shown(at)
    assert at.dataframe[0].value["class"].isin(["ant", "bee"]).all()
    press(at, "Use these classes")
    assert kept_samples() == {"known": Kept(str(flat), PATTERNS[SUGGESTED])}
    assert "**80 images** in 2 classes" in shown(at)
    assert control(at, "samples_classes").options == ["ant", "bee"]


def test_an_image_is_shown_large_with_its_size_mode_path_and_class(folder):
    keep_samples("known", Kept(str(folder)))
    at = open_view("Known set")
    press(at, next(button.key for button in at.button if _is_tile(button)))
    text = shown(at)
    assert "30 × 20 pixels, grey" in text and "PNG, mode L (grey, 8 bits)" in text and str(folder / "ant") in text
    control(at, "samples_zoom").set_value("4×").run()
    assert not at.exception


def test_an_image_that_cannot_be_read_is_said_in_its_place(folder):
    (folder / "ant" / "ant_00.png").write_bytes(b"damaged")
    keep_samples("known", Kept(str(folder)))
    at = open_view("Known set")
    assert "`ant_00.png` cannot be read as an image" in shown(at) and len(pictures(at)) == 11


def test_an_npz_that_is_damaged_further_in_is_said_and_the_source_can_be_changed(folder, tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((4, 99, 99), dtype=np.uint8))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[-9_000] ^= 255
    (tmp_path / "x.npz").write_bytes(content)
    keep_samples("known", Kept(str(tmp_path / "x.npz")))
    at = open_view("Known set")
    assert "damaged" in at.error[0].value and "**4 images**" in shown(at)
    assert len(pictures(point_to(at, folder))) == PAGE


def groups(at: AppTest) -> list[str]:
    """What lies over each other in the chart of histograms."""
    spec = json.loads(at.get("vega_lite_chart")[0].proto.spec)
    return spec["spec"]["layer"][0]["encoding"]["color"]["scale"]["domain"]


def test_figures_say_their_n_and_lie_beside_those_of_the_training_part_of_the_target(folder, store, project):
    locked = tuple(f"bee/bee_{i:02}.png" for i in range(10))
    store.save_target(project, TargetTask("Insects", folder, "folder", "binary", test_part=locked))
    keep_samples("known", Kept(str(folder)))
    at = open_view("Known set", samples_show="Size and intensity", samples_classes="ant")
    text = shown(at)
    assert groups(at) == ["Known set (N = 40)", "Target (N = 70)"]
    assert "Measured: 40 images of 40, all there are" in text and "training part: test part locked" in text
    assert "40\\): **0%**" in text and "70\\): **43%**" in text  # 30 of 70 are bees
    next(toggle for toggle in at.toggle if toggle.key == "samples_target").set_value(False).run()
    assert groups(at) == ["Known set (N = 40)"]


def test_figures_of_many_images_are_of_a_sample_that_its_seed_decides(folder, monkeypatch):
    monkeypatch.setattr("pages._sources_samples_figures.MEASURED", 20)
    keep_samples("known", Kept(str(folder)))
    tables = []
    for seed in ("0", "0", "1"):
        at = open_view("Known set", samples_show="Size and intensity", samples_draw=seed)
        assert "Measured: 20 images of 80, drawn at random" in shown(at)
        tables.append(at.dataframe[0].value.to_csv())
    assert tables[0] == tables[1] != tables[2]


def test_near_duplicates_wait_for_a_click_and_stand_side_by_side(folder):
    Image.open(folder / "ant" / "ant_00.png").save(folder / "bee" / "copy.png")
    keep_samples("known", Kept(str(folder)))
    at = open_view("Known set", samples_show="Near-duplicates")
    assert "81 images of 81 would be opened" in shown(at)
    press(at, "samples_similar_look")
    text = shown(at)
    assert "**1 set** of images that are alike among 81 images: 1 with equal pixels" in text
    assert "1 set across classes" in text and "`ant/ant_00.png`" in text and "`bee/copy.png`" in text


def test_more_sets_of_near_duplicates_are_a_click_away(folder):
    for i in range(7):
        Image.open(folder / "ant" / f"ant_{i:02}.png").save(folder / "ant" / f"copy_{i}.png")
    keep_samples("known", Kept(str(folder)))
    at = press(open_view("Known set", samples_show="Near-duplicates"), "samples_similar_look")
    assert "**7 sets**" in shown(at) and "copy_4" in shown(at) and "copy_5" not in shown(at)
    press(at, "Show more (2 left)")
    assert "copy_6" in shown(at)


def test_no_image_comes_into_the_database(folder):
    point_to(open_view("Known set"), folder)
    assert _state.store().image_index(str(folder)) == {}
