"""The sources page: the catalogue of source data sets, searched, compared with the target, and read."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.sources.catalogue import checkpoints_of
from core.sources.leakage import Leak
from core.sources.record import ACCESS, FIELDS, LABELS, SourceDataset
from core.sources.search import Query, search
from core.sources.shortlist import IN, OUT, Step, standing
from pages import _state
from pages._sources_compare import MOST_COMPARED, show_comparison
from pages._sources_own import show_sharing
from pages._sources_record import show_record
from pages._sources_shared import COMMERCIAL, gist, leaks, open_record, records, show_badges
from pages._text import count, plain

CARDS_SHOWN, PER_ROW = 9, 3
COMPARED = "sources_compare"
ORDERS = {"checkpoints": "Most checkpoints first", "images": "Largest first", "name": "By name"}
SIZES = (None, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def show_data_sets(current: _state.View) -> None:
    """One record where the URL names it; else the catalogue, with filters and a comparison."""
    known = records()
    opened = st.query_params.get("source")
    if opened in known:
        if st.button("All data sets", icon=":material/arrow_back:", type="tertiary", key="sources_back"):
            st.query_params.pop("source", None)
            st.rerun()
        show_record(current, known[opened], leaks(current, known).get(opened))
        return
    st.markdown(
        f"{len(known)} data sets that networks are pretrained on. Every fact says who states it and when that "
        "was read; what nobody states is shown as unknown."
    )
    fits, may = search(known.values(), _ask(known))
    chosen = _ask_compared(known)
    if chosen:
        show_comparison(current, [known[key] for key in chosen])
    found = _ordered(current, _say_found(fits, may))
    if st.session_state["sources_look"] == "Table":
        _show_table(current, found)
    else:
        _show_cards(current, known, found)
    show_sharing(known)


def _ask(known: dict[str, SourceDataset]) -> Query:
    """The filters; they stand in the URL."""

    def several(column, about: str, options: Sequence[str], **more) -> tuple[str, ...]:
        return tuple(column.multiselect(FIELDS[about].title, options, key=f"sources_{about}", placeholder="any",
                                        help=FIELDS[about].about, bind="query-params", persist_state="session",
                                        **more))  # fmt: skip

    everywhere = known.values()
    columns = st.columns([1.4, 1, 1, 1])
    text = columns[0].text_input(
        "Search", key="sources_text", placeholder="chest, stain, label noise", bind="query-params",
        persist_state="session",
        help="All words must occur in the record, or begin one of its words.",
    )  # fmt: skip
    modality = several(columns[1], "modality", _terms(everywhere, "modality"))
    access = several(columns[2], "access", list(ACCESS), format_func=lambda value: ACCESS[value].split(":")[0])
    commercial = several(columns[3], "data_commercial", list(COMMERCIAL), format_func=COMMERCIAL.get)
    with st.expander("More filters"):
        columns = st.columns([1, 1, 1, 1.4])
        anatomy = several(columns[0], "anatomy", _terms(everywhere, "anatomy"))
        labels = several(columns[1], "label_type", list(LABELS), format_func=LABELS.get)
        color = several(columns[2], "color", ["grey", "colour"])
        least = columns[3].selectbox("At least so many images", SIZES, key="sources_least", bind="query-params",
                                     persist_state="session",
                                     format_func=lambda size: f"{size:,}" if size else "any")  # fmt: skip
    return Query(text, modality, anatomy, access, commercial, labels, color, least)


def _terms(everywhere, about: str) -> list[str]:
    return sorted({word for record in everywhere for word in record.terms(about)})


def _ask_compared(known: dict[str, SourceDataset]) -> list[str]:
    return st.multiselect(
        "Compare side by side, with the target", list(known), key=COMPARED, bind="query-params",
        persist_state="session",
        format_func=lambda key: known[key].name, max_selections=MOST_COMPARED,
        placeholder=f"up to {MOST_COMPARED} data sets",
    )  # fmt: skip


def _say_found(fits: list[SourceDataset], may: list[SourceDataset]) -> list[SourceDataset]:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(count(len(fits), "data set fits", "data sets fit"), anchor=False, width="content")
        also = bool(may) and st.toggle(
            f"and {len(may)} of which something asked for is unknown", key="sources_unknown", bind="query-params",
            help="Nothing that they tell speaks against them.",
        )  # fmt: skip
        st.segmented_control("Order", list(ORDERS), default="checkpoints", required=True, key="sources_order",
                             format_func=ORDERS.get, bind="query-params", label_visibility="collapsed")  # fmt: skip
        st.segmented_control("Look", ["Cards", "Table"], default="Cards", required=True, key="sources_look",
                             bind="query-params", label_visibility="collapsed")  # fmt: skip
    if not fits and not also:
        st.caption("Take a filter away, or search for fewer words.")
    return fits + may if also else fits


def _ordered(current: _state.View, found: list[SourceDataset]) -> list[SourceDataset]:
    """In the order that was asked for; those that go by what was searched for come first."""
    text = st.session_state["sources_text"].strip().lower()
    candidates = [candidate.checkpoint for candidate in current.candidates]
    by = {
        "checkpoints": lambda record: -checkpoints_of(record, candidates).count,
        "images": lambda record: -(record.value("images") or -1),
        "name": lambda record: record.name.lower(),
    }
    order = by[st.session_state["sources_order"]]
    return sorted(found, key=lambda record: (text not in " ".join(record.names).lower(), order(record)))


def _show_cards(current: _state.View, known: dict[str, SourceDataset], found: list[SourceDataset]) -> None:
    warned = leaks(current, known)
    decided = standing(_state.store().shortlist(current.target_id)) if current.target_id else {}
    shown = st.session_state.setdefault("sources_cards", CARDS_SHOWN)
    with st.container(key="sources_found"):
        for begin in range(0, min(shown, len(found)), PER_ROW):
            for column, record in zip(st.columns(PER_ROW), found[begin : begin + PER_ROW], strict=False):
                with column.container(border=True, height="stretch", gap="xsmall"):
                    _show_card(record, warned.get(record.key), decided.get(record.key))
    if shown < len(found) and st.button(f"Show {len(found) - shown} more", key="sources_cards_more"):
        st.session_state["sources_cards"] = len(found)
        st.rerun()


def _show_card(record: SourceDataset, warning: Leak | None, decision: Step | None) -> None:
    st.markdown(f"**{plain(record.name)}**")
    st.caption(gist(record))
    with st.container(horizontal=True, gap="small"):
        show_badges(record, warning)
        if decision and decision.verdict == IN:
            st.badge("Shortlisted", icon=":material/star:", color="blue")
        elif decision and decision.verdict == OUT:
            st.badge("Dropped", icon=":material/do_not_disturb_on:", color="gray", help=decision.reason)
    st.markdown(plain(record.summary))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("Read", icon=":material/menu_book:", key=f"sources_read_{record.key}", help=record.name):
            open_record(record.key)
        compared = st.session_state.get(COMPARED, [])
        if record.key in compared:
            st.button(
                "Compared", icon=":material/check:", type="tertiary", disabled=True, key=f"sources_in_{record.key}"
            )
        else:
            st.button("Compare", icon=":material/compare_arrows:", type="tertiary", key=f"sources_add_{record.key}",
                      disabled=len(compared) >= MOST_COMPARED, on_click=_compare, args=(record.key,))  # fmt: skip


def _compare(key: str) -> None:
    st.session_state[COMPARED] = [*st.session_state.get(COMPARED, []), key]


def _show_table(current: _state.View, found: list[SourceDataset]) -> None:
    """All that were found; a selected row opens its record."""
    candidates = [candidate.checkpoint for candidate in current.candidates]
    rows = []
    for record in found:
        rows.append({
            "Name": record.name,
            "Modality": ", ".join(record.terms("modality")),
            "Anatomy": ", ".join(record.terms("anatomy")),
            "Images": record.value("images"),
            "Classes": record.value("classes"),
            "Patients": record.value("patients"),
            "Labels": record.value("label_type"),
            "Colour": record.value("color"),
            "Access": record.value("access"),
            "Commercial use": record.value("data_commercial"),
            "Checkpoints": checkpoints_of(record, candidates).count,
        })  # fmt: skip
    whole = st.column_config.NumberColumn(format="localized")
    pretrained = st.column_config.NumberColumn(
        help="timm's tags, known files and candidates of this project that were pretrained on it."
    )
    chosen = st.dataframe(
        pd.DataFrame(rows), hide_index=True, on_select="rerun", selection_mode="single-row", key="sources_table",
        column_config={"Images": whole, "Classes": whole, "Patients": whole, "Checkpoints": pretrained},
    )  # fmt: skip
    st.caption("An empty cell is unknown. Select a row to read the record.")
    if chosen.selection.rows:
        open_record(found[chosen.selection.rows[0]].key)
