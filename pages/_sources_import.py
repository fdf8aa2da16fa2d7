"""The sources page: CHECKPOINTS.toml in and out."""

from pathlib import Path

import streamlit as st

from core.availability import require_new_names
from core.catalog import Checkpoint, load_checkpoints, parse_uploaded
from core.checking import check, torch_installed
from core.errors import CheckpointError, SourceScoutError
from core.settings import allowed_roots, require_allowed
from pages import _state
from pages._sources_admit import located, say, show_failure
from pages._sources_list import export_text
from pages._text import plain


def show_exchange(current: _state.View) -> None:
    """Import from a path or an upload; export what is there."""
    st.subheader("Import or export")
    upload = st.session_state.setdefault("sources_upload", 0)
    path = st.text_input("Path of a CHECKPOINTS.toml", placeholder="/home/you/models/CHECKPOINTS.toml",
                         key="sources_import_path", persist_state="session")  # fmt: skip
    uploaded = st.file_uploader(
        "or upload one", type="toml", max_upload_size=1, key=f"sources_import_file{upload}",
        help="Paths in an uploaded file must be absolute: there is no folder that they could start from.",
    )  # fmt: skip
    if st.button("Import", icon=":material/upload_file:", key="sources_import"):
        st.session_state["sources_import_failures"] = []
        try:
            _import(current, _read(path, uploaded))
        except SourceScoutError as error:
            st.session_state["sources_import_failures"] = [error]
        else:
            st.session_state["sources_upload"] += 1
            st.rerun()
    for error in st.session_state.get("sources_import_failures", []):
        show_failure(error)
    if current.candidates:
        st.download_button(
            "Export as CHECKPOINTS.toml", export_text(current), "CHECKPOINTS.toml", "application/toml",
            icon=":material/download:", on_click="ignore", key="sources_export",
        )  # fmt: skip


def _read(path: str, uploaded) -> list[Checkpoint]:
    if uploaded is not None:
        return parse_uploaded(uploaded.getvalue())
    if not path.strip():
        raise CheckpointError("Nothing was chosen for import.", "Give a path, or upload a file.")
    return load_checkpoints(require_allowed(Path(path.strip().strip("\"'")), allowed_roots()))


def _import(current: _state.View, checkpoints: list[Checkpoint]) -> None:
    """Check them all in one process and keep those that pass; the reasons of the others are kept for showing."""
    taken = [candidate.checkpoint.name for candidate in current.candidates]
    ready, failures = [], []
    for checkpoint in checkpoints:
        try:
            require_new_names([checkpoint], taken)
            ready.append(located(checkpoint))
        except SourceScoutError as error:
            failures.append(error)
    with st.spinner(f"Opening {len(ready)} checkpoints safely; about {5 + 4 * len(ready)} s", show_time=True):
        reports = check(ready) if torch_installed() else [{}] * len(ready)
    for checkpoint, report in zip(ready, reports, strict=True):
        if report.get("ok", True) or report.get("not_downloaded"):
            _state.store().save_checkpoint(current.project.id, checkpoint, report)
        else:
            failures.append(CheckpointError(report["error"]["message"], report["error"]["remedy"]))
    st.session_state["sources_import_failures"] = failures
    passed = len(checkpoints) - len(failures)
    if passed:
        say(f"{passed} of {len(checkpoints)} imported: {', '.join(plain(c.name) for c in ready)}."
            if not failures else f"{passed} of {len(checkpoints)} imported; the reasons for the others are beside "
            "*Import*.", "warning" if failures else "success")  # fmt: skip
