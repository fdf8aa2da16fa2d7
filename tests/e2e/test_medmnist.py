"""A MedMNIST set by name, in a real browser: from a mirror on 127.0.0.1 that serves a small file, and without one."""

import re

import pytest
from playwright.sync_api import expect

from core.images.medmnist_sets import medmnist_set
from core.starter import NAME as STARTER
from tests.e2e.conftest import choose, fill, press, running_app, settled, visit
from tests.e2e.test_walk import begin
from tests.images.medmnist_server import Mirror, small_npz, write_catalogue

NAMES = ("pneumoniamnist", "chestmnist")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """Set before the app starts, which inherits the environment."""
    served = Mirror(b"")
    contents = {(name, 28): small_npz(medmnist_set(name, 28), n=400) for name in NAMES}
    served.contents = {f"/{name}.npz": content for (name, _), content in contents.items()}
    catalogue = write_catalogue(tmp_path_factory.mktemp("catalogue") / "medmnist.toml", contents)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(catalogue))
        environment.setenv("SOURCESCOUT_MEDMNIST_MIRROR", served.url)
        environment.setenv("HF_HUB_OFFLINE", "1")
        environment.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        yield served
    served.close()


@pytest.fixture(scope="module")
def app(mirror, tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running


def choose_set(page, title: str) -> None:
    page.get_by_text("MedMNIST file", exact=True).click()
    settled(page)
    choose(page, "Or choose a MedMNIST set", title)


def test_a_set_is_downloaded_cancelled_resumed_and_fills_in_the_form(page, app, mirror):
    begin(page, app, "Chest study")
    mirror.pause = 0.1  # 4 kB at a time: half a minute for the whole file
    choose_set(page, "ChestMNIST")
    expect(page.get_by_text("112,120 images: 78,468 train")).to_be_visible()
    expect(page.get_by_text("Licence: CC BY 4.0")).to_be_visible()
    assert mirror.asked == []
    press(page, "Download")
    expect(page.get_by_text(re.compile(r"0\.\d of 0\.\d MB"))).to_be_visible()
    press(page, "Cancel download")
    resume = page.get_by_role("button", name=re.compile(r"Resume at 0\.\d MB"))
    expect(resume).to_be_visible()
    assert not (app.home / "datasets" / "medmnist" / "chestmnist.npz").exists()
    mirror.pause = 0.0
    resume.click()
    expect(page.get_by_role("button", name="Use this set")).to_be_visible()
    assert mirror.asked[-1].startswith("bytes=")
    press(page, "Use this set")
    expect(page.get_by_role("heading", name="The classes")).to_be_visible(timeout=20_000)
    settled(page)
    expect(page.get_by_label("Name", exact=True)).to_have_value("ChestMNIST")
    expect(page.get_by_label("Path to the images", exact=True)).to_have_value(re.compile("chestmnist.npz"))
    expect(page.get_by_label(re.compile("^`?13`?$"))).to_have_value("hernia", timeout=20_000)
    press(page, "Save target")
    expect(page.get_by_role("heading", name="ChestMNIST")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Label type\s*Multi-label"))).to_be_visible()


def test_a_wrong_file_is_refused_and_the_right_one_taken_afterwards(page, app, mirror):
    begin(page, app, "Lung study")
    mirror.manner = "wrong"
    choose_set(page, "PneumoniaMNIST")
    press(page, "Download")
    expect(page.get_by_text(re.compile("not the published pneumoniamnist.npz"))).to_be_visible()
    mirror.manner = "good"
    press(page, "Download")
    expect(page.get_by_role("button", name="Use this set")).to_be_visible()


def test_the_starter_says_what_is_missing_and_leaves_no_project(page, app, mirror):
    begin(page, app, "A study of ours")
    visit(page, app)
    press(page, STARTER)
    expect(page.get_by_role("dialog").get_by_text("5,856 chest radiographs")).to_be_visible()
    page.get_by_role("button", name="Fetch and create").click()
    expect(page.get_by_text(re.compile("No project was made"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("HF_HUB_OFFLINE")).first).to_be_visible()
    page.reload()
    settled(page)
    page.get_by_role("combobox", name="Project").click()
    expect(page.get_by_role("option", name="A study of ours")).to_be_visible()
    expect(page.get_by_role("option", name=STARTER)).to_have_count(0)


def test_without_a_server_the_reason_comes_within_seconds(page, app, mirror):
    begin(page, app, "Offline study")
    mirror.close()
    choose_set(page, "BreastMNIST")
    press(page, "Download")
    expect(page.get_by_text(re.compile("127.0.0.1 cannot be reached"))).to_be_visible(timeout=8_000)
    fill(page, "Name", "goes on")
