"""The target page, layout "MedMNIST file": a set is chosen by name, fetched, and fills in the form."""

from dataclasses import replace

import streamlit as st

from core.download_jobs import Standing
from core.errors import SourceScoutError
from core.images import medmnist_jobs
from core.images.medmnist_sets import SIZES, MedMnistSet, medmnist_sets
from core.target import TargetTask
from pages import _state
from pages._target_draft import Draft
from pages._text import count, plain


def ask_medmnist(draft: Draft, answers: dict) -> TargetTask | None:
    """Offer the sets; the task that the form should go on with, once one is to be used."""
    try:
        sets = medmnist_sets()
    except SourceScoutError as error:
        _state.show_error(error)
        return None
    with st.container(border=True):
        name = st.selectbox(
            "Or choose a MedMNIST set",
            sets,
            index=None,
            format_func=lambda name: sets[name].title,
            placeholder="PneumoniaMNIST, ChestMNIST, ...",
            key=draft.key("medmnist_set"),
            persist_state="session",
        )
        if name is None:
            st.caption("Twelve public 2-D sets, fetched from the publisher's archive when you press Download.")
            return None
        entry = sets[name]
        size = st.segmented_control(
            "Image size in pixels",
            SIZES,
            default=SIZES[0],
            required=True,
            key=draft.key("medmnist_size"),
            persist_state="session",
        )
        _show_facts(entry, size, answers["commercial_use"])
        return _offer(draft, entry, size, answers)


def _show_facts(entry: MedMnistSet, size: int, commercial_use: bool) -> None:
    kind = "findings" if entry.label_type == "multi-label" else "classes"
    parts = ", ".join(f"{n:,} {split}" for split, n in entry.splits.items())
    st.markdown(plain(entry.description))
    st.caption(
        f"{entry.label_type.capitalize()}, {len(entry.labels)} {kind}: {plain(', '.join(entry.labels))}.  \n"
        f"{count(entry.images, 'image')}: {parts}. At most {entry.largest_file(size) / 1e6:,.0f} MB. "
        f"Licence: {entry.licence}.  \n"
        "The file names no patients, so images of one patient cannot be kept together: AUC may be optimistic."
    )
    if commercial_use and "NC" in entry.licence:
        st.warning(f"{entry.licence} excludes commercial use, which the licence of this target must allow.")


def _offer(draft: Draft, entry: MedMnistSet, size: int, answers: dict) -> TargetTask | None:
    if not entry.readable(size):
        st.caption("In this size the training images are too large to be opened as one array. Choose a smaller size.")
        return None
    now = medmnist_jobs.standing(entry, size)
    if now.state != "ready":
        st.fragment(_show_download, run_every=1.0 if now.active else None)(draft, entry, size, now.active)
        return None
    st.caption(f"On this machine, with the published checksum: `{entry.place(size)}`")
    if st.button("Use this set", icon=":material/check:", key=draft.key("medmnist_use")):
        return filled_in(entry, size, answers)
    return None


def filled_in(entry: MedMnistSet, size: int, answers: dict) -> TargetTask:
    """The task of the set, with what the user has said about compute, licence and numbers kept."""
    kept = {field: answers[field] for field in ("labelled_images", "compute", "commercial_use")}
    task = entry.target(size)
    notes = "\n".join(text for text in (answers["notes"], task.notes) if text)
    return replace(task, name=answers["name"] or task.name, notes=notes, **kept)


def _show_download(draft: Draft, entry: MedMnistSet, size: int, was_active: bool) -> None:
    """How the download stands, and what can be done; redraws itself while one is going on."""
    medmnist_jobs.enforce_cancel(entry, size)
    now = medmnist_jobs.standing(entry, size)
    if now.active != was_active or now.state == "ready":
        st.rerun()
    try:
        if now.active:
            show_progress(now)
            if st.button("Cancel download", icon=":material/stop:", key=draft.key("medmnist_cancel")):
                medmnist_jobs.cancel(entry, size)
            return
        if now.error:
            _state.show_error(now.error)
        label = f"Resume at {now.done / 1e6:,.1f} MB" if now.done else "Download"
        if st.button(label, icon=":material/download:", key=draft.key("medmnist_get")):
            medmnist_jobs.start(entry, size)
            st.rerun()
    except SourceScoutError as error:
        _state.show_error(error)


def show_progress(now: Standing) -> None:
    """A bar for a download that is going on."""
    if now.state == "checking":
        st.progress(1.0, "Comparing the checksum")
    elif now.total:
        st.progress(min(now.done / now.total, 1.0), f"{now.done / 1e6:,.1f} of {now.total / 1e6:,.1f} MB")
    else:
        st.progress(0.0, f"{now.done / 1e6:,.1f} MB" if now.done else "Asking the server")
