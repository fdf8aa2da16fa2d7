"""The sources page: the candidates of the project, each with how it stands, what was found, and what can be done."""

import streamlit as st

from core.availability import state_of
from core.catalog import Checkpoint, dump_checkpoints
from core.checking import torch_installed
from core.checkpoint_form import in_words
from core.errors import CheckpointError
from core.snippet import snippet
from core.sources.catalogue import sources_of
from core.sources.leakage import Leak
from core.sources.record import SourceDataset
from core.store import Candidate
from pages import _state
from pages._sources_admit import check_again, show_failure, show_notices
from pages._sources_availability import show_badges, show_checking, show_lines, standing_of
from pages._sources_form import edit
from pages._sources_shared import leaks, records, show_leak
from pages._text import plain

STATES = {
    "checked": ("Checked", "green", ":material/check:", "It was loaded and tried on this machine."),
    "unchecked": ("Not checked yet", "gray", ":material/help:", "It was not loaded on this machine yet."),
    "absent": ("Not downloaded yet", "orange", ":material/cloud_download:",
               "The tag is known, but its weights are not on this machine and could not be fetched."),
    "failed": ("Cannot be used", "red", ":material/error:", "The last check failed."),
    "changed": (
        "Changed since its check", "orange", ":material/sync_problem:",
        "The weights file, or for a random network the installed versions, are not those that were checked.",
    ),
    "gone": ("File is gone", "red", ":material/link_off:", "The weights file is not where it was."),
}  # fmt: skip
REMEDIES = {
    "changed": "What would be loaded is not what was checked. Check it again; its scores are then computed anew.",
    "gone": "The weights file is not where it was. Put it back, or edit the path.",
}


def show_candidates(current: _state.View) -> None:
    """All candidates, with a button that checks those that need it."""
    show_notices()
    states = {c.id: state_of(c.checkpoint, c.report) for c in current.candidates}
    open_ones = [candidate for candidate in current.candidates if states[candidate.id] != "checked"]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Candidates", width="content")
        checking = len(open_ones) > 1 and torch_installed() and st.button(
            f"Check all {len(open_ones)}", icon=":material/fact_check:", key="sources_check_all",
            help="Those that are not checked yet, failed, or changed.",
        )  # fmt: skip
    if checking:
        check_again(current.project.id, open_ones)
        st.rerun()
    show_checking(current)
    if not current.candidates:
        st.caption(
            "None yet. Register at least two, so that there is something to compare, and a random one as control."
        )
    known = records()
    warned = leaks(current, known)
    for candidate in current.candidates:
        _show_candidate(current, candidate, states[candidate.id], known, warned)


def _show_candidate(
    current: _state.View, candidate: Candidate, state: str, known: dict[str, SourceDataset], warned: dict[str, Leak]
) -> None:
    checkpoint, report = candidate.checkpoint, candidate.report
    label, color, icon, meaning = STATES[state]
    now, licence = standing_of(current, candidate)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.markdown(f"**{plain(checkpoint.name)}**", width="content")
                if state != "absent" or now.state == "unknown":  # the hub has told more than that it was silent
                    st.badge(label, color=color, icon=icon, help=meaning)
                show_badges(checkpoint, now, licence)
                if not checkpoint.verified:
                    st.badge("Preprocessing unverified", color="orange", icon=":material/help:",
                             help="Nothing says where its preprocessing is documented.")  # fmt: skip
                if checkpoint.synthetic:
                    st.badge("Synthetic", color="orange", icon=":material/science:")
            checking = _show_actions(current, candidate)
        st.caption(_origin(candidate.checkpoint))
        _show_sources(candidate.checkpoint, known, warned)
        st.caption(_facts(candidate))
        if checking:
            check_again(current.project.id, [candidate])
            st.rerun()
        if state in REMEDIES:
            st.caption(f":material/sync_problem: {REMEDIES[state]}")
        if state == "absent" and now.state == "unknown":
            error = report["error"]  # what to do is our own Markdown, with commands and addresses
            st.caption(f":material/cloud_download: {plain(error['message'])} {error['remedy']}")
        if state == "failed":
            show_failure(CheckpointError(report["error"]["message"], report["error"]["remedy"]))
        for problem in report.get("problems", []):
            st.caption(f":material/warning: {plain(problem)}")
        show_lines(current, candidate, now, licence)
        details = st.expander("Details", key=f"sources_details_{candidate.id}", on_change="rerun", type="compact")
        if details.open:
            with details:
                _show_details(candidate)


def _show_sources(checkpoint: Checkpoint, known: dict[str, SourceDataset], warned: dict[str, Leak]) -> None:
    """The way to the records of what it was pretrained on, and whether target images may be inside."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for key in sources_of(checkpoint, known):
            about = {"sources_view": "Data sets", "source": key}
            st.page_link("sources.py", label=f"About {plain(known[key].name)}", icon=":material/menu_book:",
                         query_params=about)  # fmt: skip
            if key in warned:
                show_leak(warned[key])


def _show_actions(current: _state.View, candidate: Candidate) -> bool:
    """Draw the buttons; True when the check was asked for."""
    with st.container(horizontal=True, width="content", gap="medium"):
        label = "Check again" if candidate.report else "Check"
        checking = torch_installed() and st.button(
            label, icon=":material/fact_check:", type="tertiary", key=f"sources_check_{candidate.id}"
        )
        if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"sources_edit_{candidate.id}"):
            edit(current, candidate)
        if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"sources_remove_{candidate.id}"):
            _remove(candidate)
    return checking


@st.dialog("Remove this candidate?")
def _remove(candidate: Candidate) -> None:
    st.markdown(
        f"{plain(candidate.checkpoint.name)} leaves the list. Its weights file and the scores computed with it stay."
    )
    with st.container(horizontal=True):
        if st.button("Remove it", type="primary", key="sources_remove_yes"):
            _state.store().remove_checkpoint(candidate.id)
            st.rerun()
        if st.button("Keep it", key="sources_remove_no"):
            st.rerun()


def _origin(checkpoint: Checkpoint) -> str:
    """Where the weights come from."""
    if checkpoint.kind == "random":
        return f"Random initialisation, seed {checkpoint.seed}: a control without pretraining."
    source = f"Pretrained on {plain(checkpoint.source)}" if checkpoint.source else "Pretraining data set not stated"
    tag = ", a timm tag" if checkpoint.kind == "timm" else ""
    return f"{source}{tag}  ·  licence {plain(checkpoint.licence) or 'not stated'}"


def _facts(candidate: Candidate) -> str:
    """The network, and what the check found."""
    checkpoint, report = candidate.checkpoint, candidate.report
    facts = [f"`{checkpoint.architecture}` ({checkpoint.library})"]
    if report.get("ok"):
        facts += [
            f"{report['parameters'] / 1e6:.2g} million parameters" if report["parameters"] < 1e7
            else f"{report['parameters'] / 1e6:,.0f} million parameters",
            f"{report['feature_dim']:,} features",
            *_head(candidate),
            f"{report['images_per_second']:,.0f} images/s here",
        ]  # fmt: skip
    return "  ·  ".join(facts)


def _head(candidate: Candidate) -> list[str]:
    if candidate.checkpoint.kind == "random":
        return []
    head = candidate.report["head"]
    return ["no source head" if head == "none" else f"source head with {head}"]


def _show_details(candidate: Candidate) -> None:
    checkpoint, report = candidate.checkpoint, candidate.report
    st.markdown(f"**Preprocessing.** {in_words(checkpoint.preprocessing)}")
    if checkpoint.preprocessing_source:
        st.markdown(f"**Documented in** {plain(checkpoint.preprocessing_source)}")
    if checkpoint.kwargs:
        st.markdown("**Keyword arguments.** " + ", ".join(f"`{k} = {v}`" for k, v in checkpoint.kwargs.items()))
    if checkpoint.kind == "file":
        st.markdown("**Weights file**")
        st.code(checkpoint.weights, language=None, wrap_lines=True)
    if not report.get("ok"):
        st.caption("Once it is checked, the hash of its weights and code that makes this network are shown here.")
        return
    st.markdown(f"**Identity of the weights** (every cached result belongs to it): `{report['identity']}`")
    if len(report["layers"]) > 1:
        first, second = report["layers"]
        st.markdown(f"**Layers that the gradient-aware metric compares:** `{first}` and `{second}`.")
    st.markdown(
        f"**Memory** for a batch of 32 images: at least {report['memory_mb']:,} MB. The speed was measured on the CPU "
        "of this machine, on random input, over about a second."
    )
    st.markdown("**Python that makes this network with its preprocessing, and checks the file first**")
    st.code(snippet(checkpoint, report["identity"]), language="python")
    st.caption("Needs only the libraries that it imports. Research use only.")


def export_text(current: _state.View) -> str:
    """All candidates as CHECKPOINTS.toml."""
    return dump_checkpoints([candidate.checkpoint for candidate in current.candidates])
