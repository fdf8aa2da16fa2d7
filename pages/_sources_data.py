"""The sources page: the catalogue of source data sets."""

import streamlit as st

from pages import _state


def show_data_sets(current: _state.View) -> None:
    """Find and compare source data sets."""
    st.caption("The catalogue.")
