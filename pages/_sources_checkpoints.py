"""The sources page: checkpoints, registered and checked."""

import streamlit as st

from core.checking import torch_installed
from pages import _state
from pages._sources_form import choose_kind, show_registration
from pages._sources_import import show_exchange
from pages._sources_list import show_candidates
from pages._sources_tags import show_tags


def show_checkpoints(current: _state.View) -> None:
    """The candidates of the project, and the ways to register more."""
    st.markdown(
        "A candidate is a checkpoint: an architecture, its weights, and the preprocessing that they were trained with. "
        "Each one is loaded and tried on this machine before it counts."
    )
    if current.project is None:
        st.info("There is no project yet. Candidates belong to one.")
        st.page_link("overview.py", label="Open the demo project, or make a new one", icon=":material/home:")
        return
    if not torch_installed():
        st.info(
            "PyTorch and timm are not installed here, so checkpoints are registered without being checked, "
            "and nothing new can be scored. The README has the install lines."
        )
    show_candidates(current)
    if choose_kind() == "timm":  # a wide table, so the import comes below it
        show_tags(current)
        show_exchange(current)
    else:
        left, right = st.columns([2, 1], gap="large")
        with left:
            show_registration(current)
        with right:
            show_exchange(current)
