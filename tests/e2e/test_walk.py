"""The walk as users go it, on real images and checkpoints, from a new project to a ranking."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from core.metrics import METRICS
from core.scoring import runner, spool
from tests.e2e.conftest import App, fill, press, settled, visit

pytestmark = pytest.mark.realdata

MOBILENETS = {"ImageNet": ("mnv2_imagenet.pth", 1001), "Birds": ("mnv2_inat_bird.pth", 965),
              "Insects": ("mnv2_inat_insect.pth", 1022)}  # fmt: skip

SLOW = ("nca", "nleep")  # each is fitted anew for every finding; the demo's radiographs have them


def write_checkpoints(folder, realdata, names=("ImageNet", "Birds", "Insects"), size=160) -> str:
    """A CHECKPOINTS.toml with the named MobileNetV2 files and a random initialisation. Small images save time."""
    preprocessing = f"[checkpoint.preprocessing]\ninput_size = {size}\nmean = 0.5\nstd = 0.5\n"
    text = ""
    for name in names:
        file, classes = MOBILENETS[name]
        text += (
            f'[[checkpoint]]\nname = "{name}"\narchitecture = "mobilenetv2_100"\nlibrary = "timm"\n'
            f'weights = "{realdata / "checkpoints" / file}"\nnum_classes = {classes}\nsource = "{name}"\n'
            f'kwargs = {{pad_type = "same"}}\n{preprocessing}\n'
        )
    text += (
        '[[checkpoint]]\nname = "Random"\narchitecture = "mobilenetv2_100"\nlibrary = "timm"\nweights = "random"\n'
        f'kwargs = {{pad_type = "same"}}\n{preprocessing}'
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CHECKPOINTS.toml").write_text(text)
    return str(folder / "CHECKPOINTS.toml")


def begin(page: Page, app: App, name: str) -> None:
    visit(page, app)
    press(page, "New project")
    fill(page, "Name", name)
    press(page, "Create")
    expect(page.get_by_role("heading", name="What exactly is the task")).to_be_visible()


def describe(page: Page, name: str, label_type: str, layout: str, path) -> None:
    """Fill the form of the target page and save."""
    fill(page, "Name", name)
    page.get_by_text(label_type, exact=True).click()
    settled(page)
    page.get_by_text(layout, exact=True).click()
    settled(page)
    fill(page, "Path to the images", str(path))
    press(page, "Save target")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def open_page(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    settled(page)


def open_checkpoints(page: Page) -> None:
    open_page(page, "Sources")
    page.get_by_text("Checkpoints", exact=True).first.click()
    settled(page)


def import_checkpoints(page: Page, path: str, names) -> None:
    open_checkpoints(page)
    fill(page, "Path of a CHECKPOINTS.toml", path)
    press(page, "Import")
    for name in names:
        expect(page.get_by_text(name, exact=True).first).to_be_visible(timeout=120_000)
    settled(page)


def start_run(page: Page, images: int, without: tuple[str, ...] = ()) -> None:
    """Start a run of all metrics but those named in `without`."""
    open_page(page, "Scoring")
    fill(page, "Images to use, at most", str(images))
    for metric in without:
        page.get_by_role("button", name=METRICS[metric].name, exact=True).click()
        settled(page)
    press(page, "Start")
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=60_000)


def wait_for_end(page: Page, seconds: int = 400) -> None:
    expect(page.get_by_text("Finished", exact=True)).to_be_visible(timeout=seconds * 1000)
    settled(page)
    press(page, "See the ranking")
    expect(page.get_by_text("stays covered until you have written down")).to_be_visible()
    press(page, "Skip and look")


def the_run(app: App):
    """The only run folder of the app."""
    (run,) = (app.home / "runs").iterdir()
    return run


def test_busi_from_a_new_project_to_a_ranking(page, app, realdata, tmp_path_factory):
    begin(page, app, "Breast study")
    describe(page, "busi", "Multi-class", "Folder per class", realdata / "targets" / "busi")
    for name in ("benign", "malignant", "normal"):
        expect(page.get_by_text(name).first).to_be_visible()
    press(page, "Lock a test part")
    expect(page.get_by_text(re.compile("locked", re.I)).first).to_be_visible()

    names = [*MOBILENETS, "Random"]
    toml = write_checkpoints(app.home.parent, realdata)
    import_checkpoints(page, toml, names)

    start_run(page, 60)
    page.reload()
    settled(page)
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=60_000)
    open_page(page, "Overview")
    expect(page.get_by_role("heading", name="The walk for busi")).to_be_visible()
    open_page(page, "Scoring")
    wait_for_end(page)

    expect(page.get_by_text(re.compile(r"Computed on 60 of 288 images"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"No patient groups are known"))).to_be_visible()
    expect(page.get_by_text("read with care").first).to_be_visible()
    results = list(spool.read_results(the_run(app)).values())
    assert len(results) == 4 * len(METRICS)
    logme = {result["candidate"]: result["value"] for result in results if result["metric"] == "logme"}
    assert logme["ImageNet"] > logme["Random"]
    assert all(result["n"] == 60 and result["d"] == 1280 for result in results if result["metric"] == "logme")

    expect(page.get_by_text("nearest neighbours rank").first).to_be_visible()
    page.get_by_role("radio", name="All metrics", exact=True).click()
    settled(page)
    expect(page.get_by_text(re.compile("Agreement is shown from 5 candidates on"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="All metrics as CSV").click()
    table = download.value.path().read_text()
    assert table.startswith("metric,candidate,value,low,high") and all(f"\n{key}," in table for key in METRICS)
    page.get_by_role("radio", name="Linear probe", exact=True).click()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Values as CSV").click()
    table = download.value.path().read_text()
    assert table.startswith("candidate,value,low,high") and "ImageNet" in table and "linear_probe" in table
    with page.expect_download() as download:
        page.get_by_role("button", name="Page as HTML").click()
    html = download.value.path().read_text()
    assert "Research use only" in html and "<svg" in html and "http" not in re.sub(r"http://www.w3.org/\S*", "", html)
    assert spool.read_plan(the_run(app))["part"]["hash"] in html
    url = page.url
    page.goto(url)
    settled(page)
    expect(page.get_by_text("How to read Linear probe")).to_be_visible()


def test_nih_chest_xrays_with_patients_survive_a_killed_app_and_worker(page, app, realdata):
    begin(page, app, "Chest study")
    describe(page, "chest", "Multi-label", "CSV manifest", realdata / "targets" / "nih_cxr" / "manifest.csv")
    expect(page.get_by_text("Hernia").first).to_be_visible()
    toml = write_checkpoints(app.home.parent, realdata, ("ImageNet",))
    import_checkpoints(page, toml, ["ImageNet", "Random"])
    before = set((app.home / "runs").iterdir()) if (app.home / "runs").exists() else set()
    open_page(page, "Scoring")
    expect(page.get_by_text("Adaptability (gradient ratio) is not offered")).to_be_visible()
    start_run(page, 240, without=SLOW)
    (run,) = set((app.home / "runs").iterdir()) - before

    app.kill()
    assert runner.alive(run)
    app.start()
    os.kill(spool.read_json(run / "progress.json")["pid"], signal.SIGKILL)
    done = set(spool.read_results(run))
    visit(page, app, f"scoring?{page.url.split('?')[1]}")
    expect(page.get_by_text("Stopped before the end")).to_be_visible(timeout=60_000)
    press(page, "Resume")
    wait_for_end(page)
    results = spool.read_results(run)
    asked = [m.key for m in METRICS.values() if "multi-label" in m.label_types and m.key not in SLOW]
    assert done <= set(results) and {r["metric"] for r in results.values()} == set(asked)
    assert len(results) == 2 * len(asked)
    assert all(result["detail"]["columns"] >= 10 for result in results.values() if "detail" in result)
    expect(page.get_by_text(re.compile("No patient groups are known"))).to_have_count(0)


def test_pneumoniamnist_keeps_its_test_split_locked_and_cancel_really_stops(page, app, realdata):
    begin(page, app, "Pneumonia study")
    describe(page, "pneumonia", "Binary", "MedMNIST file", realdata / "targets" / "pneumoniamnist.npz")
    toml = write_checkpoints(app.home.parent, realdata, ("ImageNet",))
    import_checkpoints(page, toml, ["ImageNet", "Random"])
    before = set((app.home / "runs").iterdir()) if (app.home / "runs").exists() else set()
    start_run(page, 2000)
    (run,) = set((app.home / "runs").iterdir()) - before
    press(page, "Cancel")
    expect(page.get_by_text(re.compile("Cancelled: what was finished is kept"))).to_be_visible(timeout=60_000)
    assert not runner.alive(run)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()

    start_run(page, 80, without=(*SLOW, "gradient_ratio"))
    wait_for_end(page)
    expect(page.get_by_text(re.compile(r"Computed on 80 of 4708 images"))).to_be_visible()
    expect(page.get_by_text("No test part is locked")).to_have_count(0)
