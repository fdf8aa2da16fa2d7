"""Copies of target images among samples are found, strangers are not, and duplicates inside one side do not count."""

import numpy as np
import pytest
from PIL import Image

from core.images.copies import copies
from core.images.readers import read_listing
from core.images.samples import list_samples
from core.target import TargetTask


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 12), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


@pytest.fixture
def both(tmp_path):
    """40 images of a target and 40 of a source: two copies, of which one is re-encoded and resized."""
    for side, seeds in (("target", range(40)), ("source", range(100, 140))):
        for seed in seeds:
            (tmp_path / side / f"c{seed % 2}").mkdir(parents=True, exist_ok=True)
            picture(seed).save(tmp_path / side / f"c{seed % 2}" / f"{seed}.png")
    picture(3).save(tmp_path / "source" / "c0" / "equal.png")
    picture(8).resize((96, 96)).save(tmp_path / "source" / "c1" / "smaller.jpg", quality=85)
    picture(100).save(tmp_path / "source" / "c1" / "twice.png")  # a copy inside the source only
    (tmp_path / "source" / "c0" / "broken.png").write_bytes(b"no image")
    task = TargetTask("t", tmp_path / "target", "folder", "binary")
    return read_listing(task, (tmp_path,)), list_samples(tmp_path / "source", (tmp_path,))


def test_equal_and_nearly_equal_images_are_found_and_no_others(both):
    listing, samples = both
    found, ours, theirs = copies(listing, np.arange(len(listing)), samples, np.arange(len(samples)))
    named = {
        (listing.ids[copy.target[0]], samples.ids[copy.source[0]], copy.exact)
        for copy in found if len(copy.target) == len(copy.source) == 1
    }  # fmt: skip
    assert named == {("c1/3.png", "c0/equal.png", True), ("c0/8.png", "c1/smaller.jpg", False)}
    assert len(found) == 2 and (ours, theirs) == (40, 43)


def test_without_readable_images_there_is_nothing_to_find(both):
    listing, samples = both
    broken = np.array([samples.ids.index("c0/broken.png")])
    assert copies(listing, np.arange(40), samples, broken) == ((), 40, 0)


@pytest.mark.realdata
def test_images_of_one_public_set_inside_another_are_found(realdata):
    """Four pictures of `covid_xray` also occur in `nih_cxr` (realdata/README.md); strangers of one modality do not."""
    roots = (realdata,)
    task = TargetTask("covid", realdata / "targets" / "covid_xray", "folder", "multi-class")
    listing = read_listing(task, roots)
    samples = list_samples(realdata / "targets" / "nih_cxr", roots)
    found, _, _ = copies(listing, np.arange(len(listing)), samples, np.arange(len(samples)))
    assert len(found) == 4
    photographs = list_samples(realdata / "source_samples" / "intel_scenes", roots)
    assert copies(listing, np.arange(len(listing)), photographs, np.arange(len(photographs)))[0] == ()
