"""Failure signatures: sentences that mention them, and as many that must not raise an alarm."""

from datetime import datetime

import pytest

from core.sources.shortlist import IN, OPEN, OUT, Step
from core.survey.heuristics import shipped
from core.survey.instrument import Answer
from core.survey.responses import Response
from core.survey.signatures import DOMAIN_GAP, DRIFT, HABIT, argues_by_custom, argues_by_likeness, find_signatures

NOON = datetime(2026, 11, 22, 12)
SOURCES = ("imagenet_1k", "radimagenet", "chexpert", "ecoset", "dtd")


def response(person: str, *answers: Answer, revision: int = 1) -> Response:
    return Response(person, "long", "sourcescout 1", SOURCES, True, revision, NOON, answers)


def reason(person: str, text: str, revision: int = 1) -> Response:
    return response(person, Answer("reason", "", text), revision=revision)


def step(text: str, verdict: str = OUT, source: str = "") -> Step:
    return Step(source or text, verdict, "other", text, NOON)


def found(responses=(), steps=(), notes="", pretrained_on=None) -> list:
    return find_signatures(list(responses), list(steps), notes, pretrained_on or {})


def keys(**given) -> list[str]:
    return [one.signature.key for one in found(**given)]


def test_signatures_of_the_summary_are_told_apart_from_ours_and_each_has_cited_evidence():
    told = shipped().signatures
    assert {key: one.says.kind for key, one in told.items()} == {
        DOMAIN_GAP: "secondary", DRIFT: "secondary", HABIT: "ours",
    }  # fmt: skip
    for one in told.values():
        assert one.instead and one.evidence and one.card in {card.key for card in shipped().cards}
        assert all(len(figure.citation) > 10 for figure in one.evidence)


@pytest.mark.parametrize(
    ("text", "alarm"),
    [
        ("The domain gap is small.", True),
        ("Small domain shift", True),
        ("It is closer to our images.", True),
        ("More similar to the target", True),
        ("The images look alike.", True),
        ("Same modality.", True),
        ("It matches the target's domain", True),
        ("Too different from ultrasound", True),
        ("In-domain, so the best", True),
        ("", False),
        ("Worth a closer look", False),
        ("Close to the deadline? No: it has patient numbers", False),
        ("It closed the ticket", False),
        ("Similar images, and it scored best in our experiment", False),
        ("Similar, and it has cleaner labels", False),
        ("Closer, but keep ImageNet as the baseline", False),
        ("The domain gap does not matter", False),
        ("The domain gap doesn't really count here", False),
        ("Despite the domain gap", False),
        ("Similarity is no guarantee", False),
        ("Many images and many classes", False),
        ("The licence allows it", False),
    ],
)
def test_likeness_as_the_only_ground(text, alarm):
    assert argues_by_likeness(text) == alarm
    assert (DOMAIN_GAP in keys(responses=[reason("Rater A", text)] if text else [])) == alarm


@pytest.mark.parametrize(
    ("text", "alarm"),
    [
        ("Everyone uses it.", True),
        ("We always use ImageNet", True),
        ("It is the default", True),
        ("It is at hand", True),
        ("The most popular weights", True),
        ("Easy to load", True),
        ("The usual baseline", False),
        ("Everyone uses it, and it scored best", False),
        ("The standard deviation is small", False),
        ("Custom is no reason", False),
        ("Easily confused with ours", False),
        ("Available under a free licence", False),
        ("It is at hand and looks similar", False),  # likeness is a ground of another kind
        ("", False),
    ],
)
def test_custom_or_ease_as_the_only_ground(text, alarm):
    assert argues_by_custom(text) == alarm
    assert (HABIT in keys(steps=[step(text, IN)])) == alarm


@pytest.mark.parametrize(
    ("ticked", "expected"),
    [
        ("community", [HABIT]),
        ("community;availability", [HABIT]),
        ("availability;size", []),
        ("domain", [DOMAIN_GAP]),
        ("domain;label_quality", []),
        ("cannot judge", []),
    ],
)
def test_what_was_ticked_alone(ticked, expected):
    assert keys(responses=[response("Rater A", Answer("reasons", "", ticked))]) == expected


def judged(gains: list[str], grades: list[str]) -> Response:
    answers = [Answer("gain", source, gain) for source, gain in zip(SOURCES[1:], gains, strict=True)]
    answers += [Answer("visual", source, grade) for source, grade in zip(SOURCES[1:], grades, strict=True)]
    return response("Rater A", *answers)


@pytest.mark.parametrize(
    ("gains", "grades", "alarm"),
    [
        (["-2", "0", "1", "3"], ["1", "2", "4", "5"], True),
        (["-2", "0", "1", "3"], ["1", "2", "2", "5"], True),  # one grade for two of them
        (["-2", "1", "0", "3"], ["1", "2", "4", "5"], False),
        (["0", "0", "1", "3"], ["1", "2", "4", "5"], False),  # two grades, one gain
        (["-2", "0", "1", "3"], ["1", "1", "1", "5"], False),  # too few grades to follow
        (["-2", "0", "1", "cannot judge"], ["1", "2", "4", "5"], False),  # too few sources
        (["3", "1", "0", "-2"], ["1", "2", "4", "5"], False),  # the farther the better
    ],
)
def test_expected_gains_that_follow_likeness_exactly(gains, grades, alarm):
    got = found(responses=[judged(gains, grades)])
    assert [one.signature.key for one in got] == [DOMAIN_GAP] * alarm
    assert not alarm or "in looks" in got[0].quotes[0].text


def test_a_word_that_two_people_use_for_different_measurable_things():
    colour = reason("Rater A", "Visual similarity: the same colours, and it scored well")
    texture = reason("Rater B", "No visual similarity, its texture is finer, and the AUC was poor")
    (drift,) = found(responses=[colour, texture])
    assert drift.signature.key == DRIFT and "“visual similarity”" in drift.because
    assert [quote.who for quote in drift.quotes] == ["Rater A", "Rater B"]
    assert "colour and intensity in one place" in drift.because.replace("accuracy after training and ", "")


def test_a_word_with_one_meaning_or_one_author_does_not_drift():
    assert (
        keys(responses=[reason("Rater A", "size: 900 patients"), reason("Rater B", "few patients, small size")]) == []
    )
    assert keys(steps=[step("size: 900 patients"), step("its size in pixels")]) == []
    assert keys(responses=[reason("Rater A", "Its size: 900 patients")]) == []


def test_a_word_that_nowhere_says_what_is_measured():
    got = found(steps=[step("great diversity, best scores")], notes="We lack diversity.")
    assert [one.signature.key for one in got] == [DRIFT]
    assert "“diversity” is used 2 times" in got[0].because
    assert {quote.who for quote in got[0].quotes} == {"Shortlist", "Notes of the target"}
    assert keys(steps=[step("great diversity of hospitals")], notes="We lack diversity.") == []
    assert keys(notes="We lack diversity.") == []


@pytest.mark.parametrize(
    ("pretrained_on", "alarm"),
    [
        ({}, False),
        ({"control": ()}, False),
        ({"a": ("imagenet_1k",), "control": ()}, True),
        ({"a": ("imagenet_1k",), "b": ("imagenet_21k", "imagenet_1k")}, True),
        ({"a": ("imagenet_1k",), "b": ("radimagenet",)}, False),
        ({"a": ("imagenet_1k", "chexpert")}, False),
    ],
)
def test_only_imagenet_among_the_candidates(pretrained_on, alarm):
    assert keys(pretrained_on=pretrained_on) == [HABIT] * alarm


def test_only_the_last_revision_of_a_person_counts_and_a_text_only_once():
    old, new = reason("Rater A", "Small domain gap"), reason("Rater A", "It scored best", revision=2)
    assert keys(responses=[old, new]) == []
    (one,) = found(steps=[step("Closer to the target", OUT, source) for source in SOURCES])
    assert len(one.quotes) == 1


def test_a_decision_that_was_taken_back_is_not_quoted():
    assert keys(steps=[step("Everyone uses it", IN, "dtd"), step("undone", OPEN, "dtd")]) == []
    assert keys(steps=[step("Everyone uses it", IN, "dtd"), step("it scored best", IN, "dtd")]) == []
