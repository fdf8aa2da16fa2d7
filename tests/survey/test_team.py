"""The team's picture: groups, splits, agreement and the two relations, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts import svg
from core.survey.charts import AFTER, BEFORE, MEASURED, expectation_chart, likeness_chart
from core.survey.expectation import by_person, covering, likeness_against, mean_of, measured_gains, opposed
from core.survey.instrument import LONG, shipped
from core.survey.reliability import INTERVAL, ORDINAL
from core.survey.team import (
    agreements,
    answers_to,
    concordance,
    gain_splits,
    groups,
    place_splits,
    reasons,
)
from tests.survey.people import SOURCES, a_response, five_people

ASKED = shipped()
IMAGENET, RAD, TISSUE, CHEST, LARGE = SOURCES


def test_the_last_answer_of_each_counts_and_other_questions_or_sources_are_apart():
    first, last = a_response("Rater A"), a_response("Rater A", SOURCES[::-1], revision=2)
    other = a_response("Rater 0", SOURCES[:3])
    old = replace(a_response("Rater C"), asked="sourcescout 0")
    shown = a_response("Rater B", shown=SOURCES[::-1])  # another order on the screen is no other list
    assert groups([last, shown, first, other, old]) == [[last, shown], [other], [old]]
    assert groups([]) == []


def test_answers_are_numbers_where_somebody_can_judge():
    one = a_response("Rater A", [RAD, IMAGENET], {RAD: "1.5 -1 3"}, shown=[RAD, IMAGENET, CHEST])
    places = answers_to([one], "order").set_index("source")
    assert places["value"].to_dict() == {RAD: 1, IMAGENET: 2, CHEST: pytest.approx(np.nan, nan_ok=True)}
    assert places.loc[CHEST, "said"] == "cannot judge"
    gains = answers_to([one], "gain").dropna().to_dict("records")
    assert gains == [{"person": "Rater A", "blinded": True, "source": RAD, "said": "1.5", "value": 1.5, "low": -1.0,
                      "high": 3.0}]  # fmt: skip
    assert answers_to([one], "visual").empty and answers_to([], "gain")["value"].dtype == float


def test_splits_by_place_name_who_is_on_which_side_and_why():
    rad, large = place_splits(ASKED, five_people())
    assert (rad.source, rad.width, large.source, large.width) == (RAD, 4, LARGE, 3)
    assert [(one.person, one.says, one.first) for one in rad.worse] == [
        ("Rater C", "place 5", (IMAGENET,)), ("Rater D", "place 5", (LARGE,)),
    ]  # fmt: skip
    assert [(one.person, one.reasons) for one in rad.better] == [
        ("Rater A", ("The domain gap is small",)), ("Rater B", ()),
    ]  # fmt: skip


@pytest.mark.parametrize(("orders", "apart"), [
    ([SOURCES, SOURCES], []),
    ([SOURCES[:2], SOURCES[1::-1]], [IMAGENET, RAD]),
    ([SOURCES[:4], (RAD, IMAGENET, *SOURCES[2:4])], []),  # a place of four apart is less than half of the list
    ([SOURCES[:4], (RAD, TISSUE, IMAGENET, CHEST)], [IMAGENET]),
    ([SOURCES], []),
])  # fmt: skip
def test_places_split_from_half_of_the_list_on(orders, apart):
    people = [a_response(f"Rater {i}", order) for i, order in enumerate(orders)]
    assert sorted(split.source for split in place_splits(ASKED, people)) == sorted(apart)


@pytest.mark.parametrize(("gains", "width"), [
    (["6 2 10", "-5 -9 -1"], 3),
    (["6 -2 10", "-5 -9 -1"], None),  # the ranges overlap
    (["6 2 10", "1 0 1"], None),  # both expect a gain
    (["6 2 10", "cannot judge"], None),
    (["6 2 10", "-5 -9 -1", "-1 -2 -1"], 3),
])  # fmt: skip
def test_gains_split_where_signs_differ_and_ranges_do_not_overlap(gains, width):
    told = [{RAD: gain} if gain[0] != "c" else {} for gain in gains]
    people = [a_response(f"Rater {i}", gains=one) for i, one in enumerate(told)]
    assert [split.width for split in gain_splits(ASKED, people)] == ([] if width is None else [width])


def test_reasons_are_own_words_and_wordings_but_nothing_about_the_person():
    one = a_response("Rater A", form=LONG, reason="It is large")
    more = [replace(one.answers[0], question=key, source="", value=value, low="", high="")
            for key, value in (("reasons", "size;licence"), ("expertise", "radiology"))]  # fmt: skip
    told = replace(one, answers=(*(a for a in one.answers if a.question != "reasons"), *more))
    assert reasons(ASKED, told) == ("It is large", "its size, its licence")


# Agreement -------------------------------------------------------------------------------------------------------


def rated(person: str, grades: list[str], **more):
    return a_response(person, form=LONG, scales={"visual": dict(zip(SOURCES, grades, strict=False))}, **more)


def test_alpha_is_of_the_right_level_over_the_sources():
    people = [rated("A", ["5", "4", "2", "1", "3"]), rated("B", ["4", "4", "2", "2"]),
              rated("C", ["5", "3", "1", "cannot judge", "2"])]  # fmt: skip
    found = {one.question.key: one for one in agreements(ASKED, people)}
    visual = found["visual"]
    assert (visual.people, visual.sources, visual.level) == (3, 5, ORDINAL)
    # krippendorff 0.9.0 (PyPI) for [[5,4,2,1,3],[4,4,2,2,nan],[5,3,1,nan,2]], ordinal
    assert visual.alpha == pytest.approx(0.789847, abs=1e-6) and visual.interval.low < visual.interval.high
    assert set(found) == {"visual"}  # what nobody could judge has no row


@pytest.mark.parametrize(("people", "judged"), [(2, 5), (3, 4), (1, 5)])
def test_no_alpha_below_three_people_or_five_sources(people, judged):
    told = [rated(str(i), list("12345")[:judged]) for i in range(people)]
    found = next(one for one in agreements(ASKED, told) if one.question.key == "visual")
    assert not found.enough and found.alpha is None and found.interval is None
    assert next(one for one in agreements(ASKED, [rated(c, list("12345")) for c in "abc"])).alpha == pytest.approx(1)


def test_gains_are_compared_by_their_differences_and_the_reference_is_not_asked():
    six = (*SOURCES, "ecoset")
    gains = [dict(zip(six[1:], (f"{g} {g - 1} {g + 1}" for g in row), strict=True))
             for row in ((5, -2, 0, 8, 3), (2, -4, 1, 10, 0), (-3, 1, 2, 6, 4))]  # fmt: skip
    found = next(one for one in agreements(ASKED, [a_response(str(i), six, g) for i, g in enumerate(gains)]))
    assert (found.question.key, found.level, found.sources) == ("gain", INTERVAL, 5)


# W of pingouin 0.7.0 (PyPI), pingouin.friedman(...)["W"], computed once on 2026-11-22; rho follows from it
@pytest.mark.parametrize(("orders", "w"), [
    ([[1, 2, 3, 4, 5], [2, 1, 3, 4, 5], [1, 2, 3, 5, 4]], 0.9111111111111111),
    ([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [2, 1, 4, 3, 6, 5], [1, 3, 2, 4, 6, 5]], 0.21428571428571427),
])  # fmt: skip
def test_w_is_that_of_an_independent_implementation(orders, w):
    names = (*SOURCES, "ecoset")[: len(orders[0])]
    people = [a_response(f"Rater {i}", [names[places.index(at + 1)] for at in range(len(names))])
              for i, places in enumerate(orders)]  # fmt: skip
    found = concordance(ASKED, people)
    assert found.w == pytest.approx(w) and set(found.sources) == set(names)
    rhos = np.corrcoef(orders)[np.triu_indices(len(orders), 1)]
    assert found.rho == pytest.approx(rhos.mean())


def test_what_somebody_cannot_judge_is_left_out_of_w_as_long_as_five_sources_remain():
    six = (*SOURCES, "ecoset")
    people = [a_response(name, six) for name in "AB"]
    partly = a_response("C", six[1:], shown=six)
    hardly = a_response("D", six[:3][::-1], shown=six)
    found = concordance(ASKED, [*people, partly, hardly])
    assert found.w == pytest.approx(1) and found.people == ("A", "B", "C") and set(found.sources) == set(six[1:])
    assert concordance(ASKED, [*people, hardly]).w is None
    assert concordance(ASKED, [a_response(name, SOURCES[:4]) for name in "ABCD"]).w is None


@given(st.lists(st.permutations(SOURCES), min_size=3, max_size=6), st.randoms())
def test_w_does_not_depend_on_who_is_named_first(orders, random):
    people = [a_response(f"Rater {i}", order) for i, order in enumerate(orders)]
    again = [replace(one, person=f"Rater {9 - i}") for i, one in enumerate(people)]
    random.shuffle(again)
    found = concordance(ASKED, people)
    assert 0 <= found.w <= 1 and concordance(ASKED, again).w == pytest.approx(found.w)


# Relations -------------------------------------------------------------------------------------------------------


def test_likeness_against_gain_has_the_reference_at_zero_and_drops_what_is_not_judged():
    judged = likeness_against(ASKED, five_people(), "visual", ASKED.questions["gain"])
    a = judged[judged["person"] == "Rater A"].set_index("source")
    assert a["expected"].to_dict() == {IMAGENET: 0, RAD: 6, CHEST: 2, TISSUE: -1}
    assert a.loc[RAD, "likeness"] == 5 and set(judged["person"]) == {"Rater A", "Rater C"}
    means = mean_of(judged).set_index("source")
    assert means.loc[RAD].to_dict() == {"likeness": 5, "expected": 0.5, "people": 2}


def points(**at: tuple[float, float]) -> pd.DataFrame:
    rows = [(source, *xy) for source, xy in at.items()]
    return pd.DataFrame(rows, columns=["source", "likeness", "expected"])


@pytest.mark.parametrize(("at", "pairs", "compared"), [
    ({"a": (1, 0), "b": (5, 3)}, (), 1),
    ({"a": (1, 3), "b": (5, 0)}, (("b", "a"),), 1),
    ({"a": (1, 3), "b": (1, 0)}, (), 0),
    ({"a": (1, 3), "b": (2, 3)}, (), 0),
    ({"a": (4, 1), "b": (2, 2), "c": (1, 3)}, (("a", "c"), ("a", "b"), ("b", "c")), 3),
    ({"a": (4, 1)}, (), 0),
])  # fmt: skip
def test_opposed_pairs_are_those_where_the_more_similar_is_expected_to_be_worse(at, pairs, compared):
    assert (opposed(points(**at)).opposed, opposed(points(**at)).compared) == (pairs, compared)


def test_by_person_counts_each_for_oneself():
    judged = pd.concat([points(a=(1, 3), b=(5, 0)).assign(person="1"), points(a=(1, 0), b=(5, 3)).assign(person="2")])
    assert by_person(judged).compared == 2 and by_person(judged).opposed == (("b", "a"),)
    assert opposed(mean_of(judged)).compared == 0  # the means are equal


def probe(**rows: tuple) -> pd.DataFrame:
    columns = ["candidate", "architecture", "value", "low", "high", "verdict"]
    return pd.DataFrame([(name, *row) for name, row in rows.items()], columns=columns)


def test_measured_gains_compare_within_an_architecture_and_one_data_set_each():
    frame = probe(
        base=("r50", 0.80, 0.77, 0.84, "reliable"), rad=("r50", 0.85, 0.81, 0.88, "reliable"),
        other=("vit", 0.90, 0.89, 0.91, "reliable"), both=("r50", 0.95, 0.94, 0.96, "reliable"),
        noise=("r50", 0.50, 0.40, 0.60, "not meaningful here"), failed=("r50", np.nan, np.nan, np.nan, ""),
        unknown=("r50", 0.9, 0.8, 0.95, "reliable"),
    )  # fmt: skip
    behind = {"base": [IMAGENET], "rad": [RAD], "other": [LARGE], "both": [RAD, IMAGENET], "noise": [CHEST],
              "failed": [TISSUE], "unknown": []}  # fmt: skip
    (row,) = measured_gains(frame, behind, IMAGENET).to_dict("records")
    assert (row["source"], row["candidate"], row["against"]) == (RAD, "rad", "base")
    # square and add: 5 - hypot(85 - 81, 84 - 80), 5 + hypot(88 - 85, 80 - 77), in AUC points
    assert (row["value"], row["low"], row["high"]) == pytest.approx((5, 5 - 32**0.5, 5 + 18**0.5))
    assert measured_gains(frame, behind, CHEST).empty


def test_covering_counts_ranges_that_hold_what_was_measured():
    expected = answers_to(five_people(), "gain")
    measured = pd.DataFrame({"source": [RAD, "ecoset"], "value": [2.5, 1.0]})
    assert covering(expected, measured) == (3, 5)  # A 2 to 10, B 1 to 8, E -1 to 3
    assert covering(expected, measured.iloc[:0]) == (0, 0)


def test_charts_draw_every_source_with_its_kind_and_the_opposed_pairs_as_lines():
    frame = pd.DataFrame({
        "source": ["a", "a", "b"], "who": ["1", "2", "probe"], "kind": [BEFORE, AFTER, MEASURED],
        "value": [1.0, 2, 3], "low": [0.0, 1, 2], "high": [2.0, 3, 4],
    })  # fmt: skip
    drawn = expectation_chart(frame, "points").to_dict()
    assert drawn["layer"][-1]["encoding"]["color"]["scale"]["domain"] == [BEFORE, AFTER, MEASURED]
    judged = points(a=(1, 3), b=(5, 0)).assign(person="1")
    lines = pd.DataFrame({"likeness": [5.0], "expected": [0.0], "to_likeness": [1.0], "to_expected": [3.0]})
    likeness = likeness_chart(judged, mean_of(judged), lines, "x", "y")
    assert [layer["mark"]["type"] for layer in likeness.to_dict()["layer"]] == ["rule", "point", "point", "text"]
    for chart in (expectation_chart(frame, "points"), likeness):
        assert svg(chart).startswith("<svg")
