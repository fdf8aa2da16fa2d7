"""Known overlaps are found in both directions, and sets that merely stand in one collection raise no alarm."""

import pytest

from core.sources.catalogue import shipped
from core.sources.leakage import CERTAIN, POSSIBLE, find_leaks
from core.sources.record import Fact, Reading, SourceDataset

EXPECTED = {  # target's origin: sources that hold its images, and sources that may
    "chestmnist": (
        {"nih_cxr14", "chestmnist", "medmnist", "xrv_collection", "rad_dino_collection"}, {"rsna_pneumonia"},
    ),
    "HAM10000": ({"isic_ham10000", "dermamnist", "medmnist"}, set()),
    "dermamnist": ({"isic_ham10000", "dermamnist", "medmnist"}, set()),
    "CRC-VAL-HE-7K": ({"nct_crc_he_100k", "pathmnist", "medmnist"}, set()),
    "pneumoniamnist": ({"kermany", "pneumoniamnist", "medmnist"}, set()),
    "busi": ({"busi", "breastmnist", "medmnist"}, set()),
    "organamnist": ({"organamnist", "medmnist"}, {"organcmnist", "organsmnist"}),
    "stl10": ({"stl10"}, {"imagenet_1k", "imagenet_21k", "lvd_142m"}),
    "ecoset": ({"ecoset"}, {"imagenet_1k", "imagenet_21k", "lvd_142m"}),
    "patchcamelyon": ({"patchcamelyon", "camelyon16"}, set()),
}  # fmt: skip


@pytest.mark.parametrize("origin", EXPECTED)
def test_known_overlaps_are_warned_of_and_no_others(origin):
    found = find_leaks([origin], shipped())
    sure, possible = EXPECTED[origin]
    assert {key for key, warning in found.items() if warning.sure == CERTAIN} == sure
    assert {key for key, warning in found.items() if warning.sure == POSSIBLE} == possible


def test_every_warning_but_that_of_the_set_itself_rests_on_facts_of_records():
    for origin in EXPECTED:
        for key, warning in find_leaks([origin], shipped()).items():
            assert warning.links or "itself" in warning.why, (origin, key)
            assert all(link.fact in link.record.facts for link in warning.links)


def test_what_is_stated_not_to_overlap_raises_no_alarm():
    assert "uni_mass100k" not in find_leaks(["tcga_histology"], shipped())
    assert "radimagenet" not in find_leaks(["busi"], shipped())  # its makers only tested on it


def test_an_unknown_origin_warns_of_nothing_and_the_gravest_reason_counts():
    assert find_leaks(["our hospital"], shipped()) == {}
    assert find_leaks(["rsna_pneumonia", "chestmnist"], shipped())["rsna_pneumonia"].sure == CERTAIN


def record(key, *overlaps, collection=False):
    facts = [Fact("overlap", "told", "told", "r", others=(other,), relation=relation) for other, relation in overlaps]
    return SourceDataset(key, key, key, tuple(facts), {"r": Reading("t", "a", "w", None)}, collection=collection)


def as_records(*records):
    return {one.key: one for one in records}


def test_two_parts_of_one_set_may_share_images_two_parts_of_a_collection_need_not():
    parts = [record("a", ("whole", "part of")), record("b", ("whole", "part of"))]
    assert find_leaks(["a"], as_records(*parts, record("whole")))["b"].sure == POSSIBLE
    assert set(find_leaks(["a"], as_records(*parts, record("whole", collection=True)))) == {"a", "whole"}


def test_sharing_reaches_through_what_holds_the_images():
    records = as_records(record("a", ("b", "shares")), record("b", ("c", "part of")), record("c"))
    assert {key: warning.sure for key, warning in find_leaks(["a"], records).items()} == {
        "a": CERTAIN, "b": POSSIBLE, "c": POSSIBLE,
    }  # fmt: skip


def test_circles_end():
    records = as_records(record("a", ("b", "same")), record("b", ("a", "same")))
    assert set(find_leaks(["a"], records)) == {"a", "b"}
