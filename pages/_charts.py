"""Charts that are kept between reruns: Altair takes longer to build one than a browser to draw it."""

from collections.abc import Callable

import altair as alt
import streamlit as st


def spec_of(draw: Callable[..., alt.TopLevelMixin], *values) -> dict:
    """What `draw(*values)` draws, for `st.vega_lite_chart`; `values` are plain, arrays or frames."""
    return _spec(f"{draw.__module__}.{draw.__name__}", draw, *values)


@st.cache_data(max_entries=128, show_spinner=False)
def _spec(name: str, _draw: Callable, *values) -> dict:
    return _draw(*values).to_dict()
