"""The cover over similarity, scores and evidence, for who has not yet written down what they expect."""

import streamlit as st

from pages import _state

COURTESY = "Covering is a courtesy, not access control: it keeps what you believe yours."


def stop_if_covered(current: _state.View, what: str) -> None:
    """While the evidence is covered for who sits here: say so, offer both ways on, and stop the page."""
    if not _state.covered(current):
        return
    with st.container(border=True):
        st.markdown(
            f"**{what} stays covered until you have written down what you expect.** The short form is made for less "
            "than 90 seconds; afterwards you see both, side by side. Once the numbers are seen, nobody remembers what "
            "they expected before."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("intuition.py", label="Write it down", icon=":material/psychology:")
            skip_button(current)
        st.caption(COURTESY)
    st.stop()


def skip_button(current: _state.View) -> None:
    """Look without having written anything down."""
    if st.button(
        "Skip and look", icon=":material/visibility:", help="Recorded as not blinded: what you write later is kept, too"
    ):
        _state.store().skip(current.target_id, _state.me())
        st.rerun()
