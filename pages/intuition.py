"""What do we believe, before we look?"""

import streamlit as st

from pages import _state
from pages._intuition_form import show_form

VIEWS = {"Your answer": show_form}

current = _state.view()
st.title("What do we believe, before we look?")
_state.require_target(current)
view = st.segmented_control(
    "View", list(VIEWS), default="Your answer", required=True, key="intuition_view", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip
VIEWS[view](current)
