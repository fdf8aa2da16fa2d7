"""Choosing timm tags without a network: quick picks, the table, what is cached and what is not."""

import os
import re

import pytest
import safetensors.torch
import timm
import torch
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, fill, press, running_app, settled, visit

CACHED = "test_resnet.r160_in1k"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app that may not use the network; the hub's cache holds one small tag."""
    folder = tmp_path_factory.mktemp("tags")
    fill_cache(folder / "hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
        patch.setitem(os.environ, "HF_HUB_CACHE", str(folder / "hub"))
        with running_app(folder) as running:
            yield running


def fill_cache(cache) -> None:
    """The layout of huggingface_hub's cache, with random weights for CACHED."""
    torch.manual_seed(0)
    repository = cache / f"models--timm--{CACHED}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), snapshot / "model.safetensors")


def open_tags(page: Page, app: App, name: str) -> None:
    visit(page, app)
    press(page, "New project")
    fill(page, "Name", name)
    press(page, "Create")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Sources").click()
    settled(page)
    page.get_by_text("Checkpoints", exact=True).first.click()
    settled(page)
    page.get_by_text("timm tag", exact=True).click()
    settled(page)
    expect(page.get_by_text("Usual starting points")).to_be_visible()


def test_usual_starting_points_are_a_click_away_and_say_what_to_do_offline(page, app):
    open_tags(page, app, "Picked")
    for words in (
        "vit_small_patch16_224 · augreg_in1k",
        "vit_small_patch14_dinov2 · lvd142m",
        "resnet50_clip · openai",
    ):
        page.get_by_role("button", name=words).click()  # without waiting in between
    expect(page.locator(".st-key-sources_tags_list code")).to_have_count(3)
    press(page, "Register 3 tags")
    expect(page.get_by_text(re.compile("HF_HUB_OFFLINE forbids downloading it"))).to_have_count(3, timeout=45_000)
    expect(page.get_by_text(re.compile("Not downloaded yet")).first).to_be_visible()
    expect(page.get_by_text("Pretrained on LVD-142M (self-supervised), a timm tag")).to_be_visible()
    expect(page.get_by_text("Cannot be used")).to_have_count(0)


def toggle(page: Page, tag: str) -> None:
    """Search for `tag`, which is then the first row, and click the box at its left edge."""
    fill(page, "Search tags", tag)
    expect(page.get_by_test_id("glide-cell-1-0")).to_have_text(tag)
    page.get_by_test_id("stDataFrame").locator(".dvn-scroller").click(position={"x": 14, "y": 52})


def expect_chosen(page: Page, *tags: str) -> None:
    expect(page.locator(".st-key-sources_tags_list code")).to_have_text(list(tags), timeout=15_000)


def test_tags_are_chosen_over_several_searches_removed_and_registered_together(page, app):
    open_tags(page, app, "Searched")
    expect(page.get_by_text("1,826 tags", exact=False).first).to_be_visible()
    expect(page.get_by_text("Nothing chosen yet")).to_be_visible()
    pill = page.get_by_role("button", name=re.compile("vit_small_patch16_224 · dino"))
    pill.click()
    toggle(page, CACHED)
    expect_chosen(page, "vit_small_patch16_224.dino", CACHED)
    expect(page.get_by_text("in this machine's cache")).to_be_visible()
    toggle(page, "vit_base_patch16_224.mae")
    expect_chosen(page, "vit_small_patch16_224.dino", CACHED, "vit_base_patch16_224.mae")

    toggle(page, "vit_small_patch16_224.dino")  # its row was selected by the pill
    expect_chosen(page, CACHED, "vit_base_patch16_224.mae")
    expect(pill).to_have_attribute("aria-pressed", "false")
    toggle(page, CACHED)  # its row is selected still
    expect_chosen(page, "vit_base_patch16_224.mae")
    toggle(page, CACHED)
    page.locator(".st-key-sources_tags_list").get_by_role("button", name="Remove", exact=True).first.click()
    expect_chosen(page, CACHED)
    press(page, "Register 1 tag")
    expect(page.get_by_text(re.compile("images/s here"))).to_be_visible(timeout=45_000)
    expect(page.get_by_text("Pretrained on ImageNet-1K (supervised), a timm tag")).to_be_visible()
    expect(page.get_by_text("Nothing chosen yet")).to_be_visible()
