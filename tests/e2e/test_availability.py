"""Can a candidate be had here and now: a file that comes, goes and changes, and a download from a hub on 127.0.0.1."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import fill, press, running_app, settled
from tests.e2e.published import publish
from tests.e2e.test_tags import expect_chosen, open_tags, toggle
from tests.hub_server import Hub

TAG = "test_resnet.r160_in1k"
WEIGHTS = f"/timm/{TAG}/resolve/main/model.safetensors"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with TAG, which is silent at first."""
    served = Hub()
    publish(served, TAG, tmp_path_factory.mktemp("weights"))
    served.describe(f"timm/{TAG}", license="cc-by-nc-4.0")
    served.manner = "mute"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_ENDPOINT", served.url)
        environment.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield served
    served.close()


@pytest.fixture(scope="module")
def app(hub, tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running


def look_again(page: Page) -> None:
    page.reload()
    settled(page)


def expect_state(page: Page, label: str) -> None:
    expect(page.get_by_text(re.compile(f" {label}$")).first).to_be_visible()  # behind the badge's icon


def test_a_file_that_appears_disappears_or_is_altered_is_told(page, app, hub):
    weights = app.home.parent / "net.safetensors"
    content = hub.contents[WEIGHTS]
    weights.write_bytes(content)
    open_tags(page, app, "Own file")
    page.get_by_text("File", exact=True).click()
    settled(page)
    for label, text in (("Name", "Net"), ("Weights file", str(weights)), ("Architecture", "test_resnet")):
        fill(page, label, text)
    press(page, "Register")
    expect(page.get_by_text(re.compile("images/s here"))).to_be_visible(timeout=60_000)
    expect_state(page, "Ready here")
    expect(page.get_by_text(re.compile("with the SHA-256 of its check"))).to_be_visible()

    weights.write_bytes(content[:-8] + bytes(8))
    look_again(page)
    expect_state(page, "Altered")
    weights.unlink()
    look_again(page)
    expect_state(page, "Broken link")
    expect(page.get_by_text(re.compile("There is no file at"))).to_be_visible()
    weights.write_bytes(content)
    look_again(page)
    expect_state(page, "Ready here")


def test_a_download_that_breaks_off_and_is_cancelled_is_gone_on_with_until_it_is_ready(page, app, hub):
    open_tags(page, app, "From the hub")
    toggle(page, TAG)
    expect_chosen(page, TAG)
    press(page, "Register 1 tag")  # the hub is silent: registered, not fetched
    expect(page.get_by_text(re.compile("Not downloaded yet")).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("The hub was not asked yet.")).to_be_visible()
    press(page, "Check availability")
    expect(page.get_by_text(re.compile("does not answer")).last).to_be_visible()
    expect(page.get_by_text("The hub was asked just now.")).to_be_visible()

    hub.manner, hub.pause = "good", 0.03
    press(page, "Check availability")
    expect_state(page, "Downloadable")
    expect(page.get_by_text(re.compile("Licence on the hub's card: cc-by-nc-4.0"))).to_be_visible()
    page.get_by_role("button", name=re.compile(r"Download \d.\d MB")).click()
    expect(page.get_by_text(re.compile(r"0\.\d of 1\.\d MB"))).to_be_visible()
    page.get_by_role("button", name="Cancel download").click()
    resume = page.get_by_role("button", name=re.compile(r"Resume download at \d\.\d MB"))
    expect(resume).to_be_visible()

    hub.pause, hub.manners = 0.0, ["breaks off", "breaks off"]
    hub.asked.clear()
    resume.click()
    expect_state(page, "Ready here")
    expect(page.get_by_text(re.compile("with the SHA-256 that the hub states"))).to_be_visible()
    assert len(hub.asked) == 3 and None not in hub.asked  # each time a range: never from the beginning
    expect_state(page, "Not checked yet")
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text(re.compile("images/s here"))).to_be_visible(timeout=60_000)  # timm found it in the cache
    expect_state(page, "Ready here")
