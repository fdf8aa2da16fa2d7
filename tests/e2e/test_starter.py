"""The overview's real starter with both its servers on 127.0.0.1; the weights there are random, the app is as it is."""

import re

import pytest
from playwright.sync_api import expect

from core.starter import NAME, TAGS, starter_set
from tests.e2e.conftest import press, running_app, visit
from tests.e2e.published import publish
from tests.e2e.test_walk import open_page
from tests.hub_server import Hub
from tests.images.medmnist_server import Mirror, small_npz, write_catalogue


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    content = small_npz(starter_set(), n=80)
    served = Mirror(content)
    with pytest.MonkeyPatch.context() as environment:
        catalogue = tmp_path_factory.mktemp("catalogue") / "medmnist.toml"
        write_catalogue(catalogue, {("pneumoniamnist", 28): content})
        environment.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(catalogue))
        environment.setenv("SOURCESCOUT_MEDMNIST_MIRROR", served.url)
        yield served
    served.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with the starter's tags."""
    served = Hub()
    for tag in TAGS:
        publish(served, tag, tmp_path_factory.mktemp("weights"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_ENDPOINT", served.url)
        environment.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield served
    served.close()


@pytest.fixture(scope="module")
def app(mirror, hub, tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running


def test_where_the_hub_is_silent_the_starter_says_what_to_do_and_makes_nothing(page, app, mirror, hub):
    hub.manner = "mute"
    visit(page, app)
    press(page, NAME)
    page.get_by_role("button", name="Fetch and create").click()
    expect(page.get_by_text(re.compile("does not answer"))).to_be_visible(timeout=30_000)
    expect(page.get_by_text("python -m core fetch CHECKPOINTS.toml --to DIR")).to_be_visible()
    expect(page.get_by_text(re.compile("No project was made"))).to_be_visible()
    assert mirror.asked == [] and hub.requests == ["HEAD /"]
    hub.manner = "good"


def test_the_starter_fetches_set_and_weights_and_its_candidates_are_checked_and_can_run(page, app, mirror, hub):
    hub.manners = ["breaks off"]
    visit(page, app)
    press(page, NAME)
    page.get_by_role("button", name="Fetch and create").click()
    expect(page.get_by_role("heading", name="PneumoniaMNIST", exact=True)).to_be_visible(timeout=120_000)
    assert (app.home / "datasets" / "medmnist" / "pneumoniamnist.npz").read_bytes() == mirror.content
    first = f"GET /timm/{TAGS[0]}/resolve/main/model.safetensors"
    assert hub.requests.count(first) == 2  # it broke off once

    open_page(page, "Sources")
    for name in (*TAGS, "Random initialisation"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d images/s here"))).to_have_count(3)
    for state in ("Not checked yet", "Not downloaded yet", "Cannot be used", "Changed since its check"):
        expect(page.get_by_text(re.compile(state))).to_have_count(0)
    expect(page.get_by_text("Pretrained on ImageNet-1K (supervised), a timm tag")).to_have_count(2)

    open_page(page, "Scoring")
    expect(page.get_by_text("What will run")).to_be_visible()
    expect(page.get_by_text(re.compile("Together about"))).to_be_visible()
    expect(page.get_by_text("left out")).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
