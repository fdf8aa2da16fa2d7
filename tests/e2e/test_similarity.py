"""How alike in meaning, in a real browser: compare, set what is unknown, weigh, describe by several people."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.similarity.questionnaire import shipped
from tests.comparison.test_sentences import tiny_encoder
from tests.e2e.conftest import choose, fill, press, settled, visit

LINK = "similarity?project=demo&target=demo-tissue"
TWO = "&similarity_sources=NCT-CRC-HE-100K&similarity_sources=ImageNet-1K"


@pytest.fixture(scope="module", autouse=True)
def demo_opened(chromium, app) -> None:
    tab = chromium.new_page()
    visit(tab, app)
    press(tab, "Open the demo project")
    tab.close()


def rows_of(page: Page, button: str) -> list[dict]:
    settled(page)  # a click while the page is drawn anew would fetch what was there before
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=button).click()
    settled(page)
    return list(csv.DictReader(download.value.path().read_text().splitlines()))


def add_answers(page: Page, file: Path, text: str) -> None:
    file.write_text(text)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    press(page, "Add these answers")


def test_what_is_set_narrows_the_range_and_the_link_shows_the_same(page, app):
    visit(page, app, LINK + TWO)
    expect(page.get_by_text("More alike is not the same as more useful")).to_be_visible()
    before = {row["key"]: row for row in rows_of(page, "Download as CSV")}
    assert list(before) == ["nct_crc_he_100k", "imagenet_1k"] and before["imagenet_1k"]["anatomy_state"] == "unknown"
    page.get_by_text("Set what is unknown").click()
    choose(page, "Anatomy", "colon")
    expect(page.get_by_test_id("stTable").get_by_text("set here")).to_be_visible()
    page.get_by_text("Weights of the properties").click()
    page.get_by_role("slider", name="Modality").press("ArrowRight")
    settled(page)
    expect(page.get_by_text("modality 1.25 (default 1)")).to_be_visible()
    after = {row["key"]: row for row in rows_of(page, "Download as CSV")}
    width = {key: float(row["high"]) - float(row["low"]) for key, row in before.items()}
    assert all(float(row["high"]) - float(row["low"]) < width[key] for key, row in after.items())
    assert after["imagenet_1k"]["modality_weight"] == "1.25"
    page.goto(page.url)
    settled(page)
    assert {row["key"]: row for row in rows_of(page, "Download as CSV")} == after


def describe(page: Page, person: str, data_set: str, *told: str) -> None:
    """Answer by the wording of the answers, one for each question from the first on."""
    fill(page, "Who answers: a pseudonym or a number", person)
    choose(page, "Data set", data_set)
    groups = page.get_by_test_id("stForm").get_by_test_id("stButtonGroup")
    for i, wording in enumerate(told):
        groups.nth(i).get_by_text(wording, exact=True).click()
    press(page, "Save")


def test_people_describe_data_sets_and_their_answers_travel(page, app, tmp_path):
    visit(page, app, LINK + TWO + "&meaning_by=From+people")
    describe(page, "P1", "The target", "medical", "microscope", "tissue or cells, of any organ")
    describe(page, "P1", "ImageNet-1K", "not medical", "photographs", "none")
    describe(page, "P2", "The target", "medical", "cannot judge")
    describe(page, "P2", "ImageNet-1K", "not medical", "photographs")
    expect(page.get_by_text("P2 has answered")).to_contain_text("ImageNet-1K 2/10")
    expect(page.get_by_role("heading", name="How far people agree")).to_be_visible()
    page.get_by_text("Export, import, remove answers").click()
    answers = rows_of(page, "Export all answers as CSV")
    assert len(answers) == 10 and {row["data_set"] for row in answers} == {"the target", "imagenet_1k"}

    choose(page, "Remove all answers of", "P2")
    press(page, "Remove answers")
    assert len(rows_of(page, "Export all answers as CSV")) == 6
    header, version = "person,data_set,question,answer,version", shipped().version
    add_answers(page, tmp_path / "bad.csv", f"{header}\nP3,the target,medical,perhaps,{version}\n")
    expect(page.get_by_text("Row 2: answer is 'perhaps'")).to_be_visible()
    page.get_by_role("button", name="Remove bad.csv").click()
    expect(page.get_by_role("button", name="Add these answers")).to_have_count(0)
    add_answers(page, tmp_path / "good.csv", f"{header}\nP3,the target,medical,yes,{version}\n")
    expect(page.get_by_text("Imported: 1 answer")).to_be_visible()
    assert len(rows_of(page, "Export all answers as CSV")) == 7


def test_a_sentence_encoder_reads_the_descriptions(page, app):
    model = tiny_encoder(app.home.parent / "tiny")
    visit(page, app, LINK + TWO)
    page.get_by_text("Let a sentence encoder read the descriptions, too").click()
    fill(page, "Folder of the encoder", str(model))
    press(page, "Read the descriptions")
    expect(page.get_by_text("how close tiny places the descriptions")).to_be_visible(timeout=120_000)
    found = {row["key"]: float(row["sentences"]) for row in rows_of(page, "Download as CSV")}
    assert set(found) == {"nct_crc_he_100k", "imagenet_1k"} and all(-1 <= value <= 1 for value in found.values())
