"""The Similarity page, looks and networks: with what ships, before anything was measured here, and after."""

import json

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.comparison import fingerprint, job, worker
from core.demo import open_demo
from core.images.samples import Kept, keep_samples
from core.settings import data_folder, home
from tests.pages.test_similarity_meaning import TISSUE, run
from tests.pages.test_similarity_meaning import text_of as escaped_text_of

pytestmark = pytest.mark.usefixtures("demo")
SHIPPED = ["imagenet_1k", "Intel scenes", "cifar10"]


@pytest.fixture
def demo(store) -> None:
    open_demo(store)


def open_view(view: str, sources: list[str]) -> AppTest:
    from tests.pages.conftest import SHELL

    at = AppTest.from_file(str(SHELL), default_timeout=90)
    at.query_params["target"] = TISSUE
    at.run()
    at.session_state["similarity_sources"] = sources
    at.session_state["similarity_view"] = view
    return run(at.switch_page("similarity.py"))


def text_of(at: AppTest) -> str:
    return escaped_text_of(at).replace("\\", "")


def headings(at: AppTest) -> list[str]:
    return [heading.value for heading in at.subheader]


def test_looks_are_there_at_once_from_fingerprints_that_ship():
    at = open_view("Looks", SHIPPED)
    assert {"Colour and intensity", "Structure and texture"} <= set(headings(at))
    text = text_of(at)
    assert "What differs most from Tissue patches (synthetic)" in text
    assert "ImageNet-1K" in text and "Not measured yet" not in text
    assert "No picture: a fingerprint holds no images" in text


def test_a_network_compares_with_fingerprints_that_ship():
    at = open_view("To a network", SHIPPED)
    assert headings(at)[:2] == ["MMD (fingerprint)", "Frechet distance (fingerprint)"]
    assert "Fingerprints are enough." in text_of(at)


def test_orders_stand_side_by_side_and_fewer_than_five_sources_get_no_coefficient():
    at = open_view("Side by side", SHIPPED)
    text = text_of(at)
    assert all(f"**{title}**" in text for title in ("In meaning", "Colour and intensity", "Structure and texture"))
    assert "**To Synthetic objects**" in text and "No coefficient of agreement" in text
    assert "Unknown: Intel scenes" in text  # no record of it: nothing is known of its meaning


def test_five_sources_that_all_answers_know_get_coefficients(monkeypatch):
    import pages._similarity_together as page

    found = {name: {"value": value, "low": value, "high": value} for value, name in enumerate("abcde")}
    reverse = {name: {"value": -value, "low": -value, "high": -value} for value, name in enumerate("abcde")}
    shown = []
    monkeypatch.setattr(page.st, "dataframe", lambda frame, **_: shown.append(frame))
    page._show_agreement({"one": ("low", found), "other": ("low", reverse), "third": ("high", reverse)}, list("abcde"))
    assert shown[0].iloc[:, 2].tolist() == [-1.0, 1.0, -1.0]


def test_a_source_without_images_says_how_to_make_a_fingerprint():
    text = text_of(open_view("Looks", ["chexpert"]))
    assert "python -m core fingerprint FOLDER --out chexpert.npz --source chexpert" in text


def test_the_target_itself_is_no_source():
    text = text_of(open_view("Looks", ["Tissue patches (synthetic)", "cifar10"]))
    assert "- **CIFAR-10**" in text and "- **Tissue patches (synthetic)" not in text


@pytest.fixture
def insects(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "insects" / name).mkdir(parents=True)
        for i in range(30):
            pixels = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "insects" / name / f"{i}.png")
    keep_samples("Insects", Kept(str(tmp_path / "insects")))


def test_measuring_in_the_background_fills_the_views(insects, monkeypatch):
    def at_once(folder, module, *arguments):
        assert module == "core.comparison.worker" and worker.work(folder) == []

    monkeypatch.setattr(job.runner, "launch", at_once)
    at = open_view("To a network", ["Insects"])
    at.session_state["similarity_maps"] = ["pca"]
    run(at)
    assert "Neighbour mixing" not in headings(at)
    next(button for button in at.button if button.label.startswith("Measure")).click()
    run(at)
    assert headings(at)[:3] == ["Neighbour mixing", "KID", "Frechet distance"]
    assert "Target and sources in one picture" in headings(at)
    assert not [button for button in at.button if button.label.startswith("Measure")]
    at.session_state["similarity_view"] = "Looks"
    text = text_of(run(at))
    assert "Insects" in text and "ant" not in text.split("Fingerprints:")[0].split()


def test_samples_that_are_gone_are_told_and_the_others_are_compared(insects, tmp_path):
    (tmp_path / "insects").rename(tmp_path / "elsewhere")
    at = open_view("Looks", ["Insects", "cifar10"])
    assert "does not exist" in at.error[0].value and "CIFAR-10" in text_of(at)


def test_what_ships_says_what_its_readme_says():
    files = sorted((data_folder() / "fingerprints").glob("*.npz"))
    made = {file.stem: fingerprint.load(file) for file in files}
    assert {name: one.n for name, one in made.items()} == {
        "imagenet_1k": 1000, "intel_scenes": 360, "cifar10": 500, "demo_tissue": 192, "demo_radiograph": 130,
        "demo_objects": 200, "demo_textures": 200, "demo_limbs": 200, "demo_stains": 200,
    }  # fmt: skip
    assert all(one.about["synthetic"] == name.startswith("demo") for name, one in made.items())
    assert all(len(one.encoders) == (5 if name.startswith("demo") else 6) for name, one in made.items())
    assert sum(file.stat().st_size for file in files) < 5_000_000
    assert all("/" not in json.dumps(one.about) for one in made.values())


def test_a_damaged_fingerprint_is_told_and_the_others_are_compared():
    folder = home() / "fingerprints"
    folder.mkdir()
    (folder / "x.npz").write_bytes(b"hello")
    at = open_view("Looks", ["cifar10"])
    assert "`x.npz` is no fingerprint" in at.error[0].value and "- **CIFAR-10**" in text_of(at)
