"""What do we believe, before we look?"""

import streamlit as st

from pages import _state
from pages._intuition_experiments import show_experiments
from pages._intuition_form import show_form
from pages._intuition_meeting import show_meeting
from pages._intuition_team import show_team
from pages._words import show_words

VIEWS = {"Your answer": show_form, "The team": show_team, "Meeting": show_meeting, "Try it out": show_experiments}

current = _state.view()
st.title("What do we believe, before we look?")
_state.require_target(current)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    view = st.segmented_control(
        "View", list(VIEWS), default="Your answer", required=True, key="intuition_view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    show_words(f"intuition/{view}")
VIEWS[view](current)
