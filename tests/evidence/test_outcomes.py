"""Published outcomes: the tidy copy is whole, cited, and says of every name where its images come from."""

from pathlib import Path

import pandas as pd
import pytest

from core.evidence.outcomes import COLUMNS, chosen_twice, outcomes, studies
from core.sources.catalogue import catalogue

GIVEN = Path(__file__).resolve().parents[3] / "shared" / "evidence" / "outcomes.csv"
ROWS = {
    "juodelyte2024_datasets": 168, "juodelyte2024_architectures": 99, "vandenbrandt2021_cats": 24,
    "juodelyte2023_revisiting": 21, "choice_intuitions_followup": 10,
}  # fmt: skip


def value(study: str, source: str, target: str) -> float:
    rows = outcomes().query("study == @study and source == @source and target == @target")
    assert len(rows) == 1
    return rows["value"].item()


def test_every_transfer_is_there_once():
    assert tuple(outcomes().columns) == COLUMNS
    assert outcomes()["study"].value_counts().to_dict() == ROWS
    assert not outcomes().duplicated(["study", "architecture", "source", "target"]).any()
    assert outcomes()["value"].between(0, 1).all()


@pytest.mark.parametrize(
    ("study", "source", "target", "printed"),
    [
        ("juodelyte2024_datasets", "imagenet", "retinamnist", 0.8641),
        ("juodelyte2024_datasets", "radimagenet", "octmnist", 0.9693),
        ("juodelyte2024_datasets", "pneumoniamnist", "chestmnist", 0.6442),
        ("vandenbrandt2021_cats", "chest", "pcam-middle", 0.812),
        ("juodelyte2023_revisiting", "random_init", "thyroid_us", 0.529),
        ("choice_intuitions_followup", "ecoset_dvd_s", "crc_val_he_7k", 0.9938),
    ],
)
def test_figures_are_those_of_the_papers_files(study, source, target, printed):
    decimals = len(str(printed).partition(".")[2])
    assert round(value(study, source, target), decimals) == printed


@pytest.mark.skipif(not GIVEN.exists(), reason="the tables that the copy was made from are not on this machine")
def test_the_copy_is_the_table_it_was_made_from():
    pd.testing.assert_frame_equal(outcomes(), pd.read_csv(GIVEN))


def test_every_study_is_cited_and_what_is_unpublished_says_so():
    told = studies().studies
    assert set(told) == set(ROWS)
    for key, study in told.items():
        assert study.address.startswith("https://") and study.licence
        assert "arXiv:" in study.citation and study.changing == (key == "choice_intuitions_followup")


def test_targets_of_one_origin_are_told_as_one():
    origins = studies().origins
    assert set(outcomes()["target"]) <= set(origins)
    assert len({origins[plane] for plane in ("organamnist", "organcmnist", "organsmnist")}) == 1
    assert origins["pathmnist"] == origins["crc_val_he_7k"]
    assert origins["breastmnist"] == origins["breast_us"]
    assert len({origins[name] for name in outcomes().query("study == 'juodelyte2024_datasets'")["target"]}) == 10
    assert set(studies().notes) <= set(origins.values())


def test_records_named_for_sources_exist():
    assert set(studies().records.values()) <= set(catalogue())
    assert studies().record("imagenet") == "imagenet_1k" and studies().record("bloodmnist") == "bloodmnist"


def test_what_was_published_is_the_run_with_the_lowest_validation_loss():
    published = outcomes().query("study == 'juodelyte2024_datasets'").set_index(["target", "source"])["value"]
    twice = chosen_twice().set_index(["target", "source"])
    assert (twice["by_loss"] - published).abs().max() < 1e-6
    assert len(twice) == 168
