"""The sources page: could target images be inside a source?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from core.errors import SourceScoutError
from core.images.copies import MOST_COMPARED, Copy, copies
from core.images.samples import draw, kept_samples
from core.sources.catalogue import named_in
from core.sources.leakage import CERTAIN
from core.sources.record import SourceDataset
from core.target import TargetTask
from pages import _state
from pages._sources_record import TOO_GOOD, warning_text
from pages._sources_samples_reading import Shown, read_samples, thumbnails
from pages._sources_shared import leaks, open_record, records, show_leak, warn_of_leaks
from pages._target_reading import THUMBNAIL, Found, read
from pages._target_reading import thumbnails as thumbnails_of_target
from pages._text import count, plain

COPIES_SHOWN = 24
SEED = 0


def show_leakage(current: _state.View) -> None:
    """Ask where the target's images come from, and say which sources may hold them."""
    task = _state.require_target(current)
    known = records()
    st.markdown(
        f"{TOO_GOOD} The catalogue knows which public sets share images; for that it has to know where yours come from."
    )
    _ask_origin(current, known)
    if task.origin:
        _show_warnings(current, known)
    st.subheader("Are there copies among images at hand?", anchor=False)
    try:
        _show_copies(task, known)
    except SourceScoutError as error:
        _state.show_error(error)


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
    warn_of_leaks(current, [candidate.checkpoint for candidate in current.candidates])
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


def _show_copies(task: TargetTask, known: dict[str, SourceDataset]) -> None:
    """Compare all images of the target with samples of a source, on request; the copies side by side."""
    kept = kept_samples()
    if not kept:
        st.caption(
            "This needs samples of a source on this machine. Say in the view *Samples* where they are; then every "
            "image of the target is compared with them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox("Samples of", list(kept), key="leakage_samples", width=380,
                           format_func=lambda key: known[key].name if key in known else key)  # fmt: skip
        wanted = st.button("Compare with the target's images", icon=":material/search:", key="leakage_compare")
    shown, asked = read_samples(kept[key]), st.session_state.setdefault("leakage_asked", set())
    if wanted:
        asked.add((str(task.images), key))
    if (str(task.images), key) not in asked:
        st.caption(f"Every image is opened once, at most {MOST_COMPARED:,} on either side, drawn at random.")
        return
    found = read(task)
    alike, ours, theirs = _copies(found.key, shown.key, found, shown)
    among = f"{count(ours, 'image')} of the target and {theirs:,} of {len(shown.samples):,} samples"
    if not alike:
        st.markdown(f"**None** among {among}. Copies that were cropped, turned or mirrored are mostly not found.")
        return
    exact = sum(copy.exact for copy in alike)
    st.markdown(
        f"**{count(len(alike), 'picture')}** of the target also in the samples, among {among}: {exact:,} with equal "
        f"pixels, {len(alike) - exact:,} as near-duplicates."
    )
    for copy in alike[:COPIES_SHOWN]:
        with st.container(border=True, horizontal=True):
            for picture, id in _pictures(found, shown, copy):
                with st.container(width=THUMBNAIL + 20, gap=None):
                    if isinstance(picture, str):
                        st.image(picture, width=THUMBNAIL)
                    st.caption(plain(id))
    if len(alike) > COPIES_SHOWN:
        st.caption(f"{COPIES_SHOWN} of {len(alike)} are shown.")


def _pictures(found: Found, shown: Shown, copy: Copy) -> list[tuple]:
    """One picture of either side, with where it is."""
    ours, theirs = copy.target[0], copy.source[0]
    return [
        (thumbnails_of_target(found, (ours,))[0], f"target: {found.listing.ids[ours]}"),
        (thumbnails(shown, (theirs,))[0], f"samples: {shown.samples.ids[theirs]}"),
    ]


@st.cache_data(max_entries=8, show_spinner="Comparing images")
def _copies(key: str, samples_key: str, _found: Found, _shown: Shown) -> tuple[tuple[Copy, ...], int, int]:
    rows = np.flatnonzero((_found.index["error"] == "").to_numpy())
    sample = np.arange(len(_shown.samples))
    return copies(_found.listing, np.sort(draw(rows, MOST_COMPARED, SEED)), _shown.samples,
                  np.sort(draw(sample, MOST_COMPARED, SEED)))  # fmt: skip
