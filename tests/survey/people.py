"""Responses for tests: what a few people say of sources."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from core.survey.instrument import CANNOT_JUDGE, LONG, ORDER, POINTS, SCALE, SHORT, Answer, shipped
from core.survey.responses import Response

SOURCES = ("imagenet_1k", "radimagenet", "nct_crc_he_100k", "chexpert", "imagenet_21k")
WHEN = datetime(2026, 3, 4, 5, 6)


def a_response(
    person: str, order: Sequence[str] = SOURCES, gains: Mapping[str, str] | None = None, form: str = SHORT,
    shown: Sequence[str] = (), blinded: bool = True, revision: int = 1, reason: str = "",
    scales: Mapping[str, Mapping[str, str]] | None = None,
) -> Response:  # fmt: skip
    """A complete response to the shipped questions. `order` is best first, `gains` "value low high" by source,
    `scales` a grade by question and source; what is not told cannot be judged."""
    asked, sources, answers = shipped(), tuple(shown or order), []
    for question in asked.of_form(form):
        if question.optional:
            continue
        for source in asked.asked_of(question, sources):
            told = [CANNOT_JUDGE]
            if question.kind == ORDER:
                told = [str(order.index(source) + 1)] if source in order else told
            elif question.kind == POINTS:
                told = (gains or {}).get(source, "").split() or told
            elif question.kind == SCALE and question.per_source:
                told = [(scales or {}).get(question.key, {}).get(source, CANNOT_JUDGE)]
            elif question.kind == SCALE:
                told = ["3"]
            answers.append(Answer(question.key, source, *told))
    if reason:
        answers.append(Answer("reason", "", reason))
    return Response(person, form, asked.name, sources, blinded, revision, WHEN, tuple(answers))


def five_people() -> list[Response]:
    """Five people over SOURCES: they split on radimagenet, in place and in gain; two filled in the long form."""
    imagenet, rad, tissue, chest, large = SOURCES
    similar = {"visual": {imagenet: "1", rad: "5", tissue: "2", chest: "4", large: "1"}}
    return [
        a_response("Rater A", [rad, chest, imagenet, large, tissue], {rad: "6 2 10", chest: "2 0 4", tissue: "-1 -3 1"},
                   LONG, reason="The domain gap is small", scales=similar),
        a_response("Rater B", [rad, imagenet, chest, large, tissue], {rad: "5 1 8", chest: "1 -2 3", tissue: "0 -2 2"}),
        a_response("Rater C", [imagenet, large, chest, tissue, rad], {rad: "-5 -9 -1", large: "3 1 4"}, LONG,
                   reason="=works everywhere", scales=similar),
        a_response("Rater D", [large, imagenet, chest, tissue, rad], {rad: "-2 -4 0.5", large: "4 2 6"}, blinded=False),
        a_response("Rater E", [imagenet, rad, chest, large, tissue], {rad: "1 -1 3"}),
    ]  # fmt: skip
