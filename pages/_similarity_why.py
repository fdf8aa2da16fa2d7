"""The similarity page: why a source is as far in meaning as it is, and what people know beyond its record."""

import pandas as pd
import streamlit as st

from core.similarity import taxonomy
from core.similarity.semantic import DIFFERS, INFERRED, MATCH, PARTLY, PERSON, READING, UNKNOWN, Comparison, Row, Told
from core.store import data_set_of
from pages import _state
from pages._text import plain

TAXONOMY = taxonomy.shipped()
MARKS = {
    MATCH: ":green-background[match]", PARTLY: ":blue-background[partly]", DIFFERS: ":orange-background[differs]",
    UNKNOWN: ":gray-background[unknown]",
}  # fmt: skip
NOT_SET = "unknown"


def show_why(current: _state.View, found: dict[str, Comparison]) -> None:
    """One source beside the target, property by property."""
    st.subheader("Why", anchor=False)
    key = st.selectbox("Source", list(found), format_func=lambda key: found[key].source, key="meaning_why",
                       bind="query-params", width=420)  # fmt: skip
    one = found[key]
    frame = pd.DataFrame(
        [_cells(row) for row in one.rows],
        index=[TAXONOMY.properties[row.about].title for row in one.rows],
        columns=["Target", plain(one.source), "How alike", "Distance", "Weight"],
    )
    st.table(frame, border="horizontal")
    st.caption(
        "*Partly*: both are kinds of the same thing; the distance is the smaller the deeper in the tree they meet (Wu "
        "and Palmer 1994), or, for the number of classes, the share of the steps between them. Of a set of several "
        "kinds the nearest counts, property by property, which need not be the same images."
    )
    _ask_unknown(current, key, one)


def _cells(row: Row) -> list[str]:
    state = MARKS[row.state]
    if row.shared and row.state == PARTLY:
        state += f" :small[both {plain(row.shared)}]"
    if row.nearest and len(row.target.values) * len(row.source.values) > 1:
        state += f" :small[:gray[nearest: {plain(' and '.join(dict.fromkeys(row.nearest)))}]]"
    distance = "" if row.distance is None else f"{row.distance:.2f}"
    default = TAXONOMY.weights[row.about]
    weight = f"{row.weight:g}" + ("" if row.weight == default else f" :small[:gray[(default {default:g})]]")
    return [_told(row.target), _told(row.source), state, distance, weight]


def _told(told: Told) -> str:
    """Values, and where they come from unless it is the record or description itself."""
    if not told.values:
        why = f": \u201c{plain(told.text)}\u201d is not in the taxonomy" if told.text else ""
        return f":gray[{UNKNOWN}{why}]"
    told_by = {INFERRED: told.text, READING: f"our reading of \u201c{told.text}\u201d", PERSON: "set here"}
    from_where = f" :small[:gray[{plain(told_by[told.by])}]]" if told.by in told_by else ""
    return plain(", ".join(told.values)) + from_where


def _ask_unknown(current: _state.View, source: str, one: Comparison) -> None:
    """What records leave open and people may know; it is kept beside the record, which stays as it is."""
    sides = {"Target": (data_set_of(current.target_id), {row.about: row.target for row in one.rows}),
             one.source: (source, {row.about: row.source for row in one.rows})}  # fmt: skip
    missing = {name: [about for about, told in side.items() if not told.values or told.by == PERSON]
               for name, (_, side) in sides.items()}  # fmt: skip
    if not any(missing.values()):
        return
    with st.expander("Set what is unknown", key="meaning_unknown"):
        st.caption("For this project only. What is set for the target counts for all sources, what is set for a source "
                   "for all targets; records stay as they are.")  # fmt: skip
        for column, (name, (data_set, side)) in zip(st.columns(2, gap="large"), sides.items(), strict=True):
            column.markdown(f"**{plain(name)}**" + ("" if missing[name] else ": nothing is unknown"))
            for about in missing[name]:
                with column:
                    _ask_value(current.project.id, data_set, about, side[about])


def _ask_value(project_id: str, data_set: str, about: str, told: Told) -> None:
    asked = TAXONOMY.properties[about]
    options = [NOT_SET, *asked.values]
    key = f"place_{data_set}_{about}"
    st.session_state[key] = told.values[0] if told.values else NOT_SET
    st.selectbox(
        asked.title, options, key=key, help=asked.asks,
        format_func=lambda value: value if value == NOT_SET else " \u203a ".join(asked.path(value)),
        on_change=_place, args=(project_id, data_set, about, key),
    )  # fmt: skip


def _place(project_id: str, data_set: str, about: str, key: str) -> None:
    value = st.session_state[key]
    _state.store().place(project_id, data_set, about, None if value == NOT_SET else value)
