"""Three real targets against three sets of real samples: in meaning, in looks, to a network; in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from core.comparison import fingerprint
from core.images.samples import PATTERNS, Kept, keep_samples
from tests.e2e.conftest import press, settled, visit
from tests.e2e.test_walk import begin, describe, import_checkpoints, write_checkpoints

pytestmark = pytest.mark.realdata
SOURCES = {"imagenet_1k": "ImageNet-1K", "Intel scenes": "Intel scenes", "cifar10": "CIFAR-10"}
CHOSEN = "".join(f"&similarity_sources={name}" for name in SOURCES.values()) + "&similarity_images=50"
COLUMNS = ("In meaning", "Colour and intensity", "Structure and texture", "To ImageNet")


@pytest.fixture
def samples(app, realdata, monkeypatch):
    """What the view Samples of the sources page keeps, tested there."""
    monkeypatch.setenv("SOURCESCOUT_HOME", str(app.home))
    for key, folder in zip(SOURCES, ("imagenet_1k", "intel_scenes", "cifar10"), strict=True):
        pattern = PATTERNS["after the first _: n01440764_tench.jpg"] if folder == "imagenet_1k" else ""
        keep_samples(key, Kept(str(realdata / "source_samples" / folder), pattern))


def see(page, app, view: str) -> None:
    target = re.search("target=[^&]+", page.url)[0]
    visit(page, app, f"similarity?{target}{CHOSEN}&similarity_view={view}")


def measure(page) -> None:
    page.get_by_role("button", name=re.compile("^Measure")).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden(timeout=300_000)
    settled(page)
    expect(page.get_by_role("button", name=re.compile("^Measure"))).to_have_count(0)


def test_three_targets_and_three_sources_side_by_side(page, app, realdata, samples, tmp_path):
    begin(page, app, "Similarity study")
    targets = ("busi", "brain_mri", "covid_xray")
    for number, name in enumerate(targets):
        if number:
            visit(page, app, "target")
            press(page, "New target")
        describe(page, name, "Multi-class", "Folder per class", realdata / "targets" / name)
        if not number:
            import_checkpoints(page, write_checkpoints(app.home.parent, realdata, ("ImageNet",)), ["ImageNet"])
        see(page, app, "Side by side")
        press(page, "Skip and look")
        expect(page.get_by_text("More alike is not the same as more useful")).to_be_visible()
        measure(page)
        for title in COLUMNS:
            expect(page.get_by_text(title, exact=True)).to_be_visible()
        expect(page.get_by_text("No coefficient of agreement")).to_be_visible()
        network = page.get_by_test_id("stColumn").filter(has_text="To ImageNet")
        for source in SOURCES.values():
            expect(network).to_contain_text(source)

    see(page, app, "Looks")
    expect(page.get_by_role("heading", name="Structure and texture")).to_be_visible()
    expect(page.get_by_text("What differs most from covid_xray")).to_be_visible()
    page.get_by_text("Fingerprints: compare without giving images away").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Fingerprint of covid_xray").click()
    made = fingerprint.load(download.value.path())
    assert made.n == 50 and made.name == "covid_xray" and made.looks

    see(page, app, "To a network")
    expect(page.get_by_role("heading", name="Neighbour mixing")).to_be_visible()
    press(page, "UMAP")  # not this one, which takes long to load
    measure(page)  # the other map, which the view before did not ask for
    expect(page.get_by_role("heading", name="Target and sources in one picture")).to_be_visible()
    page.get_by_text("Fingerprints: compare without giving images away").click()
    wrong = tmp_path / "wrong.npz"
    wrong.write_bytes(b"hello")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(wrong)
    expect(page.get_by_text("`wrong.npz` is no fingerprint").or_(page.get_by_text("is no fingerprint"))).to_be_visible()
    renamed = fingerprint.Fingerprint(made.about | {"name": "From a partner"}, made.looks, made.encoders)
    partner = tmp_path / "partner.npz"
    partner.write_bytes(fingerprint.save(renamed))
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(partner)
    expect(page.get_by_text("Kept: From a partner, 50 images")).to_be_visible()
