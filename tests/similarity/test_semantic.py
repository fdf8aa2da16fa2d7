"""Distance in meaning: what is the same, what is as far as can be, and what stays open."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import SimilarityError
from core.similarity.semantic import (
    DIFFERS,
    INFERRED,
    MATCH,
    PARTLY,
    PERSON,
    READING,
    UNKNOWN,
    Profile,
    Told,
    as_rows,
    compare,
    farther_for_sure,
    in_order,
    of_another_kind,
    profile_of_source,
    profile_of_target,
)
from core.similarity.taxonomy import shipped, words_of
from core.similarity.words import compare_words, text_of_source, text_of_target
from core.sources.catalogue import shipped as shipped_records
from core.sources.record import FIELDS, MODALITIES, Fact
from core.target import LABEL_TYPES, TargetTask

TAXONOMY = shipped()
PROPERTIES = TAXONOMY.properties
RECORDS = shipped_records()
TARGET_LIKE_CHEXPERT = {"modality": "Chest X-ray", "anatomy": "Chest", "color": "grey", "label_type": "multi-label"}
FARTHEST = {
    "modality": ("CT", "textures"), "anatomy": ("chest", "not of the body"), "acquisition": ("projection", "camera"),
    "colour": ("grey", "colour"), "dimensions": ("single picture", "volume"), "label_type": ("binary", "captions"),
    "granularity": ("no classes", "1,000 classes or more"), "objects": ("one main object", "several objects"),
    "shape": ("object", "texture"),
}  # fmt: skip


def a_task(**more) -> TargetTask:
    return TargetTask(**{"name": "t", "images": Path("/t"), "format": "folder", "label_type": "multi-class"} | more)


def profile(side: int, *without: str) -> Profile:
    """All that is at one end of every property, but for those left out."""
    return Profile("p", {about: Told((pair[side],)) for about, pair in FARTHEST.items() if about not in without})


def rows_of(comparison) -> dict:
    return {row.about: row for row in comparison.rows}


# The taxonomy --------------------------------------------------------------------------------------------------------


def test_every_tree_is_sound_and_every_value_is_found_by_its_own_name():
    for about in PROPERTIES.values():
        assert about.weight > 0
        for name, value in about.values.items():
            assert not value.parent or value.parent in about.values
            assert about.values_in(name) == (name,) or name in about.values_in(name)
            for other, implied in value.implies.items():
                assert implied in PROPERTIES[other].values
    for (source, about), reading in TAXONOMY.readings.items():
        assert source in RECORDS and reading.value in PROPERTIES[about].values


@pytest.mark.parametrize("about", PROPERTIES)
def test_a_distance_is_0_to_itself_the_same_both_ways_and_at_most_1(about):
    values = PROPERTIES[about].values
    for one in values:
        assert PROPERTIES[about].distance(one, one) == 0
        for other in values:
            distance = PROPERTIES[about].distance(one, other)
            assert distance == PROPERTIES[about].distance(other, one) and 0 <= distance <= 1
            assert (distance == 0) == (one == other)


@pytest.mark.parametrize(("about", "one", "other", "distance"), [
    ("modality", "CT", "natural photographs", 1),  # tops of their own
    ("modality", "CT", "MRI", 1 - 2 * 2 / (3 + 3)),  # they meet in radiology, at depth 2
    ("modality", "CT", "radiograph", 1 - 2 * 2 / (3 + 4)),
    ("modality", "CT", "radiology", 1 - 2 * 2 / (3 + 2)),  # a kind of the other
    ("granularity", "2 classes", "10 to 99 classes", 2 / 5),
])  # fmt: skip
def test_distances_are_those_of_wu_and_palmer_and_steps_of_a_scale(about, one, other, distance):
    assert PROPERTIES[about].distance(one, other) == pytest.approx(distance)


@pytest.mark.parametrize(("about", "text", "values"), [
    ("modality", "Histology, stained with H&E", ("H&E-stained histopathology",)),
    ("modality", "Retinal OCT", ("OCT",)),
    ("modality", "An octopus in the archipelago", ()),
    ("modality", "X-ray computed tomography", ("CT",)),
    ("modality", "Mammograms and ultrasound", ("mammography", "ultrasound")),
    ("modality", "Radiographs", ("radiograph",)),
    ("anatomy", "Chest (lungs)", ("lung",)),  # the more specific one
    ("anatomy", "Lymph nodes", ("lymph nodes",)),
    ("anatomy", "Glandular tissue", ()),
    ("colour", "both", ("grey", "colour")),
])  # fmt: skip
def test_free_words_are_understood_as_whole_words_the_longest_first(about, text, values):
    assert PROPERTIES[about].values_in(text) == values


def test_all_that_the_catalogue_and_target_files_say_is_understood():
    """What is not must be listed here, so that a new word in a record is noticed."""
    known_unresolved: dict[str, set[str]] = {}
    said = {
        "modality": {*MODALITIES, *(term for record in RECORDS.values() for term in record.terms("modality"))},
        "anatomy": {term for record in RECORDS.values() for term in record.terms("anatomy")},
        "colour": {*FIELDS["color"].choices, "grey", "color"},
        "label_type": {*FIELDS["label_type"].choices, *LABEL_TYPES},
    }
    unresolved = {about: {text for text in texts if not PROPERTIES[about].values_in(text)}
                  for about, texts in said.items()}  # fmt: skip
    assert {about: texts for about, texts in unresolved.items() if texts} == known_unresolved


def test_plurals_are_one_word_and_short_words_stay():
    assert words_of("Lungs, CTs; the gas of X-rays") == ("lung", "cts", "the", "gas", "of", "x", "ray")


# Comparing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [0, 1])
def test_the_same_has_distance_0_and_all_different_1(side):
    same = compare(profile(side), profile(side), TAXONOMY)
    assert (same.distance, same.low, same.high) == (0, 0, 0) and same.count(MATCH) == len(PROPERTIES)
    apart = compare(profile(side), profile(1 - side), TAXONOMY)
    assert (apart.distance, apart.low, apart.high) == (1, 1, 1) and apart.count(DIFFERS) == len(PROPERTIES)


def test_a_target_described_as_a_record_has_no_distance_from_it():
    chexpert = profile_of_source(RECORDS["chexpert"], TAXONOMY)
    found = compare(profile_of_target(a_task(**TARGET_LIKE_CHEXPERT), 14, TAXONOMY), chexpert, TAXONOMY)
    assert found.distance == 0 and found.low == 0
    assert {row.about for row in found.rows if row.state == UNKNOWN} == {"objects", "shape"}
    assert found.high == pytest.approx(1 / 5.5)  # two of the weights, of all


def test_what_is_unknown_opens_the_range_by_its_weight_and_moves_no_distance():
    found = compare(profile(0), profile(1, "modality", "shape"), TAXONOMY)
    total = sum(TAXONOMY.weights.values())
    assert found.distance == 1 and found.count(UNKNOWN) == 2
    assert (found.low, found.high) == (pytest.approx((total - 1.5) / total), 1)
    nothing = compare(profile(0), Profile("empty", {}), TAXONOMY)
    assert (nothing.distance, nothing.low, nothing.high) == (None, 0, 1)


def test_a_weight_of_0_leaves_a_property_out_and_all_0_is_refused():
    only = {about: float(about == "colour") for about in PROPERTIES}
    found = compare(profile(0), profile(1, "shape"), TAXONOMY, only)
    assert (found.distance, found.low, found.high) == (1, 1, 1) and found.count(UNKNOWN) == 0
    with pytest.raises(SimilarityError, match="All weights are 0"):
        compare(profile(0), profile(1), TAXONOMY, dict.fromkeys(PROPERTIES, 0.0))


def test_of_several_values_the_nearest_counts_and_is_named():
    radimagenet = profile_of_source(RECORDS["radimagenet"], TAXONOMY)
    target = profile_of_target(a_task(modality="Abdominal CT", anatomy="Abdomen"), 3, TAXONOMY)
    rows = rows_of(compare(target, radimagenet, TAXONOMY))
    assert (rows["modality"].state, rows["modality"].nearest) == (MATCH, ("CT", "CT"))
    assert rows["anatomy"].nearest == ("abdomen", "abdomen")  # its kidneys do not hide its abdomen
    mri = profile_of_source(RECORDS["organamnist"], TAXONOMY)
    row = rows_of(compare(profile_of_target(a_task(modality="MRI"), 3, TAXONOMY), mri, TAXONOMY))["modality"]
    assert (row.state, row.shared) == (PARTLY, "radiology")


def test_where_a_value_comes_from_is_told():
    told = profile_of_source(RECORDS["dermamnist"], TAXONOMY).told
    assert (told["acquisition"].by, told["objects"].by) == (INFERRED, READING)
    target = profile_of_target(a_task(modality="Histology", anatomy="Glands"), 3, TAXONOMY, {"anatomy": "colon"})
    assert target.of("anatomy") == Told(("colon",), "", PERSON)
    unplaced = profile_of_target(a_task(modality="Histology", anatomy="Glands"), 3, TAXONOMY)
    assert unplaced.of("anatomy") == Told((), "Glands")
    assert profile_of_target(a_task(modality="Breast ultrasound"), 2, TAXONOMY).of("anatomy").values == ("breast",)


def test_what_a_record_tells_cannot_be_overruled_but_what_was_inferred_can():
    placed = {"modality": "MRI", "colour": "colour", "acquisition": "gone from the taxonomy"}
    padchest = profile_of_source(RECORDS["padchest"], TAXONOMY, placed)
    assert padchest.of("modality").values == ("radiograph",)
    assert padchest.of("colour") == Told(("colour",), "", PERSON)
    assert padchest.of("acquisition").values == ("projection",)


def test_facts_in_another_order_change_nothing():
    record = RECORDS["kermany"]
    target = profile_of_target(a_task(**TARGET_LIKE_CHEXPERT), 14, TAXONOMY)
    shuffled = replace(record, facts=record.facts[::-1])
    ours, other = (compare(target, profile_of_source(one, TAXONOMY), TAXONOMY) for one in (record, shuffled))
    assert (ours.distance, ours.low, ours.high) == (other.distance, other.low, other.high)


def test_a_set_without_labels_has_no_classes_and_an_unknown_number_stays_unknown():
    assert profile_of_source(RECORDS["uni2_collection"], TAXONOMY).of("granularity").values == ("no classes",)
    assert not profile_of_source(RECORDS["busi"], TAXONOMY).of("colour").values
    assert profile_of_target(a_task(label_type="binary"), None, TAXONOMY).of("granularity").values == ("2 classes",)
    assert not profile_of_target(a_task(), None, TAXONOMY).of("granularity").values


def test_the_order_is_by_distance_and_only_ranges_apart_are_farther_for_sure():
    near, far = profile(0), profile(1)
    found = {
        "empty": compare(near, Profile("empty", {}), TAXONOMY),
        "far": compare(near, far, TAXONOMY),
        "open": compare(near, profile(1, "modality", "anatomy", "shape"), TAXONOMY),
        "near": compare(near, profile(0, "modality", "anatomy"), TAXONOMY),
    }
    assert list(in_order(found)) == ["near", "far", "open", "empty"]
    assert farther_for_sure(found) == ["far", "open"]  # empty may be anything
    assert found["near"].high < found["open"].low


def test_the_table_says_everything_that_the_distance_rests_on():
    target = profile_of_target(a_task(**TARGET_LIKE_CHEXPERT), 14, TAXONOMY)
    found = {"dtd": compare(target, profile_of_source(RECORDS["dtd"], TAXONOMY), TAXONOMY)}
    words = compare_words("chest", {"dtd": "textures"}, [])
    (row,) = as_rows(found, words, TAXONOMY)
    known = [about for about in PROPERTIES if row[f"{about}_distance"] is not None]
    by_hand = sum(row[f"{about}_weight"] * row[f"{about}_distance"] for about in known)
    assert row["distance"] == pytest.approx(by_hand / sum(row[f"{about}_weight"] for about in known))
    assert (row["key"], row["taxonomy"], row["words_unrelated_n"]) == ("dtd", TAXONOMY.version, 0)


# Words ---------------------------------------------------------------------------------------------------------------


def test_words_find_the_like_and_reordered_classes_change_nothing():
    task = a_task(name="Chest films", modality="Radiograph", anatomy="Chest", class_meanings={"a": "pneumonia"})
    texts = {key: text_of_source(record) for key, record in RECORDS.items()}
    target = profile_of_target(task, 2, TAXONOMY)
    far = [key for key, record in RECORDS.items()
           if of_another_kind(target, profile_of_source(record, TAXONOMY), TAXONOMY)]  # fmt: skip
    assert {"imagenet_1k", "dtd"} <= set(far) and "busi" not in far
    words = compare_words(text_of_target(task, ("a", "normal")), texts, far)
    assert words == compare_words(text_of_target(task, ("normal", "a")), texts, far)
    assert words.cosine["pneumoniamnist"] > words.floor.highest > words.cosine["dtd"]
    assert words.floor.n == len(far) and 0 <= words.floor.median <= words.floor.highest <= 1
    assert "pneumonia" in words.shared["pneumoniamnist"] and words.shared["dtd"] == ()


def test_the_same_text_has_a_cosine_of_1_nothing_in_common_0_and_no_text_0():
    words = compare_words("brain tumour", {"same": "Tumours: brain", "other": "kiwi", "none": ""}, ["other"])
    assert words.cosine == pytest.approx({"same": 1.0, "other": 0.0, "none": 0.0})
    assert words.shared["same"] == ("brain", "tumour")
    assert compare_words("", {"one": "brain"}, []).floor is None


def test_a_fact_in_unknown_words_is_unknown_and_its_words_are_kept():
    record = RECORDS["dtd"]
    odd = replace(record, facts=(*record.facts, Fact("anatomy", ("Antenna",), "antenna", record.facts[0].by)))
    assert profile_of_source(odd, TAXONOMY).of("anatomy").values == ("not of the body",)  # what its modality implies
    mute = replace(odd, facts=tuple(fact for fact in odd.facts if fact.about != "modality"))
    assert profile_of_source(mute, TAXONOMY).of("anatomy") == Told((), "Antenna")
