"""The intuition page, view *Your answer*: consent, the form with its draft, and what was submitted."""

from dataclasses import replace

import streamlit as st

from core.errors import SurveyError
from core.store import Inquiry
from core.survey.draft import Draft, begin, from_response, read_draft, refit, whole
from core.survey.instrument import (
    ABOUT,
    FEWEST_SOURCES,
    LONG,
    SHORT,
    Answer,
    QuestionSet,
    check_answers,
    missing,
)
from core.survey.responses import Response
from pages import _state
from pages._cover import COURTESY, skip_button
from pages._intuition_asked import asked_in, inquiry_of, names_of, show_asked, show_opening, show_sources
from pages._intuition_own import show_own
from pages._intuition_person import ask_code, show_passing_on, show_who
from pages._intuition_questions import Sheet, ask
from pages._text import plain


def show_form(current: _state.View) -> None:
    """What who sits here believes about the target in view: consent, form, or the answers."""
    show_who()
    inquiry = inquiry_of(current)
    asked = asked_in(inquiry)
    draft = read_draft(_state.store().draft(current.target_id, _state.me()))
    own = _state.store().responses(current.target_id, _state.me())
    if draft and draft.asked == asked.name:
        _show_draft(current, asked, _refitted(current, draft, asked, inquiry))
    elif own and not draft and own[-1].asked == asked.name:
        _show_submitted(current, own, asked, inquiry)
    elif len(inquiry.sources) < FEWEST_SOURCES:
        st.info(f"Choose at least {FEWEST_SOURCES} sources to be asked about.")
    else:
        _ask_consent(current, asked, inquiry, draft or (from_response(own[-1]) if own else None))
    show_asked(current, inquiry)
    with st.expander("Another person answers here", icon=":material/group:"):
        show_passing_on()
        ask_code()


def _ask_consent(current: _state.View, asked: QuestionSet, inquiry: Inquiry, earlier: Draft | None) -> None:
    with st.container(border=True):
        if earlier:
            st.markdown("**The questions are others than those that you answered.** What fits them is kept.")
        st.markdown(asked.consent)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("I agree, begin", type="primary", icon=":material/edit_note:"):
                _begin(current, asked, inquiry, earlier)
            if _state.covered(current):
                skip_button(current)
            show_opening(current, inquiry)
        if _state.covered(current):
            st.caption(f"Similarity, scores and evidence are covered until you have answered or skipped. {COURTESY}")
        else:
            st.caption(_why_open(current, inquiry))


def _why_open(current: _state.View, inquiry: Inquiry) -> str:
    if current.project.synthetic:
        why = "On synthetic data the evidence is never covered"
    else:
        why = "The evidence is open to everybody" if inquiry.opened else "You can see the evidence already"
    return f"{why}: what you answer is recorded as not blinded."


def _begin(current: _state.View, asked: QuestionSet, inquiry: Inquiry, earlier: Draft | None) -> None:
    """Begin a draft, and hold on to what is asked: for others it is the same from now on."""
    if _state.store().inquiry(current.target_id) != inquiry:
        _state.store().save_inquiry(current.target_id, inquiry)
    new = begin(asked, inquiry.sources, _state.me(), current.target_id)
    _keep(current, refit(earlier, asked, inquiry.sources) if earlier else new)
    st.rerun()


def _refitted(current: _state.View, draft: Draft, asked: QuestionSet, inquiry: Inquiry) -> Draft:
    """The draft for the sources that are asked about now."""
    fitting = refit(draft, asked, inquiry.sources)
    if fitting != draft:
        _keep(current, fitting)
        st.toast("The list of sources was changed. Please order it anew; the other answers are kept.")
    return fitting


def _show_draft(current: _state.View, asked: QuestionSet, draft: Draft) -> None:
    sheet = Sheet(asked, draft, names_of(draft.sources))
    st.markdown(f"For the target **{plain(current.task.name)}**:")
    show_sources(draft.sources)
    with st.container(border=True):
        answers: list[Answer] = []
        for question in asked.questions.values():
            if question.form == SHORT:
                answers += ask(sheet, question, answers)
    long = st.toggle("Ask me more: the long form", draft.form == LONG, key=f"belief_{draft.id}_long",
                     help="A few minutes more. What you answer there is sent only with the long form.")  # fmt: skip
    if long:
        for question in asked.questions.values():
            if question.form == LONG:
                with st.container(border=True):
                    answers += ask(sheet, question, answers)
    else:
        answers += [one for one in draft.answers if asked.questions[one.question].form == LONG]
    if about := [question for question in asked.questions.values() if question.form == ABOUT]:
        with st.expander("About you (optional)"):
            answers += [one for question in about for one in ask(sheet, question)]
    now = replace(draft, form=LONG if long else SHORT, answers=tuple(answers))
    if now != draft:
        _keep(current, now)
    revised = bool(_state.store().responses(current.target_id, _state.me()))
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Submit", type="primary", icon=":material/send:")
        if revised and st.button("Leave it as it was", help="Drops this draft; what you submitted stays."):
            _state.store().remove_draft(current.target_id, _state.me())
            st.rerun()
        st.caption(":material/cloud_done: Draft saved", width="content")
    if pressed:
        _submit(current, sheet, now, revised)


def _submit(current: _state.View, sheet: Sheet, draft: Draft, revised: bool) -> None:
    """Submit the draft if it lacks nothing; else say what."""
    answers = whole(sheet.asked, draft.form, draft.answers)
    if lacking := missing(sheet.asked, draft.form, draft.sources, answers):
        st.warning("Not yet answered; *cannot judge* is an answer, too. Your draft is kept.\n\n"
                   + _by_question(sheet, lacking), icon=":material/playlist_add_check:")  # fmt: skip
        return
    try:
        check_answers(sheet.asked, draft.sources, answers)
    except SurveyError as error:
        _state.show_error(error)
        return
    response = Response("", draft.form, sheet.asked.name, draft.sources, _state.covered(current), 0, None, answers)
    _state.store().submit(current.target_id, _state.me(), response)
    st.toast("Changed; your earlier answers are kept, too." if revised else "Thank you: your answers are in.")
    st.rerun()


def _by_question(sheet: Sheet, lacking: list[tuple[str, str]]) -> str:
    lines = []
    for key in dict.fromkeys(key for key, _ in lacking):
        sources = [sheet.names[source] for question, source in lacking if question == key and source]
        lines.append(
            f"- {plain(sheet.asked.questions[key].asks)}" + (f" {plain(', '.join(sources))}" if sources else "")
        )
    return "\n".join(lines)


def _show_submitted(current: _state.View, own: list[Response], asked: QuestionSet, inquiry: Inquiry) -> None:
    if show_own(current, own):
        _keep(current, refit(from_response(own[-1]), asked, inquiry.sources))
        st.rerun()
    if set(own[-1].sources) != set(inquiry.sources):
        st.info(
            "The team has changed the list of sources since you answered. *Change my answers* asks about the new one.",
            icon=":material/history:",
        )
    show_opening(current, inquiry)


def _keep(current: _state.View, draft: Draft) -> None:
    _state.store().save_draft(current.target_id, _state.me(), draft.as_dict())
