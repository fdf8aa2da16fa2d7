"""The sources page: the shortlist, a funnel that the team fills, and why the others are not on it."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.sources.compare import modalities_of
from core.sources.leakage import CERTAIN
from core.sources.record import SourceDataset
from core.sources.search import Query, search
from core.sources.shortlist import CRITERIA, IN, OPEN, OUT, Step, as_rows, drop, left_after, shortlisted, standing
from pages import _state
from pages._sources_shared import gist, leaks, open_record, records
from pages._text import count, plain

USABLE = ("open", "registration", "gated", "on request")


def show_shortlist(current: _state.View) -> None:
    """Drop by access, licence, modality, size and leakage; keep what remains worth a closer look."""
    if current.task is None:
        st.info("A shortlist belongs to a target task, and none is in view.")
        st.page_link("target.py", label="Describe the target", icon=":material/target:")
        return
    known = records()
    steps = _state.store().shortlist(current.target_id)
    decided = standing(steps)
    st.markdown(
        f"From {len(known)} data sets to the few that are worth a closer look for **{plain(current.task.name)}**. "
        "Every step keeps its reason and can be undone. Similarity, intuition and scoring start from the list."
    )
    _show_list(current, known, steps)
    st.subheader("Narrow down", anchor=False)
    undecided = {key: record for key, record in known.items() if key not in decided}
    _show_funnel(current, undecided, leaks(current, known))
    _show_left(known, steps, len(undecided))
    _show_dropped(current, known, decided)
    if steps:
        with st.expander(f"All {count(len(steps), 'step')}, as they happened"):
            frame = pd.DataFrame(as_rows(known, steps))
            st.dataframe(frame, hide_index=True)
            st.download_button("Download as CSV", frame.to_csv(index=False), "shortlist.csv", "text/csv",
                               icon=":material/download:", on_click="ignore")  # fmt: skip


def _show_list(current: _state.View, known: dict[str, SourceDataset], steps: list[Step]) -> None:
    chosen = shortlisted(steps)
    st.subheader(f"On the list: {len(chosen)}", anchor=False)
    if not chosen:
        st.caption("Nothing yet. Add data sets below, or from their records.")
    for key in chosen:
        record, step = known.get(key), standing(steps)[key]
        with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{plain(record.name if record else key)}**  \n:small[:gray["
                        + (gist(record) if record else "its record is no longer in the catalogue")
                        + (f" · {plain(step.reason)}" if step.reason else "") + "]]", width="stretch")  # fmt: skip
            if record and st.button("Read", icon=":material/menu_book:", type="tertiary", key=f"shortlist_read_{key}"):
                st.session_state["sources_next"] = {"sources_view": "Data sets"}
                open_record(key)
            if st.button("Take off", icon=":material/close:", type="tertiary", key=f"shortlist_off_{key}"):
                decide(current, [Step(key, OPEN, step.criterion, "taken off the list", _now())])
    options = [key for key in known if key not in chosen]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.multiselect("Add to the list", options, format_func=lambda key: known[key].name, key="shortlist_new",
                             placeholder="data sets")  # fmt: skip
        why = st.text_input("Why (may be left out)", key="shortlist_why", max_chars=200)
        if st.button("Add", icon=":material/add:", key="shortlist_add", disabled=not new):
            decide(current, [Step(key, IN, "other", why.strip(), _now()) for key in new], clear=True)


def _show_funnel(current: _state.View, undecided: dict[str, SourceDataset], warned: dict) -> None:
    """For each criterion a question, how many undecided data sets it would drop, and a button that drops them."""
    task = current.task
    there = sorted({word for record in undecided.values() for word in record.terms("modality")})
    modality = st.multiselect(
        "Modalities worth looking at", there, default=[word for word in modalities_of(task) if word in there],
        key=f"shortlist_modality_{current.target_id}", placeholder="all",
        help="Natural photographs are the usual rival of medical sources; keep them in to compare.",
    )  # fmt: skip
    least = st.select_slider("At least so many images", [0, 1_000, 10_000, 100_000, 1_000_000], key="shortlist_least",
                             format_func=lambda n: f"{n:,}")  # fmt: skip
    offers = [("access", "not released: neither images nor, as a rule, weights can be had",
               _not(undecided, Query(access=USABLE)))]  # fmt: skip
    if task.commercial_use:
        offers.append(("licence", "the licence does not allow commercial use, which the target must allow",
                       _not(undecided, Query(data_commercial=("yes", "unclear")))))  # fmt: skip
    if modality:
        offers.append(("modality", f"none of {', '.join(modality)}", _not(undecided, Query(modality=tuple(modality)))))
    if least:
        offers.append(("size", f"fewer than {least:,} images", _not(undecided, Query(least=least))))
    inside = [undecided[key] for key, warning in warned.items() if key in undecided and warning.sure == CERTAIN]
    offers.append(("leakage", "it holds images of the target, as far as the catalogue tells", inside))
    for criterion, reason, against in offers:
        _offer(current, criterion, reason, against)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.multiselect("Drop others by hand", list(undecided), format_func=lambda key: undecided[key].name,
                               key="shortlist_drop", placeholder="data sets")  # fmt: skip
        criterion = st.selectbox("Because of", list(CRITERIA), format_func=CRITERIA.get, key="shortlist_criterion",
                                 width=180)  # fmt: skip
        why = st.text_input("Reason", key="shortlist_reason", max_chars=200)
        if st.button("Drop", icon=":material/do_not_disturb_on:", key="shortlist_drop_them",
                     disabled=not which or not why.strip()):  # fmt: skip
            decide(current, drop([undecided[key] for key in which], criterion, why.strip(), _now()), clear=True)


def _not(records: dict[str, SourceDataset], query: Query) -> list[SourceDataset]:
    """Those that tell something against what is asked. What is unknown drops nobody."""
    fits, may = search(records.values(), query)
    passing = {record.key for record in fits + may}
    return [record for key, record in records.items() if key not in passing]


def _offer(current: _state.View, criterion: str, reason: str, against: list[SourceDataset]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        names = plain(", ".join(record.name for record in against)) or "nobody is affected"
        st.markdown(f"**{CRITERIA[criterion]}:** {plain(reason)}  \n:small[:gray[{names}]]", width="stretch")
        if against and st.button(f"Drop {len(against)}", key=f"shortlist_{criterion}"):
            decide(current, drop(against, criterion, reason, _now()))


def _show_left(known: dict[str, SourceDataset], steps: list[Step], undecided: int) -> None:
    left, parts, before = left_after(known, steps), [f"{len(known)} in the catalogue"], len(known)
    for criterion, number in left.items():
        if number < before:
            parts.append(f"{number} after *{CRITERIA[criterion].lower()}*")
        before = number
    st.markdown(" → ".join([*parts, f"**{len(shortlisted(steps))} on the list**"]) + f", {undecided} undecided")


def _show_dropped(current: _state.View, known: dict[str, SourceDataset], decided: dict[str, Step]) -> None:
    out = {key: step for key, step in decided.items() if step.verdict == OUT}
    if not out:
        return
    with st.expander(f"Dropped: {len(out)}, with reasons", key="shortlist_dropped", on_change="rerun") as dropped:
        if not dropped.open:
            return
        for key, step in out.items():
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                name = known[key].name if key in known else key
                st.markdown(f"**{plain(name)}** :gray[{CRITERIA[step.criterion].lower()}: {plain(step.reason)}]",
                            width="stretch")  # fmt: skip
                if st.button("Undo", icon=":material/undo:", type="tertiary", key=f"shortlist_undo_{key}"):
                    decide(current, [Step(key, OPEN, step.criterion, "undone", _now())])


def show_decision(current: _state.View, record: SourceDataset) -> None:
    """On a record: whether it is on the list, and the way to put it there."""
    if current.target_id is None:
        return
    step = standing(_state.store().shortlist(current.target_id)).get(record.key)
    with st.container(horizontal=True, vertical_alignment="center"):
        if step and step.verdict == IN:
            st.markdown(f":material/star: On the shortlist. {plain(step.reason)}", width="content")
        elif step:
            st.markdown(f":material/do_not_disturb_on: Dropped ({CRITERIA[step.criterion].lower()}): "
                        f"{plain(step.reason)}", width="content")  # fmt: skip
        if not (step and step.verdict == IN) and st.button("Put on the shortlist", icon=":material/star:"):
            decide(current, [Step(record.key, IN, "other", "", _now())])
        if step and st.button("Undo", icon=":material/undo:", type="tertiary", key="record_undo"):
            decide(current, [Step(record.key, OPEN, step.criterion, "undone", _now())])


def decide(current: _state.View, steps: list[Step], clear: bool = False) -> None:
    _state.store().add_to_shortlist(current.target_id, steps)
    if clear:
        for key in ("shortlist_new", "shortlist_why", "shortlist_drop", "shortlist_reason"):
            st.session_state.pop(key, None)
    st.rerun()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
