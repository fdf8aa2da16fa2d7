"""The sources page: timm's pretrained tags, chosen by what they were pretrained on, then by architecture."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from core import catalog_tags
from core.availability import require_new_names
from core.catalog_tags import QUICK_PICKS, SIZES, UNKNOWN
from core.checking import check, torch_installed
from core.errors import CheckpointError, SourceScoutError
from core.hub import is_cached
from pages import _state
from pages._sources_admit import say, show_failure
from pages._text import count, plain

COLUMNS = {
    "tag": st.column_config.TextColumn("Tag", width=280, help="Architecture, a dot, and its training recipe."),
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
        "Terms to accept?",
        help="Inferred: weights under an owner's own licence are often gated, that is, given only to accounts that "
        "accepted terms. timm does not record it; the hub says it when the weights are fetched.",
    ),
    "classes": st.column_config.NumberColumn("Classes", format="%d", help="Outputs of the source head; 0: no head."),
}
PICK_SIZES = {"tiny": "tiny", "small": "small", "base": "base", "large": "large"}
CHOSEN = "sources_tags_chosen"  # the tags that will be registered, in the order in which they were chosen
TABLE = "sources_tags_table"  # the number of the table that is drawn: a new one begins with what is chosen by then
MOST_LISTED = 30


def show_tags(current: _state.View) -> None:
    """Quick picks and a searchable table; what is chosen in either is kept and listed until it is registered."""
    st.session_state.setdefault(CHOSEN, [])
    st.session_state.setdefault(TABLE, 0)
    _show_picks()
    _show_table(_show_filters())
    _show_chosen(current)
    for error in st.session_state.get("sources_tags_failures", []):
        show_failure(error)


def _choose(tags: Iterable[str], without: Iterable[str] = ()) -> None:
    kept = [tag for tag in st.session_state[CHOSEN] if tag not in without]
    st.session_state[CHOSEN] = kept + [tag for tag in tags if tag not in kept]


def _drop(tags: list[str]) -> None:
    _choose([], without=tags)
    st.session_state[TABLE] += 1


def _show_picks() -> None:
    """For each usual kind of pretraining a few networks, small to large."""
    st.markdown("**Usual starting points**, by what they were pretrained on")

    def take(key: str, tags: tuple[str, ...]) -> None:
        _choose(st.session_state[key], without=set(tags) - set(st.session_state[key]))
        st.session_state[TABLE] += 1

    for number, (label, tags) in enumerate(QUICK_PICKS.items()):
        key = f"sources_tags_pick{number}"
        chosen = [tag for tag in tags if tag in st.session_state[CHOSEN]]
        if st.session_state.get(key, []) != chosen:  # setting it each time would undo a click that is on its way
            st.session_state[key] = chosen
        st.pills(label, tags, selection_mode="multi", format_func=_pick_name, key=key, wrap=True, on_change=take,
                 args=(key, tags))  # fmt: skip


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

    left, middle, right = st.columns(3)
    text = left.text_input("Search tags", placeholder="convnext laion2b", key="sources_tags_text",
                           persist_state="session", help="Words of the tag, family, data or licence.")  # fmt: skip
    data = several(middle, "Pretraining data", "data", "data", placeholder="any")
    kinds = several(right, "Kind of pretraining", "kind", "kind", placeholder="any")
    left, middle, right = st.columns(3)
    size = left.selectbox("Network size", list(SIZES), index=None, placeholder="any", format_func=SIZES.get,
                          key="sources_tags_size", persist_state="session")  # fmt: skip
    licences = several(middle, "Licence", "licence", "licence", placeholder="any",
                       format_func=lambda licence: licence or "not stated")  # fmt: skip
    inputs = several(right, "Input size", "input_height", "input", placeholder="any")
    return catalog_tags.search(text, data, kinds, size, licences, inputs)


def _show_table(found: pd.DataFrame) -> None:
    """The facts of the tags that were found; a selected row is a chosen tag."""
    if found.empty:
        st.caption("No tag fits. Take a filter away, or search for fewer words.")
        return
    unknown = int(found["data"].str.startswith(UNKNOWN).sum())
    st.caption(
        f"{count(len(found), 'tag')}; select rows at their left edge. What is chosen stays chosen while you search on."
        + (f" Of {unknown:,}, the name does not tell the pretraining data, and neither does timm: unknown."
           if unknown else "")
    )  # fmt: skip
    tags = list(found.index)
    chosen = [tag for tag in st.session_state[CHOSEN] if tag in found.index]
    key = f"{TABLE}_{st.session_state[TABLE]}_{hash(tuple(tags))}"

    def take() -> None:  # only what differs: a table that is gone reports its rows once more, after later clicks
        selected = [tags[row] for row in st.session_state[key].selection.rows]
        _choose([tag for tag in selected if tag not in chosen], without=set(chosen) - set(selected))

    st.dataframe(
        found[list(COLUMNS)], column_config=COLUMNS, hide_index=True, height=360, on_select=take,
        selection_mode="multi-row", key=key,
        selection_default={"selection": {"rows": [tags.index(tag) for tag in chosen]}},
    )  # fmt: skip


def _show_chosen(current: _state.View) -> None:
    """What was chosen, each with what it takes and a way to remove it, and the button that registers all."""
    chosen = st.session_state[CHOSEN]
    with st.container(border=True, gap="xsmall", key="sources_tags_list"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**Chosen: {count(len(chosen), 'tag')}**" if chosen else "**Nothing chosen yet**",
                        width="content")  # fmt: skip
            if len(chosen) > 1:
                st.button("Remove all", icon=":material/close:", type="tertiary", on_click=_drop, args=(chosen,),
                          key="sources_tags_drop_all")  # fmt: skip
        for tag in chosen[:MOST_LISTED]:
            _show_chosen_tag(tag)
        if len(chosen) > MOST_LISTED:
            st.caption(f"and {len(chosen) - MOST_LISTED:,} more")
        absent = [tag for tag in chosen if not is_cached(tag)]
        if absent:
            st.caption(f"About {catalog_tags.download_mb(absent):,.0f} MB to download.")
        label = f"Register {count(len(chosen), 'tag')}" if chosen else "Register"
        if st.button(label, type="primary", icon=":material/add:", key="sources_tags_register", disabled=not chosen):
            st.session_state["sources_tags_failures"] = _register(current, chosen)
            _drop(chosen)
            st.rerun()


def _show_chosen_tag(tag: str) -> None:
    row = catalog_tags.load().loc[tag]
    facts = [f"{row['data']} ({row['kind']})", row["licence"] or "licence not stated"]
    facts.append("in this machine's cache" if is_cached(tag) else f"about {catalog_tags.download_mb([tag]):,.0f} MB")
    if row["gated"] != "not recorded":
        facts.append("perhaps terms to accept, judging by its licence")
    if reason := catalog_tags.why_not(tag):
        facts = [f"cannot be registered. {reason}"]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(horizontal=True, vertical_alignment="center", width="stretch"):
            st.markdown(f"`{tag}`", width="content")
            st.caption(plain("  ·  ".join(facts)), width="content")
        st.button("Remove", icon=":material/close:", type="tertiary", key=f"sources_tags_drop_{tag}",
                  help=f"Take {tag} off the list", on_click=_drop, args=([tag],))  # fmt: skip


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
        if report.get("ok", True) or report.get("not_downloaded"):
            _state.store().save_checkpoint(current.project.id, checkpoint, report)
            saved.append(plain(checkpoint.name))
        else:
            failures.append(CheckpointError(report["error"]["message"], report["error"]["remedy"]))
    if saved:
        later = f"; {absent} not downloaded yet, see what to do in the list" if absent else ""
        say(f"Registered: {', '.join(saved)}{later}.", "warning" if absent else "success")
    return failures
