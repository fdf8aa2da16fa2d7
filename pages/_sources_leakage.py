"""The sources page: could target images be inside a source?"""

from dataclasses import replace

import streamlit as st

from core.sources.catalogue import named_in, sources_of
from core.sources.leakage import CERTAIN, Warning
from core.sources.record import SourceDataset
from core.target import TargetTask
from pages import _state
from pages._sources_record import TOO_GOOD, warning_text
from pages._sources_shared import leaks, open_record, records, show_leak
from pages._text import count, plain


def show_leakage(current: _state.View) -> None:
    """Ask where the target's images come from, and say which sources may hold them."""
    if current.task is None:
        st.info("Leakage is a question of a target and its sources, and no target is in view.")
        st.page_link("target.py", label="Describe the target", icon=":material/target:")
        return
    known = records()
    st.markdown(
        f"{TOO_GOOD} The catalogue knows which public sets share images; for that it has to know where yours come from."
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
    title = f"{count(len(warned), 'source')} may hold target images" if warned else "No source is known to hold them"
    st.subheader(title, anchor=False)
    _show_candidates(current, known, warned)
    for key, warning in sorted(warned.items(), key=lambda item: item[1].sure != CERTAIN):
        with st.container(border=True):
            left, right = st.columns([7, 1], vertical_alignment="center")
            with left.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(known[key].name)}**", width="content")
                show_leak(warning)
            left.markdown(warning_text(warning))
            if right.button("Read", type="tertiary", key=f"leak_read_{key}"):
                st.session_state["sources_next"] = {"sources_view": "Data sets"}
                open_record(key)
    st.caption(
        "From the catalogue only: what it does not tell, it cannot warn of. Web collections such as LAION may hold "
        "anything that is public."
    )


def _show_candidates(current: _state.View, known: dict[str, SourceDataset], warned: dict[str, Warning]) -> None:
    """Which candidates of the project were trained on one of these sources."""
    found = {}
    for candidate in current.candidates:
        inside = [known[key].name for key in sources_of(candidate.checkpoint, known) if key in warned]
        if inside:
            found[candidate.checkpoint.name] = inside
    if found:
        lines = [f"- **{plain(name)}**, trained on {plain(', '.join(inside))}" for name, inside in found.items()]
        st.warning("Among the candidates of this project:\n" + "\n".join(lines), icon=":material/warning:")
    elif warned:
        st.caption("No candidate of this project is known to have been trained on one of them.")
