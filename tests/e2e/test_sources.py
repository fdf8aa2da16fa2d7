"""The catalogue in a real browser: find, compare, read, guard against leakage, shortlist, add a record of one's own."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import choose, fill, press, settled, visit
from tests.e2e.test_samples import point_to
from tests.e2e.test_walk import begin, describe

DEMO = "project=demo&target=demo-tissue"


@pytest.fixture(scope="module")
def demo_opened(chromium, app) -> None:
    """The demo is opened once; every test has a tab of its own."""
    tab = chromium.new_page()
    visit(tab, app)
    press(tab, "Open the demo project")
    tab.close()


@pytest.fixture
def demo(page, demo_opened) -> Page:
    return page


def open_view(page: Page, app, view: str, more: str = "") -> None:
    visit(page, app, f"sources?{DEMO}&sources_view={view.replace(' ', '%20')}{more}")


def names_of_cards(page: Page) -> list[str]:
    return [name.split("\n")[0] for name in page.locator(".st-key-sources_found strong").all_inner_texts()]


def test_histology_with_an_open_licence_is_found_and_the_link_finds_it_again(demo, app):
    page = demo
    open_view(page, app, "Data sets")
    choose(page, "Modality", "Histopathology")
    choose(page, "Commercial use", "Commercial use allowed")
    choose(page, "Access", "Open")
    found = names_of_cards(page)
    assert {"NCT-CRC-HE-100K", "PathMNIST", "CAMELYON16"} <= set(found)
    assert not {"CheXpert", "ImageNet-1K", "KIMIA Path960"} & set(found)
    expect(page.get_by_text(f"{len(found)} data sets fit")).to_be_visible()
    page.goto(page.url)
    settled(page)
    assert names_of_cards(page) == found
    page.get_by_text(re.compile(r"of which something asked for is unknown")).click()
    settled(page)
    assert "KIMIA Path960" in names_of_cards(page)  # its licence is unknown
    page.get_by_text("Table", exact=True).click()
    settled(page)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def test_three_sources_are_compared_with_the_target(demo, app):
    page = demo
    open_view(page, app, "Data sets")
    choose(page, "Compare side by side, with the target", "NCT-CRC-HE-100K", "CheXpert", "ImageNet-1K")
    table = page.get_by_test_id("stTable")
    modality = table.get_by_role("row", name=re.compile("^Modality"))
    expect(modality).to_contain_text("Histopathology")
    expect(modality).to_contain_text("Radiograph (X-ray)")
    colors = [cell.evaluate("e => getComputedStyle(e).backgroundColor") for cell in
              modality.locator(".stMarkdownColoredBackground").all()]  # fmt: skip
    assert len(colors) == 3 and len(set(colors)) == 2  # one alike, two different
    patients = table.get_by_role("row", name=re.compile("^Patients"))
    expect(patients).to_contain_text("65,240")
    expect(patients).to_contain_text("unknown")


def test_a_record_cites_every_fact_and_leads_to_its_checkpoints(demo, app):
    page = demo
    open_view(page, app, "Data sets")
    fill(page, "Search", "ImageNet-1K")
    page.locator(".st-key-sources_read_imagenet_1k button").first.click()
    settled(page)
    expect(page.get_by_role("heading", name="ImageNet-1K", exact=True)).to_be_visible()
    facts = page.get_by_role("listitem").filter(has_text="Images:").first
    expect(facts).to_contain_text("1,281,167")
    expect(facts.get_by_role("link").first).to_have_attribute("href", re.compile("^https://"))
    expect(page.get_by_text("What is not known")).to_be_visible()
    press(page, "Choose among them")
    expect(page.get_by_text("Usual starting points")).to_be_visible()
    expect(page.get_by_text(re.compile(r"1,3\d\d tags; select rows"))).to_be_visible()


def test_the_origin_of_the_target_brings_warnings_everywhere(demo, app):
    page = demo
    open_view(page, app, "Leakage")
    expect(page.get_by_text("no warning can be given")).to_be_visible()
    choose(page, "Known sets that images of", "ChestMNIST")
    for name in ("NIH ChestX-ray14", "Collection behind RAD-DINO", "RSNA Pneumonia Detection Challenge 2018"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    open_view(page, app, "Data sets", "&source=nih_cxr14")
    expect(page.get_by_text("Target images inside").first).to_be_visible()
    open_view(page, app, "Leakage")  # it is kept with the target
    expect(page.get_by_text("6 sources may hold target images")).to_be_visible()


@pytest.mark.realdata
def test_copies_between_target_and_samples_are_shown_side_by_side(page, app, realdata):
    begin(page, app, "Covid")
    describe(page, "Covid X-rays", "Multi-class", "Folder per class", realdata / "targets" / "covid_xray")
    covid = "&".join(part for part in page.url.split("?")[1].split("&") if part.startswith(("project=", "target=")))
    point_to(page, app, "NIH ChestX-ray14", realdata / "targets" / "nih_cxr")
    visit(page, app, f"sources?{covid}&sources_view=Leakage")
    press(page, "Compare with the target's images")
    expect(page.get_by_text(re.compile(r"4 pictures"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("^samples: "))).to_have_count(4)


def test_the_shortlist_keeps_reasons_and_undoes_them(demo, app):
    page = demo
    open_view(page, app, "Shortlist")
    choose(page, "Modalities worth looking at", "Histopathology", "Natural photographs")
    page.locator(".st-key-shortlist_because_modality button").click()
    settled(page)
    choose(page, "Add to the list", "ImageNet-1K", "NCT-CRC-HE-100K")
    fill(page, "Why (may be left out)", "custom, and closest")
    press(page, "Add")
    expect(page.get_by_role("heading", name="On the list: 2")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("heading", name="On the list: 2")).to_be_visible()
    expect(page.get_by_text("custom, and closest")).to_have_count(2)
    page.get_by_text("What was dropped, and why").click()
    settled(page)
    expect(page.get_by_text("none of: Histopathology, Natural photographs")).to_be_visible()
    undo = page.get_by_role("button", name=re.compile(r"^Undo \d+"))
    before = int(undo.inner_text().split()[-1])
    page.locator(".st-key-shortlist_dropped").get_by_text("CheXpert", exact=True).click()
    settled(page)
    expect(undo).to_contain_text(f"Undo {before - 1}")
    undo.click()
    settled(page)
    expect(page.get_by_text("What was dropped, and why")).to_have_count(0)
    expect(page.get_by_role("heading", name="On the list: 2")).to_be_visible()


def test_a_record_of_ones_own_is_added_and_bad_ones_are_refused_without_loss(demo, app, tmp_path):
    page = demo
    open_view(page, app, "Data sets")
    press(page, "Add a record")
    fill(page, "Name", "Zebra chest archive")
    press(page, "Keep the record")
    expect(page.get_by_text("is missing or no text")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Zebra chest archive")
    fill(page, "Title", "Catalogue of our department")
    fill(page, "Address or place", "intranet, page 4")
    press(page, "Keep the record")
    expect(page.get_by_text("is in the catalogue")).to_be_visible()
    fill(page, "Search", "zebra archive")
    assert names_of_cards(page) == ["Zebra chest archive"]
    expect(page.get_by_text("Access unknown").first).to_be_visible()
    bad = tmp_path / "bad.toml"
    bad.write_text('key = "x"\n', encoding="utf-8")
    page.get_by_text("Share or import a catalogue").click()
    settled(page)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(bad)
    settled(page)
    page.get_by_role("button", name="Import", exact=True).click()
    settled(page)
    expect(page.get_by_text("What to do:")).to_be_visible()
    assert names_of_cards(page) == ["Zebra chest archive"]
