"""What the columns of a manifest mean: labels, patients, splits."""

import streamlit as st

from core.errors import SourceScoutError
from core.settings import full_path
from pages import _state
from pages._target_draft import Draft
from pages._target_reading import columns_of


def ask_columns(draft: Draft, path: str, label_type: str | None) -> dict | None:
    """What the columns of a manifest mean; None while it cannot be read (the reason is shown)."""
    try:
        found = columns_of(full_path(path))
    except SourceScoutError as error:
        _state.show_error(error)
        return None
    free = [column for column in found["all"] if column != "path"]
    base = draft.base if draft.base and str(draft.base.images) == path else None
    left, right = st.columns(2)
    with left:
        start = base.group_column if base else next(iter(found["group"]), "")
        group = _column(draft, "group_column", "Patient or group column", free, start, path)
    with right:
        automatic = "split" if "split" in free else ""
        start = (base.split_column if base else "") or automatic
        split = _column(draft, "split_column", "Split column", free, start, path, optional=not automatic)
    used = {group, split}
    if label_type == "multi-label":
        options = [column for column in found["binary"] if column not in used]
        labels = st.multiselect(
            "Label columns",
            options,
            default=[c for c in base.label_columns if c in options] if base and base.label_columns else options,
            key=draft.key("label_columns", path, group, split),
            help="Columns that hold only 0 (absent) and 1 (present).",
            persist_state="session",
        )
        st.caption(f"{len(labels)} of {len(options)} columns with 0 and 1 are used as labels.")
    else:
        options = [column for column in found["label"] or free if column not in used]
        given = base.label_columns[0] if base and base.label_columns else "label"
        label = st.selectbox(
            "Label column",
            options,
            index=options.index(given) if given in options else 0 if len(options) == 1 else None,
            placeholder="Choose the column that holds the class",
            key=draft.key("label_column", path, group, split),
            persist_state="session",
        )
        labels = [label] if label else []
    return {"group_column": group, "split_column": split, "label_columns": tuple(labels)}


def _column(
    draft: Draft, name: str, label: str, columns: list[str], start: str, path: str, optional: bool = True
) -> str:
    options = [""] * optional + columns
    return st.selectbox(
        label,
        options,
        index=options.index(start) if start in options else 0,
        format_func=lambda column: column or "none",
        key=draft.key(name, path),
        persist_state="session",
    )
