"""The intuition page: one question of any kind, drawn for a draft and read back as answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import SurveyError
from core.survey.draft import Draft
from core.survey.glossary import entry
from core.survey.instrument import (
    ABOUT,
    CANNOT_JUDGE,
    CHOICE,
    CHOICES,
    GRADES,
    LONGEST_TEXT,
    ONCE,
    ORDER,
    PARTS,
    POINTS,
    SCALE,
    TEXT,
    Answer,
    Question,
    QuestionSet,
    check_answer,
)
from pages._rank_list import rank_list
from pages._text import plain
from pages._words import link_to, point_out

STEPS = 80  # between the limits of points
FIELD_WIDTH = 96  # pixels: three of them fit on a phone
POINT_FIELDS = {"low": "At least", "value": "Most likely", "high": "At most"}


@dataclass(frozen=True)
class Sheet:
    """What is asked, what was answered before, and the names of the sources by key."""

    asked: QuestionSet
    draft: Draft
    names: dict[str, str]

    def before(self, question: Question, source: str) -> Answer:
        """What was answered; an empty answer where nothing was."""
        found = (one for one in self.draft.answers if (one.question, one.source) == (question.key, source))
        return next(found, Answer(question.key, source, ""))

    def key(self, question: Question, source: str = ONCE, part: str = "") -> str:
        """Of a widget."""
        return "_".join(filter(None, ("belief", self.draft.id, question.key, source, part)))

    def label(self, question: Question, source: str) -> str:
        return plain(self.names[source] if source else question.asks)


def ask(sheet: Sheet, question: Question, given: Sequence[Answer] = ()) -> list[Answer]:
    """Draw a question of all its sources, and return what is answered; of points, also a part of it. `given` are the
    answers to the questions before."""
    sources = sheet.asked.asked_of(question, sheet.draft.sources)
    st.markdown(f"**{plain(question.asks)}**", help=question.help or None)
    if question.kind == SCALE:
        st.caption("1: {}  ·  5: {}".format(*map(plain, question.anchors)))
    if word := entry(question.word):
        with st.popover(f"What is meant by {word.term}?", icon=":material/menu_book:", type="tertiary"):
            st.markdown(word.definition)
            link_to(word.term)
    if question.kind == ORDER:
        return _ask_order(sheet, question, sources)
    needed = sheet.asked.needed_of(question, sheet.draft.sources, given)
    answers = [ASK[question.kind](sheet, question, source) for source in needed]
    if others := [source for source in sources if source not in needed]:
        if not needed:
            st.caption("It comes here once there is an order.")
        begun = any(sheet.before(question, source) != Answer(question.key, source, "") for source in others)
        with st.expander("The others, if you like" if needed else "All of them, if you like", expanded=begun):
            answers += [ASK[question.kind](sheet, question, source) for source in others]
    return [one for one in answers if one.value or one.low or one.high]


def _ask_order(sheet: Sheet, question: Question, sources: Sequence[str]) -> list[Answer]:
    """The places; none before the order is a person's."""
    places = {source: sheet.before(question, source).value for source in sources}
    key = sheet.key(question, part="unsure")
    unsure = st.session_state.get(key, set(places.values()) == {CANNOT_JUDGE})
    order = [] if unsure else _rank(sheet, question, places)
    st.checkbox(CANNOT_JUDGE.capitalize(), unsure, key=key)
    if unsure:
        return [Answer(question.key, source, CANNOT_JUDGE) for source in sources]
    return [Answer(question.key, source, str(place)) for place, source in enumerate(order, 1)]


def _rank(sheet: Sheet, question: Question, places: dict[str, str]) -> list[str]:
    """The sources, best first. The order shown first is by chance: it is a person's once it was changed, or said to be
    right; [] until then."""
    said = sheet.key(question, part="said")
    answered = all(place.isdigit() for place in places.values())
    shown = sorted(places, key=lambda source: int(places[source])) if answered else list(places)
    names = {source: sheet.names[source] for source in shown}
    order = rank_list(question.asks, names, sheet.key(question), lambda: st.session_state.update({said: True}))
    if answered or order != shown or st.session_state.get(said):
        return order
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Drag, or use the arrows. The order shown is by chance.", width="content")
        st.button(
            "It is my order already", key=sheet.key(question, part="keep"), type="tertiary", icon=":material/check:",
            on_click=lambda: st.session_state.update({said: True}),
        )  # fmt: skip
    return []


def _ask_points(sheet: Sheet, question: Question, source: str) -> Answer:
    before = sheet.before(question, source)
    st.markdown(sheet.label(question, source))
    with st.container(horizontal=True, vertical_alignment="bottom", key=sheet.key(question, source, "row")):
        unsure = st.session_state.get(sheet.key(question, source, "unsure"), before.value == CANNOT_JUDGE)
        given = {
            part: st.number_input(
                label, float(question.low), float(question.high), _number(getattr(before, part)), step=_step(question),
                format="%g", key=sheet.key(question, source, part), width=FIELD_WIDTH, disabled=unsure,
            )
            for part, label in POINT_FIELDS.items()
        }  # fmt: skip
        st.checkbox(CANNOT_JUDGE.capitalize(), unsure, key=sheet.key(question, source, "unsure"))
    if unsure:
        return Answer(question.key, source, CANNOT_JUDGE)
    answer = Answer(question.key, source, **{part: "" if one is None else f"{one:g}" for part, one in given.items()})
    if None not in given.values():
        _say_if_wrong(sheet, answer)
    return answer


def _step(question: Question) -> float:
    return (question.high - question.low) / STEPS


def _number(text: str) -> float | None:
    return float(text) if text not in ("", CANNOT_JUDGE) else None


def _say_if_wrong(sheet: Sheet, answer: Answer) -> None:
    try:
        check_answer(sheet.asked, sheet.draft.sources, answer)
    except SurveyError as error:
        st.caption(f":orange[:material/warning: {plain(error.remedy)}]")


def _ask_scale(sheet: Sheet, question: Question, source: str) -> Answer:
    chosen = st.segmented_control(
        sheet.label(question, source), [*GRADES, CANNOT_JUDGE], default=sheet.before(question, source).value or None,
        key=sheet.key(question, source), label_visibility=_visibility(source),
    )  # fmt: skip
    return Answer(question.key, source, chosen or "")


def _ask_choice(sheet: Sheet, question: Question, source: str) -> Answer:
    wording = _wording(question)
    chosen = st.pills(
        sheet.label(question, source), list(wording), format_func=wording.get,
        default=sheet.before(question, source).value or None, key=sheet.key(question, source),
    )  # fmt: skip
    return Answer(question.key, source, chosen or "")


def _ask_choices(sheet: Sheet, question: Question, source: str) -> Answer:
    wording, before = _wording(question), sheet.before(question, source).value
    chosen = st.pills(
        sheet.label(question, source), list(wording), format_func=wording.get, selection_mode="multi",
        default=before.split(PARTS) if before else None, key=sheet.key(question, source),
    )  # fmt: skip
    return Answer(question.key, source, CANNOT_JUDGE if CANNOT_JUDGE in chosen else PARTS.join(chosen))


def _visibility(source: str) -> str:
    """Of a widget's label: what is asked once stands above it."""
    return "visible" if source else "collapsed"


def _wording(question: Question) -> dict[str, str]:
    unsure = {} if question.form == ABOUT else {CANNOT_JUDGE: CANNOT_JUDGE}
    return question.options | unsure


def _ask_text(sheet: Sheet, question: Question, source: str) -> Answer:
    before, key = sheet.before(question, source).value, sheet.key(question, source)
    unsure = st.session_state.get(f"{key}_unsure", before == CANNOT_JUDGE)
    text = st.text_area(
        sheet.label(question, source), "" if before == CANNOT_JUDGE else before, key=key, height=80, disabled=unsure,
        max_chars=LONGEST_TEXT, label_visibility=_visibility(source),
    ).strip()  # fmt: skip
    if question.form != ABOUT:
        st.checkbox(CANNOT_JUDGE.capitalize(), unsure, key=f"{key}_unsure")
    if unsure:
        return Answer(question.key, source, CANNOT_JUDGE)
    point_out(text)
    return Answer(question.key, source, text)


ASK = {POINTS: _ask_points, SCALE: _ask_scale, CHOICE: _ask_choice, CHOICES: _ask_choices, TEXT: _ask_text}
