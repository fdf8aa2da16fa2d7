"""Samples of sources, browsed in a real browser: classes from file names and from folders, pages, zoom, histograms."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, choose, fill, press, settled, visit

pytestmark = pytest.mark.realdata
TILES = '[class*="st-key-samples_tile_"] button:visible'


def point_to(page: Page, app: App, source: str, path) -> None:
    visit(page, app, "sources?sources_view=Samples")
    box = page.get_by_role("combobox", name="Source data set")
    box.click()
    box.fill(source)
    box.press("Enter")
    settled(page)
    expect(page.get_by_text(f"No samples of {source} are at hand")).to_be_visible()
    fill(page, "Folder, .zip or .npz of the samples", str(path))
    press(page, "Browse these images")


def show(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settled(page)


def names(page: Page) -> list[str]:
    return page.locator(TILES).all_inner_texts()


def test_imagenet_samples_have_classes_in_their_names_pages_zoom_and_histograms(page, app, realdata):
    point_to(page, app, "ImageNet-1K", realdata / "source_samples" / "imagenet_1k")
    expect(page.get_by_text("1,000 images, no classes known")).to_be_visible()
    press(page, "after the first _")
    expect(page.get_by_text("998 classes in the names")).to_be_visible()
    press(page, "Use these classes")
    expect(page.get_by_text("1,000 images in 998 classes")).to_be_visible()

    expect(page.locator(TILES)).to_have_count(36)
    pictures = page.locator('img[alt*="abacus: n02666196_abacus"]')
    expect(pictures.first).to_be_visible()
    assert pictures.first.evaluate("image => image.complete && image.naturalWidth") > 0
    first = names(page)
    press(page, "Next")
    expect(page.get_by_text("37 to 72 of 1,000 images")).to_be_visible()
    assert not set(first) & set(names(page)) and "samples_page=2" in page.url
    second = names(page)
    page.reload()
    expect(page.locator(TILES)).to_have_count(36)
    settled(page)
    assert names(page) == second

    choose(page, "Classes", "zebra")
    expect(page.locator(TILES)).to_have_count(1)
    page.locator(TILES).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(r"\d+ × \d+ pixels, colour"))).to_be_visible()
    expect(dialog.get_by_text("n02391049_zebra.jpg").last).to_be_visible()
    whole = dialog.get_by_role("img", name="n02391049_zebra.jpg").get_attribute("src")
    dialog.get_by_role("radio", name="4×").click()
    settled(page)
    assert dialog.get_by_role("img", name="n02391049_zebra.jpg").get_attribute("src") != whole
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    visit(page, app, "sources?sources_view=Samples&samples_source=ImageNet-1K")
    show(page, "Size and intensity")
    expect(page.get_by_text("Measured: 500 images of 1,000, drawn at random")).to_be_visible()
    expect(page.get_by_text("Mean grey value, 0 black to 255 white").first).to_be_visible()
    show(page, "Near-duplicates")
    press(page, "Look for near-duplicates")
    expect(page.get_by_text(re.compile("Among 1,000 images, no two are equal"))).to_be_visible()


def test_intel_scenes_have_a_folder_per_class_under_a_name_of_ones_own(page, app, realdata):
    point_to(page, app, "Our scenes", realdata / "source_samples" / "intel_scenes")
    expect(page.get_by_text("360 images in 6 classes")).to_be_visible()
    expect(page.get_by_text("glacier", exact=True)).to_be_visible()
    choose(page, "Classes", "forest")
    show(page, "All in order")
    expect(page.get_by_text("1 to 36 of 60 images")).to_be_visible()
    assert page.locator('img[alt^="forest: forest/"]').count() == 36
    page.reload()
    settled(page)
    expect(page.get_by_text("1 to 36 of 60 images")).to_be_visible()
