"""What could we start from, what is in it, may and can we use it?"""

import streamlit as st

from pages import _state
from pages._sources_checkpoints import show_checkpoints
from pages._sources_data import show_data_sets
from pages._sources_leakage import show_leakage
from pages._sources_samples import show_samples
from pages._sources_shortlist import show_shortlist
from pages._words import show_words

VIEWS = {
    "Data sets": show_data_sets,
    "Samples": show_samples,
    "Leakage": show_leakage,
    "Shortlist": show_shortlist,
    "Checkpoints": show_checkpoints,
}

current = _state.view()
st.title("What could we start from, what is in it, may and can we use it?")
st.session_state.update(st.session_state.pop("sources_next", {}))
first = "Checkpoints" if current.candidates else "Data sets"
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    view = st.segmented_control(
        "View", list(VIEWS), default=None if "sources_view" in st.session_state else first, required=True,
        key="sources_view", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    show_words(f"sources/{view}")
VIEWS[view](current)
