"""What is read in the outcomes of a study: best starts, leads, gains over no source, and size against place."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from core.evidence.charts import BELOW, BEST, SHARED, heat_map
from core.evidence.outcomes import outcomes, studies
from core.evidence.views import (
    BASELINE,
    cells,
    compares_architectures,
    mean_ranks,
    name_of,
    size_helps,
    sizes,
    verdicts,
)

STUDIES = list(studies().studies)
DATASETS, CATS, REVISITING = "juodelyte2024_datasets", "vandenbrandt2021_cats", "juodelyte2023_revisiting"


@pytest.mark.parametrize("study", STUDIES)
def test_every_published_figure_is_in_one_cell(study):
    found = cells(study)
    assert not found.duplicated(["start", "target"]).any()
    assert sorted(found["auc"]) == sorted(outcomes().query("study == @study")["value"])


@pytest.mark.parametrize("study", STUDIES)
def test_the_best_leads_and_the_range_holds_all(study):
    for one in verdicts(study).to_dict("records"):
        values = cells(study).query("target == @one['target'] and not baseline").set_index("start")["auc"]
        assert values.idxmax() == one["best"] and len(values) == one["starts"]
        assert one["lead"] == pytest.approx(100 * (values[one["best"]] - values[one["second"]]))
        assert one["range"] == pytest.approx(100 * np.ptp(values))
        assert sorted(values)[-2] == values[one["second"]]


def test_gains_over_the_target_alone_are_those_of_the_paper():
    """arXiv:2107.05940: relative to training on the target alone, 8 of 21 pairs lose; ISIC on chest X-rays 4.77 %."""
    found = cells(CATS)
    assert found["baseline"].sum() == 3 and (found["gain"] < 0).sum() == 8
    alone = found.query("baseline").set_index("target")["auc"]
    worst = found.query("start == 'isic' and target == 'chest'").iloc[0]
    assert worst["gain"] / alone["chest"] == pytest.approx(-4.77, abs=0.005)


def test_without_a_baseline_negative_transfer_is_unknown():
    assert verdicts(DATASETS)["negative"].isna().all() and verdicts(DATASETS)["gain"].isna().all()
    below = verdicts(REVISITING).set_index("target")["negative"]
    assert set(below["thyroid_us"]) == {"imagenet", "radimagenet"}
    assert all(not names for target, names in below.items() if target != "thyroid_us")


def test_planes_of_one_scan_count_as_one_in_the_mean_rank():
    ranks = cells(DATASETS).query("start == 'imagenet'").set_index("target")["auc"]
    by_target = {
        target: 1 + (cells(DATASETS).query("target == @target")["auc"] > auc).sum() for target, auc in ranks.items()
    }
    organs = [by_target.pop(f"organ{plane}mnist") for plane in "acs"]
    assert mean_ranks(DATASETS)["imagenet"] == pytest.approx(np.mean([*by_target.values(), np.mean(organs)]))
    assert BASELINE not in mean_ranks(CATS)


def test_a_source_that_holds_images_of_the_target_is_told():
    shared = cells(DATASETS).query("shared")
    pairs = set(zip(shared["start"], shared["target"], strict=True))
    assert ("organamnist", "organcmnist") in pairs and ("medmnist", "organamnist") in pairs
    assert not any(start in ("imagenet", "radimagenet", "tissuemnist") for start, _ in pairs)
    assert verdicts(DATASETS).set_index("target")["shared"]["organcmnist"]


def test_size_against_place_is_spearmans_rho_over_known_sizes():
    sized = sizes(DATASETS)
    assert size_helps(sized) == pytest.approx(spearmanr(sized["images"], -sized["rank"]).statistic)
    holes = sized.assign(images=sized["images"].where(sized["start"] != "imagenet"))
    rest = sized[sized["start"] != "imagenet"]
    assert size_helps(holes) == pytest.approx(spearmanr(rest["images"], -rest["rank"]).statistic)
    grown = pd.DataFrame({"images": range(1, 6), "rank": range(5, 0, -1)})
    assert size_helps(grown) == pytest.approx(1) and size_helps(grown.head(4)) is None


def test_only_the_study_of_architectures_compares_them():
    assert [study for study in STUDIES if compares_architectures(study)] == ["juodelyte2024_architectures"]
    assert set(mean_ranks("juodelyte2024_architectures").index) >= {"convnext", "vgg"}


def test_names_of_sources_and_targets_tell_them_apart_within_a_study():
    for study in STUDIES:
        for column in ("start", "target"):
            keys = cells(study)[column].unique()
            assert len({name_of(key) for key in keys}) == len(keys)


def test_the_heat_map_marks_best_negative_and_shared():
    def shown(study: str) -> dict:
        found = cells(study)
        drawn = heat_map(found, list(found["start"].unique()), list(found["target"].unique())).to_dict()
        rows = next(iter(drawn["datasets"].values()))
        return {(row["start"], row["target"]): row["shown"] for row in rows}

    assert shown(CATS)["imagenet", "chest"] == f".987{BEST}" and shown(CATS)["isic", "chest"] == f".914{BELOW}"
    assert shown(CATS)["chest", "chest"] == "\u2013" and shown(CATS)[BASELINE, "chest"] == ".960"
    assert shown(DATASETS)["organamnist", "organcmnist"] == f".988{BEST}{SHARED}"
