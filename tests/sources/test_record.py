"""Every fact of the catalogue has its source; a record that cannot be used says why; what is written is read back."""

import datetime
import re
from dataclasses import replace

import pytest

from core import catalog_tags
from core.catalog import Checkpoint
from core.errors import SourceError
from core.known_files import known_files
from core.sources.catalogue import THEN, catalogue, checkpoints_of, named_in, require_new, shipped, sources_of
from core.sources.record import FIELDS, RELATIONS, dump_source, dump_sources, parse_source, parse_sources

ASKED_FOR = {
    "imagenet_1k", "imagenet_21k", "radimagenet", "ecoset", "medmnist", "chexpert", "mimic_cxr", "nih_cxr14",
    "padchest", "nct_crc_he_100k", "patchcamelyon", "kimiapath960", "isic_ham10000", "dtd", "stl10", "cifar10",
    "places365", "inaturalist", "laion", "lvd_142m", "radiologynet", "uni_mass100k", "rad_dino_collection", "pmc_15m",
    "pathmnist", "chestmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist", "bloodmnist",
    "tissuemnist", "organamnist", "organcmnist", "organsmnist",
}  # fmt: skip
DEEP = {
    "imagenet_1k", "radimagenet", "ecoset", "medmnist", "radiologynet", "chexpert", "nih_cxr14", "nct_crc_he_100k",
    "isic_ham10000", "laion",
}  # fmt: skip
SMALL = """
key = "ours"
name = "Our archive"
summary = "Chest radiographs of one hospital."
[read.own]
title = "Our data catalogue"
address = "intranet"
what = "entry"
on = 2026-11-21
[[fact]]
about = "images"
value = 1200
printed = "1200"
by = "own"
"""


def test_the_catalogue_holds_what_a_team_expects():
    assert set(shipped()) >= ASKED_FOR


@pytest.mark.parametrize("key", sorted(shipped()))
def test_every_fact_has_a_citation_and_every_citation_is_dated_and_used(key):
    record = shipped()[key]
    assert record.facts
    for fact in record.facts:
        reading = record.readings[fact.by]
        assert fact.printed and len(fact.printed.split()) <= 20, "a value as printed, not a passage"
        assert reading.title and reading.what
        assert re.match(r"https?://[^/\s:]+/\S*$|https?://[^/\s:]+$", reading.address), "where a reader can look"
        assert datetime.date(2026, 1, 1) <= reading.on <= datetime.date.today()
    assert {fact.by for fact in record.facts} == set(record.readings)


@pytest.mark.parametrize("key", sorted(shipped()))
def test_modality_access_and_licence_are_told_or_said_to_be_unknown(key):
    record = shipped()[key]
    assert record.of("modality")
    for about in ("access", "data_licence", "images"):
        assert record.of(about) or about in record.unknown, about
    assert not set(record.unknown) & {fact.about for fact in record.facts if fact.about != "overlap"}


@pytest.mark.parametrize("key", sorted(DEEP))
def test_the_ten_that_matter_most_go_deep(key):
    record = shipped()[key]
    for about in set(FIELDS) - {"anatomy", "patients"}:
        assert record.of(about) or about in record.unknown, about
    assert len(record.facts) >= 18


@pytest.mark.parametrize("key", sorted(shipped()))
def test_a_record_is_read_back_as_it_was_written(key):
    record = shipped()[key]
    assert parse_source(dump_source(record)) == record


def test_a_shared_catalogue_comes_back_whole():
    records = list(shipped().values())[:3]
    assert parse_sources(dump_sources(records)) == [replace(record, own=True) for record in records]
    assert [record.key for record in parse_sources(SMALL)] == ["ours"]


def test_every_link_to_checkpoints_leads_somewhere():
    named = {step for data in catalog_tags.load()["data"] for step in data.split(THEN)}
    for record in shipped().values():
        assert set(record.timm) <= named, record.key
        assert set(record.known_files) <= set(known_files()), record.key


BAD = {
    "no TOML": ("key = ", "not valid TOML"),
    "an unknown entry": (SMALL + "\n[more]\na = 1\n", "Unknown entries: more"),
    "a bad key": (SMALL.replace('"ours"', '"Our Set"'), "lower-case"),
    "no name": (SMALL.replace('name = "Our archive"', 'name = ""'), "`name` is missing"),
    "an unknown field": (SMALL.replace('"images"', '"pictures"'), "a fact is about `pictures`"),
    "a fact without its source": (SMALL.replace('by = "own"', 'by = "nobody"'), "every fact has its source"),
    "a number as text": (SMALL.replace("1200\n", '"1200"\n', 1), "whole number"),
    "a negative number": (SMALL.replace("value = 1200", "value = -1"), "whole number"),
    "no date": (SMALL.replace("on = 2026-11-21", 'on = "2026-11-21"'), "without quotes"),
    "an unknown modality": (SMALL.replace('"images"\nvalue = 1200', '"modality"\nvalue = ["Xray"]'), "Radiograph"),
    "an unknown access": (SMALL.replace('"images"\nvalue = 1200', '"access"\nvalue = "free"'), "one of open"),
    "no address": (SMALL.replace('"images"\nvalue = 1200', '"access_at"\nvalue = "javascript:x"'), "https://"),
    "an overlap without a relation": (SMALL + 'with = ["chexpert"]\n', "how they overlap"),
    "facts that are no list": (SMALL.replace("[[fact]]", "[fact]"), "no list of tables"),
    "too long": ("# " + "x" * 2_000_001, "characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_record_that_cannot_be_used_says_what_to_do(case):
    text, said = BAD[case]
    with pytest.raises(SourceError) as error:
        parse_source(text)
    assert said in str(error.value) and error.value.remedy


def test_keys_are_told_apart():
    with pytest.raises(SourceError, match="already"):
        require_new(shipped()["chexpert"], shipped())
    with pytest.raises(SourceError, match="twice"):
        parse_sources(dump_sources([shipped()["chexpert"]] * 2))


def test_own_records_join_the_catalogue_and_do_not_replace_what_ships():
    mine = SMALL.replace('"ours"', '"chexpert"')
    assert catalogue([SMALL])["ours"].own
    assert catalogue([mine])["chexpert"].name == "CheXpert"


NAMED = {
    "ImageNet-1K (supervised)": {"imagenet_1k"},
    "ImageNet": {"imagenet_1k"},
    "ImageNet-21K, then ImageNet-1K": {"imagenet_1k", "imagenet_21k"},
    "RadImageNet (1.35 million CT, MRI and ultrasound images)": {"radimagenet"},
    "HAM10000": {"isic_ham10000"},
    "chest X-rays: MIMIC-CXR, CheXpert, NIH ChestX-ray14": {"mimic_cxr", "chexpert", "nih_cxr14"},
    "our own images": set(),
}


@pytest.mark.parametrize("text", NAMED)
def test_a_text_names_data_sets_by_whole_and_longest_names(text):
    assert set(named_in(text, shipped())) == NAMED[text]


def test_a_data_set_leads_to_its_checkpoints_and_back():
    records = shipped()
    mine = Checkpoint("mine", "resnet18", "timm", "/w.pth", source="RadImageNet")
    tag = Checkpoint("tag", "convnext_tiny.fb_in22k_ft_in1k", "timm", "timm")
    control = Checkpoint("control", "resnet18", "timm", "random", source="RadImageNet")
    assert checkpoints_of(records["radimagenet"], [mine, tag, control]).candidates == ("mine",)
    assert set(sources_of(tag, records)) == {"imagenet_1k", "imagenet_21k"}
    found = checkpoints_of(records["imagenet_21k"], [mine, tag]).tags
    assert "convnext_tiny.fb_in22k_ft_in1k" in found and "resnet50.a1_in1k" not in found
    assert checkpoints_of(records["dtd"]).count == 0
    uni = known_files()["uni"]  # whose source names no record
    described = Checkpoint("UNI", uni["architecture"], uni["library"], "/uni.bin", source=uni["source"])
    assert sources_of(described, records) == ("uni_mass100k",)


def test_relations_are_explained():
    used = {fact.relation for record in shipped().values() for fact in record.of("overlap") if fact.others}
    assert used <= set(RELATIONS)
