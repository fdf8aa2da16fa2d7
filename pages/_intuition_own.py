"""The intuition page: a person's own answers in all revisions, changing them, and withdrawing."""

import pandas as pd
import streamlit as st

from core.survey.instrument import CANNOT_JUDGE, GRADES, PARTS, SCALE, Answer, Question, known_sets
from core.survey.responses import Response
from pages import _state
from pages._intuition_asked import names_of
from pages._intuition_person import show_code
from pages._text import count, plain


def show_own(current: _state.View, own: list[Response]) -> bool:
    """What a person submitted, oldest first; whether they want to change it."""
    st.success("Your answers are in. Similarity and scores are open to you now.", icon=":material/check_circle:")
    show_code()
    for response in reversed(own):
        last = response is own[-1]
        with st.expander(_title(response) + (" (your last)" if last else ""), expanded=False):
            _show_answers(response)
    with st.container(horizontal=True):
        change = st.button("Change my answers", icon=":material/edit:",
                           help="The earlier ones are kept, and the change is seen to come later.")  # fmt: skip
        if st.button("Withdraw", icon=":material/delete_forever:"):
            _withdraw(current, own)
    return change


def _title(response: Response) -> str:
    when = f"{response.submitted:%Y-%m-%d %H:%M} UTC"
    blinded = "before the evidence" if response.blinded else "not blinded"
    return f"Revision {response.revision}, {response.form} form: submitted on {when}, {blinded}"


def _show_answers(response: Response) -> None:
    """Read only: a table of what was asked of every source, and the rest as lines."""
    asked = known_sets(_state.store().question_sets())[response.asked]
    names = names_of(response.sources)
    rows = {source: {"Source": name} for source, name in names.items()}
    for answer in response.answers:
        question = asked.questions[answer.question]
        if answer.source:
            rows[answer.source][question.key.capitalize()] = _text_of(question, answer)
        else:
            st.markdown(f"**{plain(question.asks)}** {plain(_text_of(question, answer))}")
    st.dataframe(pd.DataFrame(rows.values()), hide_index=True, placeholder="", alt="Your answers by source")
    st.caption(f"Questions: {plain(response.asked)}. Sources in the order in which they were shown to you.")


def _text_of(question: Question, answer: Answer) -> str:
    if answer.value == CANNOT_JUDGE:
        return CANNOT_JUDGE
    if answer.low:
        return f"{answer.value} ({answer.low} to {answer.high})"
    if question.options:
        return ", ".join(question.options[key] for key in answer.value.split(PARTS))
    return answer.value + (f" of {len(GRADES)}" if question.kind == SCALE else "")


@st.dialog("Withdraw your answers?")
def _withdraw(current: _state.View, own: list[Response]) -> None:
    st.markdown(
        f"This deletes {count(len(own), 'submission')} on this target, and all else that you answered or began in the "
        f"project *{plain(current.project.name)}*, with your pseudonym. It cannot be undone. Tables that somebody "
        "exported before are out of reach."
    )
    if st.button("Delete all of it", type="primary", icon=":material/delete_forever:"):
        _state.store().withdraw(current.project.id, _state.me())
        _state.pass_on()
        st.toast("Deleted. This browser has a new private code.")
        st.rerun()
