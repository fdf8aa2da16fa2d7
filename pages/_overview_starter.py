"""The overview's real starter: what it fetches, whether the network is there, and the project once all is here."""

import time

import streamlit as st

from core.checking import check, torch_installed
from core.download_jobs import Standing
from core.errors import SourceScoutError
from core.hub import obstacles
from core.images import medmnist_jobs, web
from core.images.medmnist_download import BY_HAND
from core.starter import NAME, SIZE, TAGS, create_starter, starter_checkpoints, starter_set
from pages import _state
from pages._target_medmnist import show_progress

POLL_SECONDS = 0.3


@st.dialog(NAME, icon=":material/rocket_launch:")
def open_starter() -> None:
    """Say what will be fetched; fetch it and make the project after a yes."""
    entry = starter_set()
    st.markdown(
        f"A real target: {entry.images:,} chest radiographs of children, {SIZE} x {SIZE} pixels "
        f"(at most {entry.largest_file(SIZE) / 1e6:.0f} MB, {entry.licence}), and three candidates: "
        f"`{TAGS[0]}`, `{TAGS[1]}` (together about 60 MB, Apache-2.0) and a random initialisation. "
        "What is on this machine already is not fetched again."
    )
    st.caption("Good for trying the walk. For a study of your own choose a larger image size on the target page.")
    if not st.button("Fetch and create", type="primary", icon=":material/download:"):
        return
    try:
        target_id = _fetch_and_create()
    except SourceScoutError as error:
        _state.show_error(error)
        st.caption("No project was made. What was fetched is kept for the next attempt.")
    else:
        _state.look_at(_state.store().project_of_target(target_id), target_id)
        st.switch_page("target.py")


def _fetch_and_create() -> str:
    """The project, made last of all, so that a failure leaves nothing half made. Returns the id of its target."""
    entry, checkpoints = starter_set(), starter_checkpoints()
    if torch_installed():
        with st.spinner("Asking the hub of timm's weights"):
            for obstacle in filter(None, obstacles(checkpoints)):
                raise obstacle
    if medmnist_jobs.standing(entry, SIZE).state != "ready":
        with st.spinner("Asking the server of MedMNIST"):
            web.require_reachable(entry.url(SIZE), BY_HAND.format(entry.place(SIZE)))
        medmnist_jobs.start(entry, SIZE)
        _wait_for_file()
    reports = [{} for _ in checkpoints]
    if torch_installed():
        with st.spinner("Fetching and trying the checkpoints; some minutes on a slow connection", show_time=True):
            reports = check(checkpoints)
    return create_starter(_state.store(), entry.target(SIZE), checkpoints, reports, creator=_state.me())


def _wait_for_file() -> Standing:
    """Show the download until its end; leaving the page does not stop it."""
    entry, bar = starter_set(), st.empty()
    while (now := medmnist_jobs.standing(entry, SIZE)).active:
        with bar.container():
            show_progress(now)
        time.sleep(POLL_SECONDS)
    bar.empty()
    if now.state == "ready":
        return now
    raise now.error or SourceScoutError("The download was stopped before its end.", "Press Fetch and create again.")
