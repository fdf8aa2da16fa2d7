"""Which images belong together, and which are kept out: the groups and the test part of a target."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from core.errors import TargetError
from core.images.readers import Listing, groups_from_pattern, groups_preview
from core.target import TargetTask
from pages import _state
from pages._target_reading import THUMBNAIL, Found, similar_groups, test_part_proposal, thumbnails
from pages._text import code, count

OPTIMISTIC = "Later test results on these images will be optimistic."
PATTERNS = {
    "before the first _": r"([^/_]+)_[^/]*$",
    "before the last _": r"([^/]+)_[^/_]*$",
    "before the first -": r"([^/-]+)-[^/]*$",
    "in the name of the folder inside the class folder": r"^[^/]+/([^/]+)/",
}
EXAMPLES = 3  # groups of near-duplicates in the preview
FEWEST_GROUPS = 5  # fewer cannot be spread over the folds


def show_groups(current: _state.View, task: TargetTask, found: Found) -> None:
    """Which images come from one patient, and the way to say so."""
    st.subheader("Which images belong together?", anchor=False)
    seen = found.inspection
    if seen.n_groups is None:
        st.badge("Groups not known", icon=":material/group_off:", color="orange")
        st.markdown(
            "Nothing says which images come from one patient. Where a patient has several images, some would be "
            "learnt from while others are scored on, and **AUC may be optimistic**."
        )
    else:
        sources = [f"the column {code(task.group_column)}"] if task.group_column else []
        sources += ["the file names"] if task.group_pattern else []
        if not sources and found.listing.frames is not None:
            sources = ["the DICOM headers (patient ids are kept only as salted hashes)"]
        source = " and ".join(sources + ["near-duplicates"] * task.group_similar)
        st.badge("Groups known", icon=":material/group:", color="green")
        st.markdown(
            f"**{count(seen.n_groups, 'group')}** from {source}, for {count(seen.n_images, 'image')}. "
            "The images of a group always stay on the same side: in one fold, in one part."
        )
    if found.listing.files is None:
        st.caption("An .npz file has no file names to find groups in. With a manifest, a group column can be named.")
    elif task.group_column:
        st.caption("To change the column, press Edit.")
    else:
        ask_pattern(current, task, found)
    if found.part is not None:
        ask_similar(current, task, found)


@st.fragment
def ask_similar(current: _state.View, task: TargetTask, found: Found) -> None:
    """Groups from near-duplicates, with what they would bring together."""
    with st.container(border=True):
        st.markdown("**Groups from near-duplicates**")
        st.caption(
            "Where nothing names the patients, images of the training part that show the same picture can at least be "
            "kept together. Different images of one patient are not found this way."
        )
        wanted = st.toggle(
            "Near-duplicates form a group", task.group_similar, key=f"target_similar_{current.target_id}"
        )
        if wanted:
            _show_similar_groups(task, found)
        if wanted != task.group_similar and st.button(
            "Save the groups of near-duplicates" if wanted else "Save without them", type="primary",
            key="target_save_similar",
        ):  # fmt: skip
            _save(current, replace(task, group_similar=wanted))


def _show_similar_groups(task: TargetTask, found: Found) -> None:
    """Number of groups, the largest, and examples side by side."""
    groups = similar_groups(task, found)
    sizes = groups.value_counts()
    left, right = st.columns([1, 3])
    with left:
        st.metric("Number of groups", f"{len(sizes):,}")
        st.caption(f"{count(len(groups), 'image')}; the largest group has {sizes.iloc[0]:,}.")
        if len(sizes) < FEWEST_GROUPS:
            st.caption(f":orange[:material/warning:] Scoring needs at least {FEWEST_GROUPS} groups.")
    with right:
        if sizes.iloc[0] == 1:
            st.caption("No two images come together: it changes nothing.")
        for name in sizes.index[sizes > 1][:EXAMPLES]:
            rows = tuple(groups.index[groups == name][:6].tolist())
            with st.container(horizontal=True, gap="xsmall"):
                for row, picture in zip(rows, thumbnails(found, rows), strict=True):
                    st.image(picture, width=THUMBNAIL // 2, alt=found.listing.ids[row])


@st.fragment
def ask_pattern(current: _state.View, task: TargetTask, found: Found) -> None:
    """Groups from a pattern in the file names, with a preview while it is typed."""
    ids, key = found.listing.ids, f"target_pattern_{current.target_id}"
    suggestions = _suggestions(found.key, found.listing)
    with st.container(border=True):
        st.markdown("**Groups from file names**")
        st.caption("Do the file names say which patient an image is of, as in `patient012_3.png`?")
        if suggestions:
            st.caption("Patterns that bring images together here; the patient is named by what stands")
            with st.container(horizontal=True):
                for name, suggested in suggestions.items():
                    st.button(name, on_click=_take, args=(key, suggested), key=f"{key}_{name}")
        st.session_state.setdefault(key, task.group_pattern)
        pattern = st.text_input(
            "File-name pattern",
            key=key,
            placeholder=r"([^/_]+)_[^/]*$",
            live=True,
            help="A regular expression. What its first bracket matches is the group; an image that does not match "
            "is a group of its own.",
        )
        if not pattern and not task.group_pattern:
            otherwise = (
                "every image counts as a patient of its own" if found.listing.groups is None
                else "the groups stay those of the DICOM headers"
            )  # fmt: skip
            st.caption(f"Here a file is called {code(ids[0])}. Without a pattern, {otherwise}.")
            return
        is_new = pattern != task.group_pattern
        if (not pattern or _show_preview(pattern, found)) and is_new:
            label = "Save the groups" if pattern else "Save without groups"
            if st.button(label, type="primary", key="target_save_groups"):
                _save(current, replace(task, group_pattern=pattern))


def _take(key: str, pattern: str) -> None:
    st.session_state[key] = pattern


@st.cache_data(max_entries=8, show_spinner=False)
def _suggestions(key: str, _listing: Listing) -> dict[str, str]:
    """The patterns that would bring several images together here, and not whole classes."""
    fewest = max(FEWEST_GROUPS, len(_listing.class_names) + 1)
    n = len(set(_listing.files))  # the frames of a clip come together under any pattern
    fits = {}
    for name, pattern in PATTERNS.items():
        with suppress(TargetError):  # names so long that it takes too long
            groups = groups_from_pattern(_listing.ids, pattern)
            if fewest <= len(set(groups)) < n:
                fits.setdefault(groups, (name, pattern))
    return dict(fits.values())


def _show_preview(pattern: str, found: Found) -> bool:
    """What the pattern gives; False where it cannot be used."""
    try:
        frame, sizes = groups_preview(found.listing.ids, pattern)
    except TargetError as error:
        _state.show_error(error)
        return False
    n_groups, (name, most) = len(sizes), sizes.most_common(1)[0]
    left, right = st.columns(2)
    with left:
        st.metric("Number of groups", f"{n_groups:,}")
        st.caption(f"{count(len(found.listing), 'image')}; the largest group, {code(name)}, has {most:,}.")
        if n_groups < FEWEST_GROUPS:
            st.caption(f":orange[:material/warning:] Scoring needs at least {FEWEST_GROUPS} groups.")
        elif n_groups == len(found.listing):
            st.caption(":orange[:material/warning:] No two images come together: the pattern changes nothing.")
        elif n_groups <= len(found.listing.class_names):
            st.caption(":orange[:material/warning:] As many groups as classes: is this the patient?")
    right.dataframe(frame, hide_index=True, height=210)
    return True


def show_test_part(current: _state.View, task: TargetTask, found: Found) -> None:
    """What is kept out of everything, and the way to keep something out."""
    st.subheader("The test part stays out", anchor=False)
    st.markdown(
        "Everything in SourceScout is computed on the training part. Images of the test part are never scored on, so "
        "that a later test result on them is an honest one."
    )
    given = found.listing.splits is not None and "test" in found.listing.splits
    locked = len(set(task.test_part) & set(found.listing.ids))
    if locked:
        _show_locked(current, task, found, locked)
    elif given:
        st.badge(f"Locked: the given test split, {count(found.n_test, 'image')}", icon=":material/lock:", color="green")
    else:
        st.badge("No test part is locked", icon=":material/lock_open:", color="orange")
        if task.test_part:
            _show_lost(current, task)
        else:
            ask_test_part(current, task, found)
    _show_part(found)


def _show_locked(current: _state.View, task: TargetTask, found: Found, locked: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"Locked: {count(locked, 'image')}", icon=":material/lock:", color="green")
        if st.button("Unlock", icon=":material/lock_open:", key="target_unlock"):
            confirm_unlock(current, task)
    if found.inspection.straddling_groups:
        st.caption(
            f":orange[:material/warning:] {count(len(found.inspection.straddling_groups), 'group')} have images on "
            "both sides. If the groups were saved after the test part was locked, unlock it and lock it again."
        )


def _show_lost(current: _state.View, task: TargetTask) -> None:
    st.markdown(
        f"The {count(len(task.test_part), 'image')} that were locked are not among the images read now: the path, the "
        "layout or the file names changed. Bring them back, or give the lock up and choose again."
    )
    if st.button("Give up the lock", icon=":material/lock_open:", key="target_unlock"):
        confirm_unlock(current, task)


@st.dialog("Unlock the test part?", icon=":material/lock_open:")
def confirm_unlock(current: _state.View, task: TargetTask) -> None:
    st.markdown(
        f"{count(len(task.test_part), 'image')} go back into the training part. From the first score on that is "
        "computed with them they are no longer unseen: test results on these images would be **optimistic**, even if "
        "they are locked again."
    )
    if current.runs:
        st.markdown(f"{count(len(current.runs), 'run')} of this target used the part as it was; they stay as they are.")
    if st.button("Unlock the test part", type="primary"):
        _save(current, replace(task, test_part=()))


@st.fragment
def ask_test_part(current: _state.View, task: TargetTask, found: Found) -> None:
    """Choose a share, see what it would keep out, lock it."""
    if current.runs:
        st.markdown(f"Scores may already have been computed on all images, so a test part locked now is not quite "
                    f"unseen. {OPTIMISTIC}")  # fmt: skip
    else:
        st.markdown(
            f"It is best locked now, before anything is computed. Without it: {OPTIMISTIC[0].lower()}{OPTIMISTIC[1:]}"
        )
    with st.container(border=True):
        share = st.slider("Share of the images", 10, 40, 20, 5, format="%d %%", key="target_test_share")
        try:
            ids, counts = test_part_proposal(task, found, share / 100)
        except TargetError as error:
            _state.show_error(error)
            return
        closely = "" if found.listing.groups is None else " as closely as whole groups allow"
        st.caption(f"Every class keeps its share{closely}; images with equal pixels stay together.")
        st.dataframe(
            counts.rename(columns={"train": "training part", "val": "validation", "test": "test part"}),
            hide_index=True,
            height="content" if len(counts) <= 15 else 400,
        )
        if st.button("Lock a test part", type="primary", icon=":material/lock:", disabled=not ids):
            _save(current, replace(task, test_part=ids))
        st.caption(
            f"{count(len(ids), 'image')} would be set aside by name, and stay aside in every run, export and on the "
            "command line. New images go to the training part."
        )


def _show_part(found: Found) -> None:
    """The part that scores are computed on, as every run names it."""
    if found.part is None:
        return
    n, digest = len(found.part.indices), found.part.hash[:12]
    st.caption(f"Used for scores: {found.part.name} (N = {n:,}, hash `{digest}`).")


def _save(current: _state.View, task: TargetTask) -> None:
    _state.store().save_target(current.project.id, task, current.target_id)
    st.rerun()
