"""The sources page: the shortlist, and why the others are not on it."""

import streamlit as st

from pages import _state


def show_shortlist(current: _state.View) -> None:
    """The funnel that a team fills together."""
    st.caption("The shortlist.")
