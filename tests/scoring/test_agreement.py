"""Kendall's W and tau-b against scipy and printed examples, and which metrics and candidates are compared."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, kendalltau

from core.metrics import PRODUCT
from core.scoring.agreement import FEWEST, agreement, kendall_w, tau_b

ANXIETY = [  # 3 raters, 20 subjects, many ties: the example of R's irr::kendall(anxiety, TRUE)
    [3, 3, 3, 4, 5, 5, 2, 3, 5, 2, 2, 6, 1, 5, 2, 2, 1, 2, 4, 3],
    [3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4],
    [2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2],
]


@pytest.mark.parametrize(
    ("orders", "w"),
    [
        ([[1, 3, 2], [1, 2, 3], [2, 3, 1], [3, 1, 2]], 1 / 16),  # 4 judges, sums of ranks 7, 9, 8
        (ANXIETY, 0.54),
        ([[1, 2, 3, 4], [10, 20, 30, 40]], 1.0),
        ([[1, 2, 3, 4], [4, 3, 2, 1]], 0.0),
    ],
)
def test_w_of_known_examples(orders, w):
    assert kendall_w(np.array(orders)) == pytest.approx(w, abs=0.005)


@pytest.mark.parametrize("levels", [3, 1000])
def test_w_is_friedmans_chi_square_and_tau_b_is_scipys(levels):
    values = np.random.default_rng(levels).integers(0, levels, (5, 9))
    chi_square = friedmanchisquare(*values.T).statistic
    assert kendall_w(values) == pytest.approx(chi_square / (5 * 8))
    for one in values:
        for other in values:
            assert tau_b(one, other) == pytest.approx(kendalltau(one, other).statistic)


def test_one_single_tie_has_no_order_to_agree_with():
    assert np.isnan(kendall_w(np.ones((2, 4))))
    assert np.isnan(tau_b(np.ones(4), np.arange(4)))


def table(**metrics: list[float | None]) -> pd.DataFrame:
    """Values by metric; None is no value, a negative one is not meaningful here."""
    return pd.DataFrame(
        {"metric": metric, "candidate": f"c{i}", "value": np.nan if value is None else abs(value),
         "verdict": "not meaningful here" if value is not None and value < 0 else "reliable", "architecture": "a"}
        for metric, values in metrics.items() for i, value in enumerate(values)
    )  # fmt: skip


def test_metrics_are_compared_in_their_order():
    found = agreement(table(linear_probe=[1, 2, 3, 4, 5], knn=[1, 2, 3, 5, 4], logme=[5, 4, 3, 2, 1]))
    assert list(found.taus.index) == list(found.taus.columns) == ["linear_probe", "knn", "logme"]
    assert found.taus.loc["linear_probe"].tolist() == pytest.approx([1.0, 0.8, -1.0])
    assert found.candidates == ("c0", "c1", "c2", "c3", "c4") and not found.left_out and not found.why_not


def test_fewer_than_five_candidates_are_not_compared():
    for values in ([1, 2, 3, 4], [1, 2, 3, 4, None], [1, 2, 3, 4, -5]):
        found = agreement(table(linear_probe=values, knn=values))
        assert found.w is None and found.taus.empty
        assert f"from {FEWEST} candidates on; 4 of this run" in found.why_not


def test_flagged_metrics_are_left_out_and_named():
    found = agreement(table(linear_probe=[1, 2, 3, 4, 5], knn=[1, 2, 3, 5, 4], logme=[-1, -1, 3, 2, 1]))
    assert found.left_out == {"logme": "no value, or none that means something here, for 2 of 5"}
    assert found.w == pytest.approx(kendall_w(np.array([[1, 2, 3, 4, 5], [1, 2, 3, 5, 4]])))


def test_with_enough_candidates_one_that_is_flagged_is_left_out_itself():
    found = agreement(table(linear_probe=[1, 2, 3, 4, 5, 6, 7, 8], knn=[1, 2, 3, 4, 5, 6, 7, -8],
                            logme=[1, 2, 3, 4, 5, 6, None, 8]))  # fmt: skip
    assert found.without == ("c6", "c7") and not found.left_out
    assert found.w == pytest.approx(1.0)


def test_nothing_is_compared_when_one_metric_remains():
    found = agreement(table(linear_probe=[1, 2, 3, 4, 5], knn=[-1, -2, -3, -4, -5], logme=[2, 2, 2, 2, 2]))
    assert found.w is None and "No two metrics" in found.why_not
    assert set(found.left_out) == {"knn", "logme"}


def test_the_product_and_metrics_of_other_architectures_are_left_out():
    values = {key: [1, 2, 3, 4, 5] for key in ("linear_probe", "nca", "gradient_ratio", PRODUCT.key)}
    one = table(**values)
    assert set(agreement(one).left_out) == {PRODUCT.key}
    several = one.assign(architecture=one["candidate"].map(lambda name: "b" if name == "c0" else "a"))
    assert set(agreement(several).left_out) == {PRODUCT.key, "gradient_ratio"}
