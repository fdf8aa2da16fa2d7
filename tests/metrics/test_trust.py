"""What the simulation says of a metric, and that its truth is the one that it claims."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from core.metrics import METRICS, trust
from core.metrics.calibration import NOT_MEANINGFUL, WITH_CARE, evaluate
from core.metrics.case import make_case
from data.simulation import simulate


def case(n=200, d=64, kind="binary", labels=None):
    rng = np.random.default_rng(n + d)
    labels = np.arange(n) % 2 if labels is None else labels
    classes = labels.shape[1] if labels.ndim == 2 else int(labels.max()) + 1
    return make_case(rng.normal(size=(n, d)), labels, kind, classes)


@pytest.mark.parametrize("distance", simulate.DISTANCES)
def test_the_best_classifier_of_a_simulated_candidate_has_the_auc_that_is_claimed(distance):
    rng = np.random.default_rng(3)
    of = simulate.candidate(64, 2, distance, rng)
    labels = np.arange(20_000) % 2
    x, _ = of.sample(labels, rng)
    weights = (of.means[1] - of.means[0]) / of.spread  # linear discriminant analysis with the true parameters
    assert roc_auc_score(labels, x @ weights) == pytest.approx(norm.cdf(distance / np.sqrt(2)), abs=0.01)


def test_shares_of_a_skewed_situation():
    cell = simulate.Cell(200, 64, 5, "skewed")
    assert np.bincount(cell.labels()).tolist() == [120, 20, 20, 20, 20]
    assert np.bincount(simulate.Cell(60, 64, 2, "even").labels()).tolist() == [30, 30]


def test_ties_and_refusals_are_like_chance():
    assert simulate.in_order([{"m": 1.0}, {"m": 2.0}, {"m": 3.0}], "m") == 1
    assert simulate.in_order([{"m": 1.0}, {"m": 1.0}], "m") == 0.5
    assert simulate.in_order([{"m": None}, {"m": 1.0}], "m") == 0.5
    assert simulate.in_order([{"m": 2.0}, {"m": 1.0}], "m") == 0


def test_every_metric_of_features_is_in_every_situation():
    table = trust.ordered()
    assert set(table["metric"]) == {key for key, metric in METRICS.items() if metric.needs != "gradients"}
    assert (table.groupby("metric").size() == len(table.drop_duplicates(["n", "d", "classes", "balance"]))).all()
    assert table["ordered"].between(0, 1).all() and (table["pools"] >= 4).all()


def test_more_images_put_more_pairs_in_order():
    table = trust.ordered().groupby(["metric", "n"])["ordered"].mean().unstack()
    for metric in ("logme", "linear_probe", "knn", "hscore_regularised", "parc"):
        assert table.loc[metric].is_monotonic_increasing, metric


def test_a_saturated_metric_tells_no_more_than_chance():
    wide = trust.ordered().query("metric == 'hscore' and n <= 600 and d == 1024")
    assert (wide["ordered"] < trust.MEANS_NOTHING_BELOW).all()


def test_a_share_is_that_of_the_table_and_between_neighbours_elsewhere():
    row = trust.ordered().query("metric == 'logme' and n == 200 and d == 128 and classes == 2 and balance == 'even'")
    below, at, above = (trust.share_ordered("logme", trust.Situation(n, 128, 2, "even")) for n in (200, 300, 600))
    assert below == pytest.approx(float(row["ordered"].iloc[0]))
    assert min(below, above) <= at <= max(below, above)
    least, most = (trust.share_ordered("logme", trust.Situation(n, 128, 2, "even")) for n in (60, 2000))
    assert trust.share_ordered("logme", trust.Situation(5, 128, 2, "even")) == least
    assert trust.share_ordered("logme", trust.Situation(10**6, 128, 2, "even")) == most
    wide, fewer = trust.Situation(800, 2048, 2, "even"), trust.Situation(400, 1024, 2, "even")
    assert trust.share_ordered("logme", wide) == trust.share_ordered("logme", fewer)
    assert trust.share_ordered("gradient_ratio", trust.Situation(200, 128, 2, "even")) is None


def test_a_situation_sees_unequal_classes():
    assert trust.situation(case()) == trust.Situation(200, 64, 2, "even")
    assert trust.situation(case(labels=(np.arange(200) < 40).astype(int))).balance == "skewed"
    findings = np.stack([np.arange(200) % 2, np.arange(200) % 10 == 0], axis=1).astype(int)
    assert trust.situation(case(kind="multi-label", labels=findings)) == trust.Situation(200, 64, 2, "skewed")


def signal(n, d, labels):
    features = np.random.default_rng(1).normal(size=(n, d))
    features[:, 0] += 3 * labels
    return features


def test_the_verdict_says_what_the_simulation_found(monkeypatch):
    labels = np.arange(200) % 2
    arguments = ("logme", signal(200, 20, labels), labels, "binary", 2)
    monkeypatch.setattr(trust, "share_ordered", lambda *_: 0.95)
    assert trust.calibrated().loc["logme", "covered"] >= trust.HOLDS_FROM
    assert evaluate(*arguments)["verdict"] == "reliable"
    monkeypatch.setattr(trust, "share_ordered", lambda *_: 0.8)
    careful = evaluate(*arguments)
    assert careful["verdict"] == WITH_CARE and "80 % of pairs of candidates in the right order." in careful["reason"]
    monkeypatch.setattr(trust, "share_ordered", lambda *_: 0.55)
    useless = evaluate(*arguments)
    assert useless["verdict"] == NOT_MEANINGFUL
    assert "55 % of pairs of candidates in the right order; 50 % is chance." in useless["reason"]


def test_intervals_that_were_too_narrow_ask_for_care():
    labels = np.arange(2000) % 2
    found = trust.calibrated()["covered"]
    assert found["hscore"] < trust.HOLDS_FROM
    of = make_case(signal(2000, 20, labels), labels, "binary", 2)
    assert any("95 % intervals held the truth" in text for text in trust.what_was_simulated("hscore", of)[1])
    assert trust.what_was_simulated("logme", of) == ([], [])


def test_noise_is_called_significant_about_as_often_as_promised():
    table = trust.calibrated()
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / table["samples"])
    assert (table["noise_found"] <= allowed).all(), table["noise_found"]


def test_fewer_images_than_were_simulated_ask_for_care():
    labels = np.arange(40) % 2
    assert "begins at 60 images" in evaluate("logme", signal(40, 20, labels), labels, "binary", 2)["reason"]
