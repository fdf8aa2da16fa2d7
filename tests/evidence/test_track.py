"""The track record: our weighted tau against scipy's, and the published figures of every score on every target."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import weightedtau

from core.__main__ import main
from core.evidence.track import (
    BASELINES,
    as_json,
    jackknife,
    metric_scores,
    published_scores,
    record_on,
    summary,
    track_record,
    weighted_tau,
)
from core.metrics import METRICS, PRODUCT

GIVEN = Path(__file__).resolve().parents[3] / "shared" / "evidence" / "metric_scores.csv"
# dataset_transferability.ipynb, cell 6, in the repository of arXiv:2412.20172 @ 7e308c4. SFDA is not here: our table
# has those values with fewer digits, which ties sources that it tells apart.
TARGETS = ["blood", "breast", "derma", "oct", "organa", "organc", "organs", "path", "pneumonia", "retina", "tissue"]
PUBLISHED = {
    "logme": (0.108, 0.220, 0.520, 0.259, 0.255, 0.467, 0.120, 0.506, 0.311, 0.332, 0.585),
    "parc": (0.299, 0.196, 0.341, 0.341, 0.271, 0.499, 0.168, 0.538, 0.121, 0.502, -0.014),
    "ncti": (0.068, -0.151, 0.192, 0.274, -0.265, 0.457, 0.314, 0.403, -0.365, 0.472, 0.618),
    "leep": (0.482, 0.260, 0.229, 0.518, 0.175, 0.404, 0.238, 0.561, 0.222, 0.345, 0.422),
    "nleep": (0.748, 0.206, 0.438, 0.234, 0.323, 0.466, 0.103, 0.568, 0.307, 0.553, 0.578),
    "lp_fu": (0.777, 0.441, 0.702, 0.452, 0.566, 0.109, 0.219, 0.615, 0.612, 0.602, 0.653),
    "lp": (0.534, 0.253, 0.539, 0.525, 0.459, 0.513, 0.215, 0.472, 0.065, 0.740, 0.529),
    "fu": (0.576, 0.385, 0.739, 0.256, 0.448, -0.175, -0.042, 0.762, 0.528, 0.542, 0.493),
}
MEANS = {"logme": 0.335, "parc": 0.297, "leep": 0.351, "nleep": 0.411, "lp": 0.440, "fu": 0.410, "lp_fu": 0.523,
         "ncti": 0.183, "mean_rank_elsewhere": 0.549}  # fmt: skip
REGRETS = {"lp_fu": 0.52, "always_imagenet": 0.52, "leep": 0.55, "logme": 0.66, "nleep": 1.26, "fu": 0.53, "lp": 0.94,
           "parc": 1.42, "ncti": 1.98}  # fmt: skip
WITHOUT_LARGE = {"lp_fu": 0.251, "nleep": 0.181, "sfda": 0.148, "parc": 0.077, "ncti": 0.052, "logme": 0.042,
                 "leep": 0.023}  # fmt: skip

few_values = st.integers(0, 4).map(float)


@given(st.lists(st.tuples(few_values, few_values), min_size=2, max_size=12))
def test_weighted_tau_is_scipys_also_with_ties(pairs):
    x, y = np.array(pairs).T
    np.testing.assert_allclose(weighted_tau(x, y), weightedtau(x, y).statistic, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("score", PUBLISHED)
def test_every_target_has_the_published_tau(score):
    record = track_record().query("score == @score").set_index("target")["tau"]
    assert [round(record[f"{name}mnist"], 3) for name in TARGETS] == list(PUBLISHED[score])


def test_means_and_regrets_are_those_that_were_published():
    means = summary(track_record())
    assert {score: round(means.loc[score, "tau"], 3) for score in MEANS} == MEANS
    assert {score: round(means.loc[score, "regret"], 2) for score in REGRETS} == REGRETS
    assert set(means.drop(index=["sfda", "random"])["origins"]) == {9}  # OrganA, C and S are one


def test_without_the_large_sources_little_is_left():
    means = summary(track_record(without_large=True))["tau"]
    assert {score: round(means[score], 3) for score in WITHOUT_LARGE} == WITHOUT_LARGE


def test_a_score_that_is_the_same_for_all_has_no_tau_and_loses_the_mean():
    auc = pd.Series([0.9, 0.8, 0.7], index=list("abc"))
    found = record_on(pd.Series([1.0, 1.0, 1.0], index=list("abc")), auc)
    assert found["tau"] is None and found["regret"] == pytest.approx(10) and found["hit"] == pytest.approx(1 / 3)
    assert record_on(pd.Series([3.0, 2.0, 1.0], index=list("abc")), auc)["regret"] == 0
    assert record_on(pd.Series([1.0, 2.0, 3.0], index=list("abc")), auc)["regret"] == pytest.approx(20)
    assert record_on(pd.Series([1.0, np.nan, 3.0], index=list("abc")), auc)["regret"] is None


def test_a_score_of_pure_noise_has_no_record():
    rng = np.random.default_rng(0)
    taus = [weighted_tau(rng.normal(size=14), rng.normal(size=14)) for _ in range(2000)]
    assert abs(np.mean(taus)) < 0.03


def test_the_interval_holds_the_truth_of_simulated_sources():
    """Scores and outcomes of a known correlation, 14 sources at a time: the mean over many draws is the truth here."""
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=(300, 14))
    taus = [weighted_tau(*draw.T) for draw in draws]
    held = [low <= np.mean(taus) <= high for low, high in (jackknife(*draw.T) for draw in draws)]
    assert 0.85 <= np.mean(held) <= 1


def test_every_score_says_whose_it_is_and_how_ours_differs():
    ours = {*METRICS, PRODUCT.key}
    assert {one.metric for one in published_scores().values()} <= ours
    assert set(published_scores()) - {"lp_fu"} == set(metric_scores()["metric"])
    assert [key for key, one in published_scores().items() if not one.differs] == ["leep"]


@pytest.mark.skipif(not GIVEN.exists(), reason="the table that the copy was made from is not on this machine")
def test_the_copy_is_the_table_it_was_made_from():
    pd.testing.assert_frame_equal(metric_scores(), pd.read_csv(GIVEN))


def test_the_command_prints_the_record(capsys):
    assert main(["evidence", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out, parse_constant=lambda _: pytest.fail("NaN is no JSON"))
    assert printed == as_json()
    assert round(printed["all_sources"]["nleep"]["per_target"]["bloodmnist"]["tau"], 3) == 0.748
    assert set(printed["all_sources"]) == {*published_scores(), *BASELINES}
    assert main(["evidence"]) == 0
    assert "LogME" in capsys.readouterr().out
