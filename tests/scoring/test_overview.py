"""Several metrics side by side: their order, standings within each, sentences, on results with known answers."""

import numpy as np
import pytest

from core.metrics import METRICS
from core.scoring.overview import first_metrics, sentences, side_by_side
from core.scoring.ranking import describe, pools, ranking
from tests.scoring.test_ranking import a_plan, result

VALUES = {"a": 1.0, "b": 2.0, "c": 9.0, "d": 8.0}
NOISE = {"verdict": "not meaningful here", "p": 0.24, "reason": "Not distinguishable from shuffled labels (p = 0.24)."}


def told(results, plan=None):
    plan = plan or a_plan(("a",), metrics=("linear_probe", "knn", "logme"))
    return sentences(side_by_side(plan, results, first_metrics(plan)))


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        (list(METRICS), ["linear_probe", "knn", "logme"]),
        (["knn", "nca"], ["knn"]),
        (["nca", "gradient_ratio"], ["nca"]),
    ],
)
def test_the_first_view_holds_those_of_its_metrics_that_the_run_has(asked, first):
    assert first_metrics(a_plan(metrics=asked)) == first


def test_all_metrics_keep_the_candidates_in_the_order_of_the_first():
    plan = a_plan(("a", "b", "c"), metrics=("linear_probe", "knn"))
    results = [result(name, "linear_probe", value) for name, value in {"a": 0.6, "b": 0.9}.items()]
    results += [result(name, "knn", value) | {"permutations": 200, "interval": "95 %"} for name, value in
                {"a": 0.9, "b": 0.6, "c": 0.7}.items()]  # fmt: skip
    scores = side_by_side(plan, results, ["linear_probe", "knn"])
    assert scores["candidate"].tolist() == ["b", "a", "c"] * 2
    assert scores["metric"].tolist() == ["linear_probe"] * 3 + ["knn"] * 3
    assert scores["value"].tolist() == pytest.approx([0.9, 0.6, np.nan, 0.6, 0.9, 0.7], nan_ok=True)
    assert scores["permutations"].tolist()[3:] == [200] * 3 and scores["interval"].iloc[0] == ""


def standings(results, metric, **plan):
    names = tuple(r["candidate"] for r in results)
    scores = side_by_side(a_plan(names, metrics=(metric,), **plan), results, [metric])
    return scores.set_index("candidate")["standing"].to_dict()


def test_the_standing_is_the_place_of_the_tie_group():
    values = {"a": 0.9, "b": 0.89, "c": 0.7, "d": 0.5}
    found = standings([result(name, "knn", value, 0.02) for name, value in values.items()], "knn")
    assert found == {"a": 1.0, "b": 1.0, "c": 0.5, "d": 0.0}
    tied = standings([result(name, "knn", value, 0.5) for name, value in values.items()], "knn")
    assert set(tied.values()) == {0.5}


def test_what_means_nothing_here_has_no_standing_and_moves_no_other():
    results = [result("a", "knn", 0.9, 0.3) | NOISE, result("b", "knn", 0.7, 0.01), result("c", "knn", 0.6, 0.01)]
    assert standings(results, "knn") == pytest.approx({"a": np.nan, "b": 1.0, "c": 0.0}, nan_ok=True)


def test_a_metric_of_one_architecture_has_a_standing_within_it_only():
    results = [result(name, "gradient_ratio", value, 0.1) for name, value in VALUES.items()]
    found = standings(results, "gradient_ratio", architecture=["x", "x", "y", "y"])
    assert found == {"a": 0.0, "b": 1.0, "c": 1.0, "d": 0.0}
    alone = standings(results, "gradient_ratio", architecture=["x", "x", "x", "y"])
    assert np.isnan(alone["d"])
    frame = ranking(a_plan(("a", "b", "c", "d"), architecture=["x", "x", "y", "y"]), results, "gradient_ratio")
    assert {name: pool["candidate"].tolist() for name, pool in pools(frame, describe("gradient_ratio")).items()} == {
        "timm x": ["b", "a"], "timm y": ["c", "d"],
    }  # fmt: skip
    assert list(pools(frame, describe("knn"))) == [""]


def test_each_candidate_gets_one_sentence_that_says_what_was_found():
    results = [result("a", "linear_probe", 0.87, 0.04), result("a", "knn", 0.8, 0.03), result("a", "logme", 0.2314)]
    assert told(results) == {
        "a": "a linear probe ranks 87 % of pairs right (83 to 91); nearest neighbours rank 80 % right (77 to 83); "
        "LogME is 0.23 nats above chance (p = 0.01)."
    }


def test_what_cannot_be_told_from_shuffled_labels_is_said_once():
    results = [
        result("a", "linear_probe", 0.87, 0.04),
        result("a", "knn", 0.5) | NOISE,
        result("a", "logme", 0) | NOISE,
    ]
    assert told(results)["a"].endswith(
        "nearest neighbours and LogME cannot be told from shuffled labels (p = 0.24 and 0.24)."
    )


def test_a_value_that_means_nothing_for_another_reason_says_which():
    grave = {"verdict": "not meaningful here", "p": 0.01, "reason": "No class has 5 images. More."}
    results = [result("a", "linear_probe", 0.87) | grave, result("a", "knn", 0.8, 0.03)]
    assert "a linear probe means nothing here: No class has 5 images" in told(results)["a"]
    assert "LogME has no value here: Not computed" in told(results)["a"]


def test_a_candidate_that_failed_says_why():
    plan = a_plan(("a",), metrics=("linear_probe", "knn", "logme"))
    plan["candidates"][0]["error"] = {"message": "The file is gone.", "remedy": "Choose another."}
    assert told([], plan) == {"a": "no value. The file is gone. Choose another."}


def test_other_metrics_say_their_value():
    plan = a_plan(("a",), metrics=("nca",))
    assert told([result("a", "nca", 0.612, 0.1)], plan)["a"] == f"{METRICS['nca'].name} is 0.612 (0.512 to 0.712)."
