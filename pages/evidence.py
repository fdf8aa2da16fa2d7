"""What was each measure worth where the truth is known?"""

import streamlit as st

from pages import _state
from pages._cover import stop_if_covered
from pages._evidence_outcomes import show_outcomes
from pages._evidence_track import show_track_record
from pages._words import show_words

VIEWS = {"Outcomes": show_outcomes, "Track record": show_track_record}

st.title("What was each measure worth where the truth is known?")
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    view = st.segmented_control(
        "View", list(VIEWS), default="Outcomes", required=True, key="evidence_view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    show_words(f"evidence/{view}")
stop_if_covered(_state.view(), "What published evidence says")
VIEWS[view]()
