"""The classes of samples whose file names hold them: a pattern, with what it gives shown while it is typed."""

import pandas as pd
import streamlit as st

from core.errors import SourceScoutError
from core.images.samples import NO_CLASS, Kept, classes_in_names, fitting_patterns, keep_samples, some_names
from pages import _state
from pages._sources_samples_reading import Shown
from pages._text import code, count

PREVIEW = 6


def ask_names(key: str, place: Kept, shown: Shown) -> None:
    """Where no folders give classes: the pattern that finds them in the names."""
    if shown.samples.in_npz or (shown.n_classes and not place.pattern):
        return
    label = f"Classes come from the file names: {code(place.pattern)}" if place.pattern else "Classes from file names"
    with st.expander(label, expanded=not place.pattern, icon=":material/sell:"):
        _ask_pattern(key, place, shown)


@st.fragment
def _ask_pattern(key: str, place: Kept, shown: Shown) -> None:
    widget = f"samples_pattern_{key}"
    suggestions = fitting_patterns(shown.samples)
    if suggestions:
        st.caption("Do the names say what is seen? The class is what stands")
        with st.container(horizontal=True):
            for name, suggested in suggestions.items():
                st.button(name, key=f"{widget}_{name}", on_click=st.session_state.update, args=({widget: suggested},))
    st.session_state.setdefault(widget, place.pattern)
    pattern = st.text_input(
        "File-name pattern", key=widget, live=True, placeholder=r"^([^_]+)_",
        help="A regular expression. What its first bracket matches is the class.",
    )  # fmt: skip
    if not pattern and not place.pattern:
        st.caption(
            f"Here a file is called {code(shown.samples.ids[0])}. Without a pattern, the images have no classes."
        )
        return
    usable = not pattern or _show_preview(pattern, some_names(shown.samples), len(shown.samples))
    if usable and pattern != place.pattern:
        label = "Use these classes" if pattern else "Do without classes"
        if st.button(label, type="primary", key="samples_pattern_save"):
            _keep(key, Kept(place.path, pattern))


def _keep(key: str, place: Kept) -> None:
    try:
        keep_samples(key, place)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    st.rerun()


def _show_preview(pattern: str, names: tuple[str, ...], n: int) -> bool:
    """What the pattern gives; False where it cannot be used."""
    try:
        classes = classes_in_names(names, pattern)
    except SourceScoutError as error:
        _state.show_error(error)
        return False
    unmatched = classes.count("")
    found = count(len(set(classes) - {""}), "class", "classes")
    tried = f" Tried on {len(names):,} of {n:,} names." if len(names) < n else ""
    without = f" {count(unmatched, 'name does', 'names do')} not match and would have no class." if unmatched else ""
    st.markdown(f"**{found}** in the names.{without}{tried}")
    step = max(1, len(names) // PREVIEW)
    shown = [(name, found or NO_CLASS) for name, found in zip(names, classes, strict=True)][::step][:PREVIEW]
    st.dataframe(pd.DataFrame(shown, columns=["file", "class"]), hide_index=True)
    return unmatched < len(names)
