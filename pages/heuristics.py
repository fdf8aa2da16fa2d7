"""What do practitioners go by, and when does it mislead?"""

import streamlit as st

from pages import _state
from pages._heuristics_cards import show_cards
from pages._heuristics_cases import show_cases
from pages._heuristics_quiz import show_quiz
from pages._words import show_words

VIEWS = {"Cards": show_cards, "Case studies": show_cases, "Guess the source": show_quiz}

st.title("What do practitioners go by, and when does it mislead?")
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    view = st.segmented_control(
        "View", list(VIEWS), default="Cards", required=True, key="heuristics_view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    show_words(f"heuristics/{view}")
VIEWS[view](_state.view())
