"""What is asked is found, what is unknown is neither a match nor hidden, and the shortlist forgets nothing."""

from datetime import datetime
from pathlib import Path

import pytest

from core.sources.catalogue import shipped
from core.sources.compare import ALIKE, DIFFERS, UNKNOWN, modalities_of, standing, target_values
from core.sources.search import Query, search
from core.sources.shortlist import IN, OPEN, OUT, Step, as_rows, drop, left_after, shortlisted
from core.sources.shortlist import standing as decided
from core.target import TargetTask

RECORDS = shipped()


def found(**asked):
    fits, may = search(RECORDS.values(), Query(**asked))
    return {record.key for record in fits}, {record.key for record in may}


def test_histology_that_may_be_used_commercially_and_had_by_anyone():
    fits, may = found(modality=("Histopathology",), data_commercial=("yes",), access=("open",))
    assert {"nct_crc_he_100k", "pathmnist", "camelyon16"} <= fits
    for key in fits:
        assert "Histopathology" in RECORDS[key].terms("modality")
        assert "yes" in {fact.value for fact in RECORDS[key].of("data_commercial")}
    for key in may:
        assert not RECORDS[key].of("data_commercial") or not RECORDS[key].of("access")
    assert "chexpert" not in fits | may


def test_words_are_searched_everywhere_and_all_of_them_must_occur():
    assert "nih_cxr14" in found(text="chest drain")[0]
    assert found(text="chest drain zebra")[0] == set()
    assert found(text="")[0] == set(RECORDS)


def test_sizes_count_images_and_an_unknown_number_is_neither_in_nor_out():
    fits, may = found(least=1_000_000)
    assert {"imagenet_1k", "radimagenet"} <= fits and "busi" not in fits | may
    unknown = {key for key, record in RECORDS.items() if not record.of("images")}
    assert may == unknown


def task(**more):
    return TargetTask("t", Path("/t"), "folder", "multi-class", **more)


@pytest.mark.parametrize(("words", "term"), [
    ("Histology, stained with H&E", "Histopathology"), ("Chest X-ray", "Radiograph (X-ray)"),
    ("Abdominal CT", "CT"), ("Retinal OCT", "OCT"), ("Breast ultrasound", "Ultrasound"),
    ("Radiography (synthetic)", "Radiograph (X-ray)"),
])  # fmt: skip
def test_a_modality_in_free_words_is_understood(words, term):
    assert modalities_of(task(modality=words)) == (term,)


def test_words_inside_other_words_do_not_count():
    assert modalities_of(task(modality="A picture of an octopus in the archipelago")) == ()


def test_a_source_stands_to_the_target_as_its_facts_say():
    wanted = target_values(task(modality="X-ray", anatomy="Chest", color="grey", commercial_use=True), 14, 800)
    chexpert, tissue = RECORDS["chexpert"], RECORDS["nct_crc_he_100k"]
    assert [standing(chexpert, about, wanted[about]) for about in ("modality", "anatomy", "color")] == [ALIKE] * 3
    assert standing(chexpert, "data_commercial", wanted["data_commercial"]) == DIFFERS
    assert standing(tissue, "modality", wanted["modality"]) == DIFFERS
    assert standing(tissue, "anatomy", None) == UNKNOWN
    assert standing(RECORDS["lvd_142m"], "anatomy", wanted["anatomy"]) == UNKNOWN


WHEN = datetime(2026, 11, 21)


def test_every_exclusion_keeps_its_reason_and_can_be_undone():
    steps = drop([RECORDS["dtd"], RECORDS["busi"]], "size", "fewer than 10,000 images", WHEN)
    steps.append(Step("imagenet_1k", IN, "custom", "what everyone starts from", WHEN))
    assert shortlisted(steps) == ["imagenet_1k"]
    assert {key for key, step in decided(steps).items() if step.verdict == OUT} == {"dtd", "busi"}
    assert left_after(RECORDS, steps)["size"] == len(RECORDS) - 2
    steps.append(Step("dtd", OPEN, "size", "undone", WHEN))
    assert set(decided(steps)) == {"busi", "imagenet_1k"}
    assert left_after(RECORDS, steps)["other"] == len(RECORDS) - 1
    rows = as_rows(RECORDS, steps)
    assert len(rows) == 4 and rows[0]["reason"] == "fewer than 10,000 images"
    assert [row["decision"] for row in rows] == ["dropped", "dropped", "on the list", "undecided again"]
