"""Question sets go out and come in again as they were; answers that do not fit are refused, one by one."""

import tomllib
from dataclasses import replace

import pytest
import tomli_w

from core.errors import SurveyError
from core.survey.instrument import (
    CANNOT_JUDGE,
    LONG,
    LONGEST_TEXT,
    SHORT,
    Answer,
    check_answers,
    dump_questions,
    missing,
    parse_questions,
    shipped,
)

SOURCES = ("ecoset", "imagenet_1k", "radimagenet")
PLACES = [Answer("order", source, str(place)) for place, source in enumerate(SOURCES, 1)]
GAINS = [Answer("gain", "ecoset", "1", "-1", "2.5"), Answer("gain", "radimagenet", CANNOT_JUDGE)]
WHOLE = [*PLACES, *GAINS, Answer("confidence", "", "3")]


def changed(**parts) -> str:
    """The shipped set with other parts; those of its first scale under `scale`, of its points under `points`, and of
    its last question under `last`."""
    content = tomllib.loads(dump_questions(shipped()))
    scale = next(one for one in content["question"] if one["kind"] == "scale")
    points = next(one for one in content["question"] if one["kind"] == "points")
    for name, entry in (("scale", scale), ("points", points), ("last", content["question"][-1])):
        entry.update(parts.pop(name, {}))
    return tomli_w.dumps(content | parts)


def test_the_shipped_set_survives_a_round_trip():
    assert parse_questions(dump_questions(shipped())) == shipped()


def test_a_changed_set_is_another_one():
    found = parse_questions(changed(version=2, title="Ours", scale={"anchors": ["low", "high"]}))
    assert found.name == f"{shipped().key} 2" and found.questions["confidence"].anchors == ("low", "high")
    assert parse_questions(dump_questions(found)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("key = [", "TOML"),
        ('key = "a"', "lacks a part"),
        (changed(colour="red"), "unknown one"),
        (changed(last={"colour": "red"}), "unknown one"),
        (changed(version=0), "no whole number"),
        (changed(version=True), "no whole number"),
        (changed(version="2"), "no whole number"),
        (changed(consent="  "), "no text for consent"),
        (changed(last={"asks": ""}), "no text for asks of role"),
        (changed(last={"key": "order"}), "Several questions are called order"),
        (changed(last={"kind": "order", "per_source": True}), "several questions of the kind `order`"),
        (changed(last={"kind": "guess"}), "has the kind 'guess'"),
        (changed(last={"form": "medium"}), "has the form 'medium'"),
        (changed(last={"options": {}}), "has no options"),
        (changed(last={"options": {"a;b": "c"}}), "a reserved key"),
        (changed(last={"options": {CANNOT_JUDGE: "c"}}), "a reserved key"),
        (changed(scale={"anchors": ["one"]}), "no two anchors"),
        (changed(points={"low": 1}), "no limits around 0"),
        (changed(points={"per_source": False}), "not asked of every source"),
    ],
)
def test_a_set_that_cannot_be_asked_is_refused_with_the_reason(text, says):
    with pytest.raises(SurveyError, match=says):
        parse_questions(text)


def test_answers_that_fit_are_taken():
    check_answers(shipped(), SOURCES, WHOLE)
    check_answers(shipped(), SOURCES, [Answer("order", source, CANNOT_JUDGE) for source in SOURCES])
    check_answers(shipped(), SOURCES, [Answer("reasons", "", "size;licence"), Answer("years", "", "2-5")])
    check_answers(shipped(), SOURCES, [Answer("gain", "ecoset", "-20", "-20", "-20"), Answer("reason", "", "size")])


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([Answer("colour", "", "red")], "no question of"),
        ([Answer("confidence", "ecoset", "3")], "not asked of `ecoset`"),
        ([Answer("order", "", "1")], "not asked of ``"),
        ([Answer("order", "cifar10", "1")], "not asked of `cifar10`"),
        ([Answer("gain", "imagenet_1k", "1", "0", "2")], "not asked of `imagenet_1k`"),
        ([Answer("confidence", "", "6")], "is '6'"),
        ([Answer("confidence", "", "3.0")], "is '3.0'"),
        ([Answer("confidence", "", "")], "is ''"),
        ([Answer("confidence", "", "3"), Answer("confidence", "", "4")], "more than once"),
        ([Answer("years", "", "many")], "is 'many'"),
        ([Answer("reasons", "", "size;taste")], "is 'size;taste'"),
        ([Answer("reason", "", "")], "empty or too long"),
        ([Answer("reason", "", "x" * (LONGEST_TEXT + 1))], "empty or too long"),
        ([Answer("gain", "ecoset", "3", "0", "2")], "is '3' between '0' and '2'"),
        ([Answer("gain", "ecoset", "1", "2", "0")], "is '1'"),
        ([Answer("gain", "ecoset", "1", "0", "21")], "is '1'"),
        ([Answer("gain", "ecoset", "1", "-21", "2")], "is '1'"),
        ([Answer("gain", "ecoset", "1")], "is '1'"),
        ([Answer("gain", "ecoset", "nan", "0", "1")], "is 'nan'"),
        ([Answer("gain", "ecoset", "one", "0", "1")], "is 'one'"),
        ([PLACES[0], Answer("order", "imagenet_1k", "1")], "The places of `order` are 1, 1"),
        ([PLACES[0], Answer("order", "imagenet_1k", "3")], "The places of `order` are 1, 3"),
        ([Answer("order", "ecoset", "first")], "The places of `order` are first"),
    ],
)
def test_every_wrong_answer_is_refused_with_the_reason(answers, says):
    with pytest.raises(SurveyError, match=says):
        check_answers(shipped(), SOURCES, answers)


def test_what_is_missing_is_named_by_question_and_source():
    assert missing(shipped(), SHORT, SOURCES, WHOLE) == []
    nothing = missing(shipped(), SHORT, SOURCES, [])  # neither texts nor what is asked about the person
    assert nothing == [(one.question, one.source) for one in WHOLE if one.question != "gain"]
    assert missing(shipped(), SHORT, SOURCES, WHOLE[1:]) == [("order", "ecoset")]
    gains = [one for one in WHOLE if one.question == "gain"]
    without = [one for one in WHOLE if one not in gains]
    best = min((one for one in PLACES if one.source != shipped().reference), key=lambda one: int(one.value))
    assert missing(shipped(), SHORT, SOURCES, without) == [("gain", best.source)]  # of the others it is optional
    nobody_can_judge = [replace(one, value=CANNOT_JUDGE) if one in PLACES else one for one in without]
    assert missing(shipped(), SHORT, SOURCES, nobody_can_judge) == []
    of_long = {key for key, _ in missing(shipped(), LONG, SOURCES, WHOLE)}
    assert of_long == {"willingness", "performance", "effect", "semantic", "visual", "embedding", "reasons"}
