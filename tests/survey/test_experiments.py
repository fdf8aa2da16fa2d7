"""Pairs on which "more similar is better" held or failed: cases whose answer is known."""

import pytest

from core.survey.experiments import FAILED, HELD, OPEN, pairs_right, trials


def around(value: float, half: float = 0.02) -> dict:
    return {"value": value, "low": value - half, "high": value + half}


SCORES = {"a": around(0.9), "b": around(0.8), "c": around(0.79)}


@pytest.mark.parametrize(
    ("distances", "alike", "verdicts"),
    [
        ({"a": 0.1, "b": 0.5, "c": 0.9}, "low", {"ab": HELD, "ac": HELD, "bc": OPEN}),
        ({"a": 0.9, "b": 0.5, "c": 0.1}, "low", {"ba": FAILED, "ca": FAILED, "cb": OPEN}),
        ({"a": 0.9, "b": 0.5, "c": 0.1}, "high", {"ab": HELD, "ac": HELD, "bc": OPEN}),
        ({"a": 0.50, "b": 0.51, "c": 0.9}, "low", {"ab": OPEN, "ac": HELD, "bc": OPEN}),
        ({"a": 0.1, "b": 0.5, "unscored": 0.3}, "low", {"ab": HELD}),
        ({"a": 0.1}, "low", {}),
    ],
)
def test_each_pair_is_held_failed_or_left_open(distances, alike, verdicts):
    found = trials({name: around(value) for name, value in distances.items()}, SCORES, alike)
    assert {one.nearer + one.farther: one.verdict for one in found} == verdicts
    assert all(bool(one.why) == (one.verdict == OPEN) for one in found)


@pytest.mark.parametrize(
    ("order", "right"), [("abc", (2, 2)), ("cba", (0, 2)), ("bac", (1, 2)), ("cb", (0, 0)), ("xab", (1, 1))]
)
def test_a_guess_is_judged_on_pairs_whose_scores_differ(order, right):
    assert pairs_right(list(order), SCORES) == right
