"""What do we believe, before we look?"""

import streamlit as st

from pages import _state
from pages._intuition_experiments import show_experiments
from pages._intuition_meeting import show_meeting
from pages._intuition_team import show_team

VIEWS = {"The team": show_team, "Meeting": show_meeting, "Try it out": show_experiments}

current = _state.view()
st.title("What do we believe, before we look?")
_state.require_target(current)
view = st.segmented_control(
    "View", list(VIEWS), default="The team", required=True, key="intuition_view", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip
VIEWS[view](current)
