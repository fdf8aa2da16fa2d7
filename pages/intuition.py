"""What do we believe, before we look?"""

import streamlit as st

from pages import _state
from pages._intuition_meeting import show_meeting

VIEWS = {"Meeting": show_meeting}

st.title("What do we believe, before we look?")
view = st.segmented_control(
    "View", list(VIEWS), default="Meeting", required=True, key="intuition_view", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip
VIEWS[view](_state.view())
