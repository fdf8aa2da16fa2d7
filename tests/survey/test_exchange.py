"""Answers as a table: out and in without a loss, and wrong rows named."""

import string
from dataclasses import replace
from datetime import datetime

from hypothesis import strategies as st

from core.survey.exchange import LONGEST_NAME
from core.survey.instrument import (
    CANNOT_JUDGE,
    CHOICE,
    CHOICES,
    FORMS,
    GRADES,
    ORDER,
    PARTS,
    POINTS,
    SCALE,
    Answer,
    Question,
    shipped,
)
from core.survey.responses import Response
from tests.survey.people import SOURCES

ASKED = shipped()
SETS = {ASKED.name: ASKED}


def points(question: Question) -> st.SearchStrategy:
    three = st.lists(st.floats(question.low, question.high), min_size=3, max_size=3).map(sorted)
    return three.map(lambda at: (str(at[1]), str(at[0]), str(at[2])))


def value(question: Question) -> st.SearchStrategy:
    """Value, low and high of any answer to a question that is not an order."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
    formulas = st.builds("".join, st.tuples(st.sampled_from(["=", "+", "-", "@", "'", "'=", "\t", "\r"]), texts))
    of_kind = {
        SCALE: st.sampled_from(GRADES),
        CHOICE: st.sampled_from([*question.options, ""]),
        CHOICES: st.lists(st.sampled_from([*question.options, ""]), min_size=1, unique=True).map(PARTS.join),
    }
    if question.kind == POINTS:
        return points(question)
    return of_kind.get(question.kind, texts | formulas).map(lambda text: (text, "", ""))


@st.composite
def responses(draw) -> Response:
    form, sources = draw(st.sampled_from(list(FORMS))), draw(st.permutations(SOURCES))
    answers = []
    for question in ASKED.of_form(form):
        if question.kind == ORDER:
            places = draw(st.permutations(range(1, len(sources) + 1)))
            answers += [Answer(question.key, source, str(at)) for source, at in zip(sources, places, strict=True)]
            continue
        if question.optional and draw(st.booleans()):
            continue
        for source in ASKED.asked_of(question, sources):
            told = ("", "", "")
            if question.options or question.kind != CHOICES:
                told = draw(value(replace(question, options={k: v for k, v in question.options.items() if k})))
            told = told if told[0].strip(PARTS) or not question.options else (CANNOT_JUDGE, "", "")
            told = draw(st.sampled_from([told, (CANNOT_JUDGE, "", "")])) if not question.optional else told
            answers.append(Answer(question.key, source, *told))
    name = draw(st.text(string.ascii_letters + "=+-@' \u00e4,;\"", min_size=1, max_size=LONGEST_NAME).filter(str.strip))
    when = datetime.combine(draw(st.dates(datetime(2000, 1, 1).date())), datetime.min.time())
    return Response(name.strip(), form, ASKED.name, tuple(sources), draw(st.booleans()), draw(st.integers(1, 9)), when,
                    tuple(answers))  # fmt: skip
