"""The sources page: can a candidate's weights be had here and now, what do they take, and their download."""

from datetime import UTC, datetime

import streamlit as st

from core.availability import asking, fetching
from core.availability.fit import Fit, fit_of, free_disk
from core.availability.licence import Licence, licence_of
from core.availability.records import address_of, read_answer
from core.availability.standing import Availability, availability_of
from core.catalog import Checkpoint
from core.download import SPARE
from core.errors import SourceScoutError
from core.store import Candidate
from pages import _state
from pages._scoring_run import DEFAULT_IMAGES
from pages._target_medmnist import show_progress
from pages._text import ago, count, plain

STATES = {
    "ready": ("Ready here", "green", ":material/download_done:", "The weights are on this machine, hash compared."),
    "here": ("Here, not verified", "gray", ":material/draft:", "On this machine; its hash was not compared yet."),
    "altered": ("Altered", "red", ":material/sync_problem:", "On this machine, but not the file that it should be."),
    "downloadable": ("Downloadable", "blue", ":material/cloud_download:", "The hub had it for us when it was asked."),
    "gated": ("Needs approval", "orange", ":material/key:", "The hub gives it only to approved accounts."),
    "on_request": ("On request or by hand", "orange", ":material/mail:", "Someone has to obtain it."),
    "broken": ("Broken link", "red", ":material/link_off:", "It is not where it should be."),
    "unknown": ("Availability unknown", "gray", ":material/question_mark:", "Nobody asked, or nobody answered."),
}  # fmt: skip
OLD_DAYS = 1


def show_checking(current: _state.View) -> None:
    """The button that asks the hub about all candidates, how far that is, and when it was last done."""
    addresses = list(filter(None, {address_of(candidate.checkpoint): None for candidate in current.candidates}))
    if not addresses:
        return
    active = asking.standing().active
    st.fragment(_show_asking, run_every=1.0 if active else None)(addresses, active)


def _show_asking(addresses: list, was_active: bool) -> None:
    now = asking.standing()
    if was_active and not now.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if now.active:
            st.progress(now.done / now.total if now.total else 0.0,
                        f"Asking the hub: {now.done} of {count(now.total or len(addresses), 'candidate')}")  # fmt: skip
            return
        pressed = st.button(
            "Check availability", icon=":material/travel_explore:", key="sources_availability",
            help="Asks the hub about every candidate whether it can be had now, its size and its licence, and compares "
            "cached files with the hub's checksums. Nothing is downloaded; it goes on in the background.",
        )  # fmt: skip
        st.caption(_when(addresses), width="content")
    if now.error:
        _state.show_error(now.error)
    if pressed:
        try:
            asking.start(addresses)
            st.rerun()
        except SourceScoutError as error:
            _state.show_error(error)


def _when(addresses: list) -> str:
    """When the hub was asked, the oldest answer first to tell."""
    moments = [read_answer(address).get("asked") for address in addresses]
    if not any(moments):
        return "The hub was not asked yet."
    oldest = min(filter(None, moments))
    missing = f"; {count(moments.count(None), 'candidate')} never" if None in moments else ""
    old = (datetime.now(UTC) - datetime.fromisoformat(oldest)).days >= OLD_DAYS
    return f"The hub was asked {ago(oldest)}{missing}{': check again' if old else ''}."


def standing_of(current: _state.View, candidate: Candidate) -> tuple[Availability, Licence]:
    """What the badges and the lines of one candidate show."""
    now = availability_of(candidate.checkpoint, candidate.report)
    commercial = bool(current.task and current.task.commercial_use)
    return now, licence_of(candidate.checkpoint, now, commercial)


def show_badges(checkpoint: Checkpoint, now: Availability, licence: Licence) -> None:
    """The state, and beside it, because a file may be at hand and still not be allowed, a mark for the licence."""
    if checkpoint.kind != "random" and now.state != "unknown":
        label, color, icon, meaning = STATES[now.state]
        st.badge(label, color=color, icon=icon, help=meaning)
    if licence.question:
        st.badge("Licence may conflict", color="orange", icon=":material/gavel:",
                 help="With commercial use, which the target must allow. Not legal advice.")  # fmt: skip


def show_lines(current: _state.View, candidate: Candidate, now: Availability, licence: Licence) -> None:
    """The evidence with its date, the licence, what the checkpoint takes, and its download where one is possible."""
    if candidate.checkpoint.kind == "random":
        return
    seen = f" Asked {ago(now.asked)}." if now.asked else "" if now.state == "unknown" else " Looked at just now."
    st.caption(f"{STATES[now.state][2]} {plain(now.evidence)}{seen}")
    _show_licence(licence)
    st.caption(f":material/memory: {_fit_in_words(_fit(current, candidate))}")
    if now.address and candidate.checkpoint.kind == "timm":
        _offer(candidate, now)


def _show_licence(licence: Licence) -> None:
    if licence.read:
        differs = licence.name.lower() != licence.registered.lower()
        registered = f" (registered as {plain(licence.registered) or 'not stated'})" if differs else ""
        st.caption(f":material/description: Licence on the hub's card: {plain(licence.name)}{registered}, "
                   f"read {ago(licence.read)}; [its text]({licence.link}).")  # fmt: skip
    if licence.question:
        where = f" [Read it]({licence.link})." if licence.link and not licence.read else ""
        st.caption(f":material/gavel: {licence.question}{where}")


def _fit(current: _state.View, candidate: Candidate) -> Fit:
    known = _state.store().image_count(str(current.task.images)) - len(current.task.test_part) if current.task else 0
    images = min(known, DEFAULT_IMAGES) if known > 0 else 1000
    return fit_of(candidate.checkpoint, candidate.report, images,
                  [(other.checkpoint, other.report) for other in current.candidates])  # fmt: skip


def _fit_in_words(fit: Fit) -> str:
    """What it takes for this target, in a line; what is not known is said to be."""
    if fit.parameters is None:
        return "What it takes is known once it is checked."
    memory = f", at least {fit.memory_mb / 1000:,.1f} GB of memory" if fit.memory_mb else ""
    scaled = f" (roughly: scaled from {plain(fit.scaled_from)} by multiply-adds)" if fit.scaled_from else ""
    time = (
        "; how long it takes is known once a candidate is checked" if fit.seconds is None
        else f", about {_duration(fit.seconds)}{scaled} for the features of {count(fit.images, 'image')} on this CPU"
    )  # fmt: skip
    return f"{fit.parameters / 1e6:,.1f} million parameters{memory}{time}."


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"


def _offer(candidate: Candidate, now: Availability) -> None:
    """The download, for as long as there is one to begin, to watch or to go on with."""
    standing = fetching.standing(now.address)
    if standing.active or standing.error or now.state == "downloadable":
        show = st.fragment(_show_download, run_every=1.0 if standing.active else None)
        show(candidate, now, standing.active)


def _show_download(candidate: Candidate, now: Availability, was_active: bool) -> None:
    fetching.enforce_cancel(now.address)
    standing = fetching.standing(now.address)
    if standing.active != was_active or standing.state == "ready":
        st.rerun()
    try:
        if standing.active:
            show_progress(standing)
            if st.button("Cancel download", icon=":material/stop:", key=f"sources_download_cancel_{candidate.id}"):
                fetching.cancel(now.address)
            return
        if standing.error:
            _state.show_error(standing.error)
        if now.state == "downloadable":
            _show_start(candidate, now, standing.done)
    except SourceScoutError as error:
        _state.show_error(error)


def _show_start(candidate: Candidate, now: Availability, done: int) -> None:
    needed, free = (now.answer["bytes"] or 0) - done + SPARE, free_disk()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        label = f"Resume download at {done / 1e6:,.1f} MB" if done else f"Download {_size(now.answer['bytes'])}".strip()
        if st.button(label, icon=":material/download:", disabled=free < needed,
                     key=f"sources_download_{candidate.id}"):  # fmt: skip
            fetching.start(now.address)
            st.rerun()
        room = "enough" if free >= needed else f"too little: {needed / 1e9:,.1f} GB are needed"
        st.caption(f"Into huggingface_hub's cache; {free / 1e9:,.1f} GB of disk are free, {room}.", width="content")


def _size(size: int | None) -> str:
    return f"{size / 1e6:,.1f} MB" if size else ""
