"""The intuition page: whose answers these are, by a private code, and how a laptop is passed on."""

import streamlit as st

from core.errors import SurveyError
from core.survey.responses import is_code
from pages import _state


def show_who() -> None:
    """Where several people use this browser: who the one is that the page speaks to."""
    if not _state.is_first_person():
        st.info(f"You are the person with the private code **{_state.my_code()}**. Nothing of the one before is shown.",
                icon=":material/person:")  # fmt: skip


def show_code() -> None:
    """The private code, to be copied."""
    st.markdown("**Your private code.** Only it finds your answers again, on any browser that reaches this "
                "SourceScout. Note it down.")  # fmt: skip
    st.code(_state.my_code(), language=None)


def show_passing_on() -> None:
    """Give the next person an empty form, after the code of the one before was shown."""
    show_code()
    if st.button("I have noted it: next person", icon=":material/person_add:",
                 help="An empty form under a new private code; a reload does not bring yours back."):  # fmt: skip
        _state.pass_on()
        st.rerun()


def ask_code() -> None:
    """Enter a private code, for this tab."""
    with st.form("person_enter", border=False):
        code = st.text_input("I have a code", placeholder="XXXX-XXXX-XXXX", max_chars=20,
                             help="Yours holds in this tab until it is closed or loaded again.")  # fmt: skip
        sent = st.form_submit_button("Use this code", icon=":material/key:")
    if not sent:
        return
    if not is_code(code):
        _state.show_error(
            SurveyError("This is no private code.", "It has twelve letters and digits; no 0, O, 1, I, L.")
        )
        return
    _state.enter_code(code)
    st.rerun()
