"""Inputs that labs have, as users go through them in a browser."""

import re

import duckdb
import numpy as np
from PIL import Image
from playwright.sync_api import expect

from core.scoring import spool
from tests.dicoms import SECRETS, write_study
from tests.e2e.conftest import press
from tests.e2e.test_walk import begin, describe, import_checkpoints, open_page, start_run, wait_for_end

CHECKPOINTS = "".join(
    f'[[checkpoint]]\nname = "Random {seed}"\narchitecture = "test_resnet"\nlibrary = "timm"\nweights = "random"\n'
    f"seed = {seed}\n[checkpoint.preprocessing]\ninput_size = 32\n\n"
    for seed in (1, 2)
)


def test_a_dicom_folder_is_described_shown_and_scored_and_its_patients_stay_unknown(page, app):
    folder = app.home.parent
    csv = write_study(folder / "study", patients=16)
    (folder / "CHECKPOINTS.toml").write_text(CHECKPOINTS)
    seen = []

    begin(page, app, "Chest DICOM")
    describe(page, "chest dicom", "Binary", "CSV manifest", csv)
    expect(page.get_by_text("44", exact=True).first).to_be_visible()  # 16 x 2 images and 4 x 3 frames
    expect(page.get_by_text(re.compile("16 groups from the DICOM headers"))).to_be_visible()
    examples = page.locator('img[alt*="clip.dcm#frame"], img[alt*="IM0001"], img[alt*="a.dcm"]')
    expect(examples.first).to_be_visible()
    assert examples.first.evaluate("image => image.complete && image.naturalWidth") > 0
    press(page, "Lock a test part")
    expect(page.get_by_text(re.compile("locked", re.I)).first).to_be_visible()
    seen.append(page.content())
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    seen.append(download.value.path().read_text())

    import_checkpoints(page, str(folder / "CHECKPOINTS.toml"), ["Random 1", "Random 2"])
    start_run(page, 400)
    wait_for_end(page)
    seen.append(page.content())
    for name in ("All metrics as CSV", "Page as HTML"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        seen.append(download.value.path().read_text())
    open_page(page, "Overview")
    seen.append(page.content())

    (run,) = (app.home / "runs").iterdir()
    results = spool.read_results(run).values()
    assert {result["metric"] for result in results} >= {"logme", "knn", "linear_probe"}
    assert all(result["value"] is not None for result in results if result["metric"] in ("logme", "knn"))
    assert spool.read_plan(run)["grouped"]

    app.kill()
    with duckdb.connect(str(app.home / "sourcescout.duckdb"), read_only=True) as database:
        tables = [name for (name,) in database.execute("select table_name from information_schema.tables").fetchall()]
        rows = " ".join(str(database.execute(f'select * from "{table}"').fetchall()) for table in tables)
    app.start()
    assert "clip.dcm#frame2" in rows
    kept = b"".join(path.read_bytes() for path in app.home.rglob("*") if path.is_file())
    for secret in SECRETS:
        assert secret not in rows and secret not in " ".join(seen) and secret.encode() not in kept


def test_the_verdict_leads_to_copies_and_a_hopeless_pattern_is_given_up_while_it_is_typed(page, app):
    folder = app.home.parent / "images"
    for c in "ab":
        (folder / c).mkdir(parents=True)
        for i in range(15):
            coarse = np.random.default_rng(100 * (c == "b") + i).integers(20, 140, (9, 9), dtype=np.uint8)
            Image.fromarray(coarse).resize((120, 100), Image.Resampling.BICUBIC).save(folder / c / f"{i:02}.png")
    Image.open(folder / "a" / "03.png").resize((90, 75)).save(folder / "b" / "copy.png")

    begin(page, app, "Copies")
    describe(page, "copies", "Binary", "Folder per class", folder)
    page.get_by_role("link", name="1 set of near-duplicates across classes").click()
    expect(page.get_by_role("heading", name="Are there copies among the images?")).to_be_in_viewport()

    box = page.get_by_label("File-name pattern", exact=True)
    box.press_sequentially(r"(.?|\w?){60}[#%]", delay=20)
    expect(page.get_by_text("takes too long")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Save the groups")).to_have_count(0)
    box.fill(r"/(\d)")
    expect(page.get_by_role("button", name="Save the groups")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("takes too long")).to_have_count(0)
