"""The sources page: the images of a source, where samples of it are at hand."""

import streamlit as st

from core.errors import SourceScoutError
from core.images.samples import Kept, keep_samples, kept_samples
from pages import _state
from pages._sources_samples_figures import show_figures, show_similar
from pages._sources_samples_grid import show_grid
from pages._sources_samples_names import ask_names
from pages._sources_samples_reading import Shown, forget_readings, read_samples
from pages._sources_shared import records
from pages._text import code, count, plain

WHAT = {"Images": show_grid, "Size and intensity": show_figures, "Near-duplicates": show_similar}


def source_records() -> dict[str, tuple[str, str]]:
    """Name and where it can be had ("": not known) of each source data set of the catalogue, by key."""
    return {key: (record.name, record.value("access_at") or "") for key, record in records().items()}


def show_samples(current: _state.View) -> None:
    """Browse a folder, .zip or .npz of samples."""
    try:
        _show_source(current)
    except SourceScoutError as error:
        _state.show_error(error)


def _show_source(current: _state.View) -> None:
    known, kept = source_records(), kept_samples()
    key, name = _choose_source(known, kept)
    if key is None:
        st.caption("Choose a source data set. SourceScout ships no images of sources; it shows those that you have.")
    elif key not in kept:
        _say_missing(name, known.get(key))
        _ask_place(key)
    else:
        _show_kept(current, key, name, kept[key])


def _choose_source(known: dict[str, tuple[str, str]], kept: dict[str, Kept]) -> tuple[str | None, str]:
    """Key and name of the source in view; (None, "") without one. The first with samples at hand is shown unasked."""
    keys = {name: key for key, (name, _) in sorted(known.items(), key=lambda item: item[1][0].lower())}
    keys |= {key: key for key in kept if key not in known}
    at_hand = [name for name, key in keys.items() if key in kept]
    if at_hand and "samples_source" not in st.query_params:
        st.session_state.setdefault("samples_source", at_hand[0])
    name = st.selectbox(
        "Source data set", list(keys), index=None, placeholder="Choose one, or type the name of another set",
        accept_new_options=True, key="samples_source", bind="query-params", persist_state="session",
        help=f"Samples are at hand of: {plain(', '.join(at_hand))}." if at_hand else None,
    )  # fmt: skip
    name = (name or "").strip()
    return (keys.get(name, name), name) if name else (None, "")


def _say_missing(name: str, record: tuple[str, str] | None) -> None:
    st.markdown(f"**No samples of {plain(name)} are at hand.** SourceScout ships no images of sources.")
    where = ""
    if record:
        where = f"It can be had at {record[1]}. " if record[1] else "Where it can be had is not in the catalogue. "
    st.markdown(
        f"{where}Put the images, or a part of them, on this machine and say where: a folder with one sub-folder per "
        "class, a folder of images whose names may hold the class, a .zip of either, or an .npz as MedMNIST has it."
    )


def _ask_place(key: str, start: str = "") -> None:
    """The form that points to a folder; what is listed without an error is kept."""
    with st.form(f"samples_place_{key}", border=False):
        path = st.text_input(
            "Folder, .zip or .npz of the samples",
            start,
            placeholder="/home/me/imagenet_samples",
            help="On the machine that SourceScout runs on. Images stay there; only this path is kept.",
            key=f"samples_path_{key}",
        )
        wanted = st.form_submit_button("Browse these images", type="primary")
    path = path.strip().strip("\"'")
    if not wanted or not path:
        return
    try:
        read_samples(Kept(path))
        keep_samples(key, Kept(path))
    except SourceScoutError as error:
        _state.show_error(error)
        return
    st.rerun()


def _show_kept(current: _state.View, key: str, name: str, place: Kept) -> None:
    try:
        shown = read_samples(place)
    except SourceScoutError as error:
        _state.show_error(error)
        _ask_place(key, place.path)
        _forget_button(key, name)
        return
    _show_place(key, name, place, shown)
    for note in shown.samples.notes:
        st.caption(f":orange[:material/warning:] {note}")
    ask_names(key, place, shown)
    chosen = _choose_classes(shown)
    what = st.segmented_control(
        "Show", list(WHAT), default="Images", required=True, key="samples_show", bind="query-params",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    WHAT[what](current, name, shown, chosen)


def _show_place(key: str, name: str, place: Kept, shown: Shown) -> None:
    n_classes = shown.n_classes
    classes = f" in {count(n_classes, 'class', 'classes')}" if n_classes else ", no classes known"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(shown.samples), 'image')}**{classes}, in {code(place.path)}", width="content")
        with st.popover("Change", icon=":material/folder_open:"):
            _ask_place(key, place.path)
            if st.button("Read the folder again", icon=":material/refresh:", key="samples_again"):
                forget_readings()
                st.rerun()
            _forget_button(key, name)


def _forget_button(key: str, name: str) -> None:
    if st.button(
        "Forget where they are", icon=":material/link_off:", key="samples_forget",
        help=f"The images of {plain(name)} stay as they are.",
    ):  # fmt: skip
        keep_samples(key, None)
        st.rerun()


def _choose_classes(shown: Shown) -> list[str]:
    """The classes in view; none chosen means all."""
    if shown.n_classes < 2:
        return []
    return st.multiselect(
        "Classes",
        shown.samples.classes,
        placeholder=f"All {len(shown.samples.classes):,}; type to search",
        key="samples_classes",
        bind="query-params",
        persist_state="session",
        select_all=False,
    )
