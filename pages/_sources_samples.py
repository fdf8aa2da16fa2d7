"""The sources page: the images of a source, where samples of it are at hand."""

import streamlit as st

from pages import _state


def show_samples(current: _state.View) -> None:
    """Browse a folder or .npz of samples."""
    st.caption("Point to a folder or .npz file of samples.")
