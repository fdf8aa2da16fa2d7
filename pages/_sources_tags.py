"""The sources page: timm's pretrained tags, chosen by what they were pretrained on, then by architecture."""

import pandas as pd
import streamlit as st

from core import catalog_tags
from core.availability import require_new_names
from core.catalog_tags import QUICK_PICKS, SIZES, UNKNOWN
from core.checking import check, torch_installed
from core.errors import CheckpointError, SourceScoutError
from pages import _state
from pages._sources_admit import say, show_failure
from pages._text import count, plain

COLUMNS = {
    "tag": st.column_config.TextColumn("Tag", width="large", help="Architecture, a dot, and its training recipe."),
    "data": st.column_config.TextColumn("Pretraining data", help="Read from the tag's name or a hand-checked table."),
    "kind": st.column_config.TextColumn("Kind of pretraining", help="Of the first step."),
    "backbone_m": st.column_config.NumberColumn("Parameters (M)", format="%.1f", help="Without the classifier."),
    "multiply_adds_g": st.column_config.NumberColumn(
        "Multiply-adds (G)", format="%.2f", help="Convolutions and matrix products, one image at the input size."
    ),
    "input_height": st.column_config.NumberColumn("Input (px)", format="%d"),
    "features": st.column_config.NumberColumn("Embedding", format="%d", help="Numbers per image."),
    "licence": st.column_config.TextColumn("Licence"),
    "gated": st.column_config.TextColumn(
        "Gated", help="timm does not record it. Weights under an owner's own licence often ask to accept terms."
    ),
    "classes": st.column_config.NumberColumn("Classes", format="%d", help="Outputs of the source head; 0: no head."),
}
PICK_SIZES = {"tiny": "tiny", "small": "small", "base": "base", "large": "large"}


def show_tags(current: _state.View) -> None:
    """Quick picks, a searchable table, and a button that registers what was chosen in either."""
    scope = f"sources_tags{st.session_state.setdefault('sources_tags_form', 0)}"
    picked = _show_picks(scope)
    found = _show_filters()
    picked += [tag for tag in _show_table(found, scope) if tag not in picked]
    if picked:
        st.caption(
            f"Chosen: {', '.join(f'`{tag}`' for tag in picked)}. About {catalog_tags.download_mb(picked):,.0f} MB "
            "to download, unless they are in this machine's cache."
        )
    label = f"Register {count(len(picked), 'tag')}" if picked else "Register"
    if st.button(label, type="primary", icon=":material/add:", key=f"{scope}_register", disabled=not picked):
        st.session_state["sources_tags_failures"] = _register(current, picked)
        st.session_state["sources_tags_form"] += 1
        st.rerun()
    for error in st.session_state.get("sources_tags_failures", []):
        show_failure(error)


def _show_picks(scope: str) -> list[str]:
    """For each usual kind of pretraining a few networks, small to large; those that were clicked."""
    st.markdown("**Usual starting points**, by what they were pretrained on")
    picked: list[str] = []
    for number, (label, tags) in enumerate(QUICK_PICKS.items()):
        picked += st.pills(label, tags, selection_mode="multi", format_func=_pick_name, key=f"{scope}_pick{number}",
                           wrap=True)  # fmt: skip
    return picked


def _pick_name(tag: str) -> str:
    row = catalog_tags.load().loc[tag]
    like = ", ResNet-50 class" if row["resnet50_class"] and row["size"] != "base" else ""
    return f"{tag.replace('.', ' · ')} ({PICK_SIZES[row['size']]}{like})"


def _show_filters() -> pd.DataFrame:
    """All tags, or those that fit what is asked."""
    st.markdown(f"**All {len(catalog_tags.load()):,} tags**, searchable without a network")

    def several(column, label: str, of: str, key: str, **more) -> tuple:
        options = catalog_tags.choices(of)
        return tuple(column.multiselect(label, options, key=f"sources_tags_{key}", persist_state="session", **more))

    left, right = st.columns(2)
    data = several(left, "Pretraining data", "data", "data", placeholder="any")
    kinds = several(right, "Kind of pretraining", "kind", "kind", placeholder="any")
    left, middle, right = st.columns(3)
    size = left.selectbox("Network size", list(SIZES), index=None, placeholder="any", format_func=SIZES.get,
                          key="sources_tags_size", persist_state="session")  # fmt: skip
    licences = several(middle, "Licence", "licence", "licence", placeholder="any",
                       format_func=lambda licence: licence or "not stated")  # fmt: skip
    inputs = several(right, "Input size", "input_height", "input", placeholder="any")
    text = st.text_input("Search tags", placeholder="convnext laion2b", key="sources_tags_text",
                         persist_state="session", help="Words of the tag, family, data or licence.")  # fmt: skip
    return catalog_tags.search(text, data, kinds, size, licences, inputs)


def _show_table(found: pd.DataFrame, scope: str) -> list[str]:
    """The facts of the tags that were found; those whose rows are selected."""
    if found.empty:
        st.caption("No tag fits. Take a filter away, or search for fewer words.")
        return []
    unknown = int(found["data"].str.startswith(UNKNOWN).sum())
    st.caption(
        f"{count(len(found), 'tag')}; select rows at their left edge."
        + (f" Of {unknown:,}, the name does not tell the pretraining data, and neither does timm: unknown."
           if unknown else "")
    )  # fmt: skip
    chosen = st.dataframe(
        found[list(COLUMNS)], column_config=COLUMNS, hide_index=True, height=320, on_select="rerun",
        selection_mode="multi-row", key=f"{scope}_table_{hash(tuple(found.index))}",
    )  # fmt: skip
    return list(found.index[chosen.selection.rows])


def _register(current: _state.View, tags: list[str]) -> list[SourceScoutError]:
    """Register `tags`, checked where it is possible; the reasons for those that were refused."""
    taken = [candidate.checkpoint.name for candidate in current.candidates]
    ready, failures = [], []
    for tag in tags:
        try:
            checkpoint = catalog_tags.checkpoint_of(tag)
            require_new_names([checkpoint], taken)
            ready.append(checkpoint)
        except SourceScoutError as error:
            failures.append(error)
    with st.spinner(f"Fetching what is not in the cache, then trying {count(len(ready), 'network')}", show_time=True):
        reports = check(ready) if torch_installed() else [{}] * len(ready)
    absent = sum(report.get("not_downloaded", False) for report in reports)
    saved = []
    for checkpoint, report in zip(ready, reports, strict=True):
        if report.get("ok", True) or report["not_downloaded"]:
            _state.store().save_checkpoint(current.project.id, checkpoint, report)
            saved.append(plain(checkpoint.name))
        else:
            failures.append(CheckpointError(report["error"]["message"], report["error"]["remedy"]))
    if saved:
        later = f"; {absent} not downloaded yet, see what to do in the list" if absent else ""
        say(f"Registered: {', '.join(saved)}{later}.", "warning" if absent else "success")
    return failures
