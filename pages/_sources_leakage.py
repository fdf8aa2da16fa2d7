"""The sources page: could target images be inside a source?"""

from dataclasses import replace

import streamlit as st

from core.sources.catalogue import named_in
from core.sources.leakage import CERTAIN
from core.sources.record import SourceDataset
from core.target import TargetTask
from pages import _state
from pages._sources_record import show_warning
from pages._sources_shared import leaks, open_record, records
from pages._text import count, plain


def show_leakage(current: _state.View) -> None:
    """Ask where the target's images come from, and say which sources may hold them."""
    if current.task is None:
        st.info("Leakage is a question of a target and its sources, and no target is in view.")
        st.page_link("target.py", label="Describe the target", icon=":material/target:")
        return
    known = records()
    st.markdown(
        "If a network saw the target's images in pretraining, its scores and test results on them are too good. The "
        "catalogue knows which public sets share images; for that it has to know where yours come from."
    )
    _ask_origin(current, known)
    if current.task.origin:
        _show_warnings(current, known)


def _ask_origin(current: _state.View, known: dict[str, SourceDataset]) -> None:
    task = current.task
    others = sorted({name for record in known.values() for fact in record.of("overlap") for name in fact.others
                     if not any(name in r.names for r in known.values())})  # fmt: skip
    options = [*known, *others, *(name for name in task.origin if name not in known and name not in others)]
    chosen = st.multiselect(
        f"Known sets that images of {task.name} come from", options, default=list(task.origin),
        format_func=lambda name: known[name].name if name in known else name, placeholder="none: they are new",
        key=f"sources_origin_{current.target_id}",
    )  # fmt: skip
    if tuple(chosen) != task.origin:
        _save(current, task, tuple(chosen))
    guess = [key for key in guessed_origin(task, known) if key not in task.origin]
    if guess and not task.origin:
        with st.container(horizontal=True, vertical_alignment="center"):
            names = ", ".join(known[key].name for key in guess)
            st.markdown(f"Its name or folder mentions **{plain(names)}**.", width="content")
            if st.button("Yes, it comes from there", icon=":material/check:", key="sources_origin_yes"):
                st.session_state.pop(f"sources_origin_{current.target_id}", None)
                _save(current, task, tuple(guess))
    if not task.origin:
        st.caption("Nothing is chosen: no warning can be given, which is not the same as none being due.")


def guessed_origin(task: TargetTask, known: dict[str, SourceDataset]) -> tuple[str, ...]:
    """Records that the target's name, notes or path mention."""
    return named_in(f"{task.name} / {task.notes} / {'/'.join(task.images.parts[-2:])}", known)


def _save(current: _state.View, task: TargetTask, origin: tuple[str, ...]) -> None:
    _state.store().save_target(current.project.id, replace(task, origin=origin), current.target_id)
    st.rerun()


def _show_warnings(current: _state.View, known: dict[str, SourceDataset]) -> None:
    warned = leaks(current, known)
    sure = {key: warning for key, warning in warned.items() if warning.sure == CERTAIN}
    title = f"{count(len(warned), 'source')} may hold target images" if warned else "No source is known to hold them"
    st.subheader(title, anchor=False)
    for key, warning in [*sure.items(), *((k, w) for k, w in warned.items() if k not in sure)]:
        left, right = st.columns([6, 1], vertical_alignment="center")
        with left:
            label = "holds target images" if key in sure else "may hold some"
            st.markdown(f"**{plain(known[key].name)}** {label}")
            show_warning(warning)
        if right.button("Read", icon=":material/menu_book:", type="tertiary", key=f"leak_read_{key}"):
            st.session_state["sources_next"] = {"sources_view": "Data sets"}
            open_record(key)
    st.caption(
        "From the catalogue only: what it does not tell, it cannot warn of. Web collections such as LAION may hold "
        "anything that is public."
    )
