"""Drafts: an order by chance that stays, and what is carried over when something else is asked."""

import json
from dataclasses import replace

from core.survey.draft import begin, from_response, read_draft, refit, whole
from core.survey.instrument import CANNOT_JUDGE, LONG, SHORT, Answer, shipped
from core.survey.responses import Response

SOURCES = ("ecoset", "imagenet_1k", "radimagenet", "places365")
ANSWERS = (
    *(Answer("order", source, str(place)) for place, source in enumerate(SOURCES, 1)),
    Answer("gain", "ecoset", "1", "0", "2"),
    Answer("gain", "radimagenet", "", "-3", ""),
    Answer("gain", "places365", CANNOT_JUDGE),
    Answer("confidence", "", "2"),
    Answer("visual", "ecoset", "4"),
)
DRAFT = replace(begin(shipped(), SOURCES, "person", "target"), answers=ANSWERS)


def test_a_draft_comes_back_as_it_was():
    assert read_draft(json.loads(json.dumps(DRAFT.as_dict()))) == DRAFT
    assert read_draft({}) is None


def test_the_order_is_by_chance_and_the_same_for_a_person_and_target():
    shown = [begin(shipped(), SOURCES, f"person {i}", "target").sources for i in range(50)]
    assert len(set(shown)) > 10 and all(set(one) == set(SOURCES) for one in shown)
    assert begin(shipped(), SOURCES[::-1], "person 7", "target").sources == shown[7]
    assert len({begin(shipped(), SOURCES, "person", f"target {i}").sources for i in range(50)}) > 10


def test_only_whole_answers_of_the_form_count():
    short = whole(shipped(), SHORT, ANSWERS)
    assert ANSWERS[5] not in short and {one.question for one in short} == {"order", "gain", "confidence"}
    assert ANSWERS[-1] in whole(shipped(), LONG, ANSWERS)


def test_a_draft_that_fits_stays_and_another_order_of_the_list_is_no_change():
    assert refit(DRAFT, shipped(), SOURCES[::-1]) is DRAFT


def test_another_list_takes_the_order_and_what_was_said_of_what_is_gone():
    found = refit(DRAFT, shipped(), ("imagenet_1k", "ecoset", "cifar10"))
    assert (
        found.id != DRAFT.id and set(found.sources[:2]) == {"imagenet_1k", "ecoset"} and found.sources[2] == "cifar10"
    )
    assert found.answers == (ANSWERS[4], ANSWERS[7], ANSWERS[8])


def test_other_questions_keep_what_fits_them():
    asked = shipped()
    fewer = {key: one for key, one in asked.questions.items() if key != "gain"}
    found = refit(DRAFT, replace(asked, version=2, questions=fewer), SOURCES)
    assert found.asked == f"{asked.key} 2" and found.sources == DRAFT.sources
    assert found.answers == (*ANSWERS[:4], *ANSWERS[7:])


def test_a_submission_can_be_changed_from_what_it_says():
    response = Response("Rater A", LONG, shipped().name, SOURCES, True, 1, None, ANSWERS)
    found = from_response(response)
    assert (found.form, found.sources, found.answers) == (LONG, SOURCES, ANSWERS)
