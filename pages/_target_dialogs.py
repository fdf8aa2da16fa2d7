"""Taking a target in from TOML, and removing one."""

import tomllib
from pathlib import Path

import streamlit as st

from core.errors import SourceScoutError, TargetError
from core.settings import allowed_roots, require_allowed
from core.target import TargetTask, load_target, parse_target
from pages import _state
from pages._text import code, count


def parse_uploaded(text: str) -> TargetTask:
    """The task in an uploaded TOML file. It has no folder here, so its path must be a full one."""
    task = parse_target(text, Path("/"))
    if not Path(tomllib.loads(text)["images"]).expanduser().is_absolute():
        raise TargetError(
            f"`images` is `{tomllib.loads(text)['images']}`, a path relative to a file that was uploaded.",
            "Write the full path into the file, or give the path of the file on this machine instead.",
        )
    return task


def load_here(path: str) -> TargetTask:
    """The task in a TOML file on this machine, under an allowed folder."""
    return load_target(require_allowed(Path(path.strip().strip("\"'")), allowed_roots()))


@st.dialog("Import a target", icon=":material/upload_file:")
def import_target(start_draft) -> None:
    """Ask for a TOML file; `start_draft(task)` opens the form with what it says."""
    st.caption("The form opens with what the file says. Nothing is kept until you press Save target.")
    path = st.text_input(
        "Path of the file on this machine",
        placeholder="/home/me/TARGET.toml",
        help="Relative paths in it are taken from its folder.",
        key="target_import_path",
    )
    upload = st.file_uploader(
        "Or upload a file", type=["toml"], max_upload_size=1, key="target_import_file",
        help="The images must be given by a full path on the machine that SourceScout runs on.",
    )  # fmt: skip
    if st.button("Import the file", type="primary", disabled=not (path.strip() or upload)):
        try:
            task = parse_uploaded(_text_of(upload)) if upload else load_here(path)
        except SourceScoutError as error:
            _state.show_error(error)
        else:
            start_draft(task)
            st.rerun()


def _text_of(upload) -> str:
    try:
        return upload.getvalue().decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError("The file is not UTF-8 text.", "Choose a TOML file that SourceScout exported.") from None


@st.dialog("Remove this target?", icon=":material/delete:")
def remove_target(current: _state.View) -> None:
    """Remove the target in view, after a yes."""
    if _state.active_run(current):
        st.markdown("A run of this target is going on. Cancel it on the scoring page first.")
        return
    runs = f" and {count(len(current.runs), 'run')} with the scores" if current.runs else ""
    st.markdown(
        f"SourceScout forgets {code(current.task.name)}{runs}. The images and the run folders are not touched. "
        "Export the target first if you may want it back."
    )
    if st.button("Remove target", type="primary"):
        _state.store().remove_target(current.target_id)
        _state.look_at(current.project.id, None)
        st.rerun()
