"""The order, the tie groups and the pool-relative product, on results whose right answer is known."""

import numpy as np
import pandas as pd
import pytest

from core.metrics import PRODUCT
from core.metrics.cautions import POOL_RELATIVE
from core.scoring.ranking import (
    beside,
    describe,
    leaders,
    metrics_in,
    product,
    ranking,
    remarks,
    tie_groups,
    with_failures,
)


def a_plan(names=("a", "b", "c"), architecture="resnet18", metrics=("nca", "gradient_ratio")):
    def candidate(name, arch):
        return {
            "name": name,
            "checkpoint": {
                "preprocessing_source": "its card",
                "architecture": arch,
                "library": "timm",
                "source": f"source of {name}",
            },
            "scores": [{"metric": metric, "key": f"{name}-{metric}"} for metric in metrics],
        }

    architectures = [architecture] * len(names) if isinstance(architecture, str) else architecture
    return {"candidates": [candidate(n, a) for n, a in zip(names, architectures, strict=True)]}


def result(name, metric, value, width=0.0):
    return {"candidate": name, "metric": metric, "value": value, "low": value - width, "high": value + width,
            "verdict": "reliable", "reason": "r", "null": 0.0, "p": 0.01}  # fmt: skip


def test_candidates_are_sorted_best_first_and_those_without_a_value_come_last():
    results = [
        result("a", "nca", 0.2),
        result("b", "nca", 0.9),
        {"candidate": "c", "metric": "nca", "value": None, "reason": "too few"},
    ]
    frame = ranking(a_plan(), results, "nca")
    assert frame["candidate"].tolist() == ["b", "a", "c"]
    assert frame["reason"].tolist() == ["r", "r", "too few"]
    assert frame["tie_group"].isna().tolist() == [False, False, True]


def test_a_metric_of_one_architecture_is_ranked_within_each():
    plan = a_plan(("a", "b", "c", "d"), architecture=["resnet18", "vit_tiny.tag", "resnet18.tag", "vit_tiny"])
    values = {"a": 1.0, "b": 9.0, "c": 2.0, "d": 8.0}
    results = [result(name, "gradient_ratio", value, 0.1) for name, value in values.items()]
    frame = ranking(plan, results, "gradient_ratio")
    assert frame["candidate"].tolist() == ["c", "a", "b", "d"]
    assert frame["architecture"].tolist() == ["timm resnet18"] * 2 + ["timm vit_tiny"] * 2
    assert frame["tie_group"].tolist() == [1, 2, 1, 2]


def test_a_candidate_that_was_not_computed_says_why():
    plan = a_plan()
    plan["candidates"][2]["error"] = {"message": "the file is gone", "remedy": "Choose another."}
    frame = ranking(plan, [result("a", "nca", 0.2)], "nca")
    assert set(frame["reason"]) == {"r", "Not computed.", "the file is gone Choose another."}


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([(0.9, 0.8, 1.0), (0.7, 0.6, 0.79)], [1, 2]),
        ([(0.9, 0.8, 1.0), (0.85, 0.7, 0.95)], [1, 1]),
        # a chain: c overlaps b but not a, so it cannot share a's group
        ([(0.9, 0.8, 1.0), (0.75, 0.65, 0.85), (0.6, 0.5, 0.7)], [1, 1, 2]),
        ([(0.9, np.nan, np.nan), (0.8, np.nan, np.nan)], [1, 2]),
        ([(0.9, 0.9, 0.9), (0.9, 0.9, 0.9)], [1, 1]),
        ([], []),
    ],
)
def test_a_tie_group_holds_what_overlaps_its_best(rows, groups):
    assert tie_groups(pd.DataFrame(rows, columns=["value", "low", "high"])).tolist() == groups


def test_the_first_tie_group_leads_unless_nothing_can_be_told_from_chance():
    results = [result("a", "nca", 0.5, 0.01), result("b", "nca", 0.9, 0.1), result("c", "nca", 0.85, 0.1)]
    assert leaders(ranking(a_plan(), results, "nca")) == ["b", "c"]
    noise = [r | {"verdict": "not meaningful here"} for r in results]
    assert leaders(ranking(a_plan(), noise, "nca")) == []
    assert leaders(ranking(a_plan(), [], "nca")) == []


def test_each_remark_is_made_once_for_all_the_candidates_that_it_holds_for():
    results = [
        result("a", "nca", 0.9) | {"verdict": "read with care", "reason": "Few images (p = 0.1). Wide."},
        result("b", "nca", 0.8) | {"verdict": "read with care", "reason": "Wide."},
        result("c", "nca", 0.7),
    ]
    assert remarks(ranking(a_plan(), results, "nca")) == [
        ("read with care", "Few images (p = 0.1).", ["a"]),
        ("read with care", "Wide.", ["a", "b"]),
    ]
    assert remarks(ranking(a_plan(("a",)), [], "nca")) == [("", "Not computed.", ["a"])]


def test_a_random_initialisation_is_marked_as_the_control():
    plan = a_plan()
    plan["candidates"][1]["checkpoint"]["weights"] = "random"
    frame = ranking(plan, [result("a", "nca", 0.2), result("b", "nca", 0.9)], "nca")
    assert frame["control"].tolist() == [True, False, False]


def test_two_runs_are_matched_by_candidate():
    one = ranking(a_plan(("a", "b")), [result("a", "nca", 0.5), result("b", "nca", 0.9)], "nca")
    other = ranking(a_plan(("a", "c")), [result("a", "nca", 0.2), result("c", "nca", 0.1)], "nca")
    assert beside(one, other).to_dict("records") == [
        {"candidate": "a", "value": 0.5, "value_other": 0.2, "difference": 0.3}
    ]


def test_what_failed_while_it_was_computed_says_why_in_the_ranking():
    plan = with_failures(a_plan(), {"b": {"message": "Out of memory.", "remedy": "Use fewer images."}})
    frame = ranking(plan, [result("a", "nca", 0.5)], "nca")
    assert frame["reason"].tolist() == ["r", "Out of memory. Use fewer images.", "Not computed."]


def test_the_product_is_minmax_times_minmax():
    nca, ratio = {"a": 0.5, "b": 0.7, "c": 0.9}, {"a": 3.0, "b": 2.0, "c": 1.0}
    results = [result(n, "nca", v) for n, v in nca.items()] + [result(n, "gradient_ratio", v) for n, v in ratio.items()]
    scores = product(a_plan(), results)
    assert {name: score["value"] for name, score in scores.items()} == pytest.approx({"a": 0.0, "b": 0.25, "c": 0.0})
    assert all(score["low"] == pytest.approx(score["high"]) for score in scores.values())


def test_uncertain_parts_make_an_uncertain_product_within_its_range():
    results = [result(n, m, v, 0.2) for n, v in (("a", 0.5), ("b", 0.7), ("c", 0.9)) for m in ("nca", "gradient_ratio")]
    scores = product(a_plan(), results)
    assert all(0 <= s["low"] <= s["value"] <= s["high"] <= 1 for s in scores.values())
    assert scores["b"]["high"] - scores["b"]["low"] > 0.2
    assert scores == product(a_plan(), results)


def test_the_product_never_compares_architectures():
    results = [result(n, m, v) for n, v in (("a", 0.5), ("b", 0.7), ("c", 0.9)) for m in ("nca", "gradient_ratio")]
    scores = product(a_plan(architecture=["resnet18", "resnet18", "vit"]), results)
    assert scores["b"]["value"] == 1.0
    assert scores["c"]["value"] is None
    assert "vit" in scores["c"]["reason"]


def test_adding_a_candidate_changes_the_product_of_the_others():
    def scores(names):
        results = [result(n, m, v) for n, v in names.items() for m in ("nca", "gradient_ratio")]
        return product(a_plan(tuple(names)), results)

    assert scores({"a": 0.5, "b": 0.7})["b"]["value"] == 1.0
    assert scores({"a": 0.5, "b": 0.7, "c": 0.9})["b"]["value"] == pytest.approx(0.25)


def test_the_product_is_offered_only_where_both_parts_were_asked_for():
    assert metrics_in(a_plan()) == ["nca", "gradient_ratio", PRODUCT.key]
    assert metrics_in(a_plan(metrics=("nca", "knn"))) == ["knn", "nca"]
    assert describe(PRODUCT.key) is PRODUCT


def ncti_result(name, seli, ncc, vc, scatter=0.0, halves=30, verdict="read with care", seed=None):
    """Terms with half samples that scatter around them, differently for each candidate unless they share a `seed`."""
    draws = np.random.default_rng(ord(name) if seed is None else seed).normal(size=(halves, 3))
    detail = {"terms": {"seli": seli, "ncc": ncc, "vc": vc}, "half_terms": ([seli, ncc, vc] + scatter * draws).tolist()}
    return {"candidate": name, "metric": "ncti", "value": None, "p": 0.01, "verdict": verdict,
            "reason": f"{POOL_RELATIVE} Few images.", "detail": detail | {"share": 0.5}}  # fmt: skip


NCTI_PLAN = a_plan(architecture=["resnet18", "vit", "resnet18"], metrics=("ncti",))


def test_ncti_gets_its_value_among_all_candidates_of_the_run():
    results = [ncti_result("a", 10.0, 0.5, 3.0), ncti_result("b", 20.0, 0.6, 3.5), ncti_result("c", 30.0, 0.9, 4.0)]
    frame = ranking(NCTI_PLAN, results, "ncti").set_index("candidate")
    assert frame["value"].to_dict() == pytest.approx({"a": 0.0, "b": 0.5 + 0.25 - 0.5, "c": 1.0})
    assert frame["low"].tolist() == pytest.approx(frame["value"].tolist())
    assert set(frame["verdict"]) == {"read with care"} and set(frame["p"]) == {0.01}
    assert set(frame["reason"]) == {"Relative to the 3 candidates of this run. Few images."}
    assert frame["null"].isna().all()
    two = ranking(NCTI_PLAN, results[:2], "ncti").set_index("candidate")
    assert two["value"].dropna().to_dict() == pytest.approx({"a": 0.0, "b": 1.0})
    assert two.loc["c", "reason"] == "Not computed."


def test_the_scatter_of_half_samples_is_carried_into_the_value_of_ncti():
    def widths(scatter, **options):
        terms = {"a": (10.0, 0.5, 3.0), "b": (20.0, 0.6, 3.5), "c": (30.0, 0.9, 4.0)}
        results = [ncti_result(name, *values, scatter, **options) for name, values in terms.items()]
        frame = ranking(NCTI_PLAN, results, "ncti").set_index("candidate")
        assert frame.equals(ranking(NCTI_PLAN, results[::-1], "ncti").set_index("candidate"))
        assert (frame["low"] <= frame["value"]).all() and (frame["value"] <= frame["high"]).all()
        return (frame["high"] - frame["low"]).to_dict()

    assert 0 < widths(0.005)["b"] < 0.5 * widths(0.02)["b"]
    # What shifts the terms of all candidates alike moves no candidate against another.
    assert widths(0.02, seed=0)["b"] < 1e-9 < widths(0.02)["b"]


def test_ncti_without_enough_half_samples_has_no_interval():
    results = [ncti_result("a", 10.0, 0.5, 3.0), ncti_result("b", 20.0, 0.6, 3.5, halves=2)]
    frame = ranking(NCTI_PLAN, results, "ncti").dropna(subset="value")
    assert frame["low"].isna().all() and frame["high"].isna().all()
    assert frame["reason"].str.startswith("Relative to the 2 candidates of this run. There is no interval").all()


def test_one_candidate_alone_has_no_ncti_and_a_refusal_keeps_its_reason():
    refusal = {"candidate": "b", "metric": "ncti", "value": None, "reason": "The images of each class are alike."}
    frame = ranking(NCTI_PLAN, [ncti_result("a", 10.0, 0.5, 3.0), refusal], "ncti").set_index("candidate")
    assert frame["value"].isna().all()
    assert frame.loc["a", "reason"] == "Needs a second candidate to compare with."
    assert frame.loc["b", "reason"] == refusal["reason"]


def test_what_cannot_be_told_from_shuffled_labels_stays_so_among_others():
    noise = ncti_result("a", 10.0, 0.5, 3.0, verdict="not meaningful here")
    frame = ranking(NCTI_PLAN, [noise, ncti_result("b", 20.0, 0.6, 3.5)], "ncti").set_index("candidate")
    assert frame.loc["a", "verdict"] == "not meaningful here" and frame.loc["b", "verdict"] == "read with care"
