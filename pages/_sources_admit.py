"""The sources page: how a described checkpoint becomes a candidate, and what the page says about it afterwards."""

import dataclasses
import re

import streamlit as st

from core.availability import require_weights
from core.catalog import Checkpoint
from core.catalog_tags import preprocessing_of
from core.checking import check, torch_installed
from core.errors import CheckpointError, SourceScoutError
from core.settings import allowed_roots, require_allowed
from core.store import Candidate
from pages import _state
from pages._text import plain

WAITING = {
    "file": "Opening the file safely, comparing every tensor with the architecture; about 10 s",
    "timm": "Fetching the tag's weights where this machine does not have them, then loading them; 20 s to some minutes",
    "random": "Making the network and trying it; about 10 s",
}


def located(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its weights file where it really lies; an error when it may not or cannot be read."""
    if checkpoint.kind != "file":
        return checkpoint
    checkpoint = dataclasses.replace(checkpoint, weights=str(require_allowed(checkpoint.weights, allowed_roots())))
    require_weights(checkpoint, allowed_roots())
    return checkpoint


def checked(checkpoint: Checkpoint, as_recorded: bool = False) -> tuple[Checkpoint, dict]:
    """The checkpoint and the report of its check; the reason as CheckpointError if it did not pass.

    A tag whose weights are not on this machine yet passes: its report says so.
    `as_recorded`: with the preprocessing that timm records for its tag. Without torch the report is empty.
    """
    if as_recorded:
        checkpoint = dataclasses.replace(checkpoint, preprocessing=preprocessing_of(checkpoint.architecture))
    if not torch_installed():
        return checkpoint, {}
    with st.spinner(WAITING[checkpoint.kind], show_time=True):
        report = check([checkpoint])[0]
    if not report["ok"] and not report.get("not_downloaded"):
        raise CheckpointError(report["error"]["message"], report["error"]["remedy"])
    return checkpoint, report


def check_again(project_id: str, candidates: list[Candidate]) -> None:
    """Check candidates that are registered already, in one process, and keep what was found, good or bad."""
    what = f"{len(candidates)} checkpoints safely and trying each" if len(candidates) > 1 else "it safely and trying it"
    with st.spinner(f"Opening {what} on random input; about {5 + 4 * len(candidates)} s", show_time=True):
        reports = check([candidate.checkpoint for candidate in candidates])
    for candidate, report in zip(candidates, reports, strict=True):
        _state.store().save_checkpoint(project_id, candidate.checkpoint, report, candidate.id)
    passed = sum(report["ok"] for report in reports)
    if passed == len(reports):
        say(f"{plain(candidates[0].checkpoint.name)} can be used." if passed == 1 else f"All {passed} can be used.")
    else:
        say(f"{passed} of {len(reports)} can be used; what is wrong with the others is said below.", "warning")


def say(text: str, level: str = "success") -> None:
    """Show `text` at the top of the page after the next rerun, once."""
    st.session_state.setdefault("sources_notices", []).append((level, text))


def show_notices() -> None:
    """What happened at the last action: in sight wherever the page is scrolled to; what needs care stays."""
    for level, text in st.session_state.pop("sources_notices", []):
        if level == "warning":
            st.warning(text, icon=":material/warning:")
        st.toast(text, icon=":material/check_circle:" if level == "success" else ":material/warning:")


def show_failure(error: SourceScoutError) -> None:
    """A failed check: its lists of tensors as a list, then what to do."""
    head, *lists = re.split(r"\. (?=Missing in|Not in the|Another shape)|; (?=not in the|another shape)", error.message)
    bullets = "".join(f"\n- {_upper(part)}" for part in lists)
    _state.show_error(SourceScoutError(head + ("." if lists else "") + bullets, error.remedy))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
