"""The sources page: the shortlist, a funnel that the team fills, and why the others are not on it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.sources.catalogue import checkpoints_of
from core.sources.leakage import CERTAIN, Leak
from core.sources.record import ACCESS, SourceDataset
from core.sources.search import Query, search
from core.sources.shortlist import CRITERIA, IN, OPEN, OUT, Step, as_rows, drop, left_after, shortlisted, standing
from pages import _state
from pages._sources_shared import gist, leaks, open_record, records
from pages._text import count, plain
from pages._words import point_out


def show_shortlist(current: _state.View) -> None:
    """Drop by access, licence, modality, size and leakage; keep what remains worth a closer look."""
    task = _state.require_target(current)
    known = records()
    steps = _state.store().shortlist(current.target_id)
    decided = standing(steps)
    st.markdown(
        f"From {len(known)} data sets to the few that are worth a closer look for **{plain(task.name)}**. "
        "Every step keeps its reason and can be undone. Similarity, intuition and scoring start from the list."
    )
    _show_list(current, known, steps)
    st.subheader("Narrow down", anchor=False)
    undecided = {key: record for key, record in known.items() if key not in decided}
    _show_funnel(current, undecided, leaks(current, known))
    _show_left(known, steps, len(undecided))
    _show_dropped(current, known, steps)
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
        with st.container(border=True):
            what, read, off = st.columns([6, 1, 1], vertical_alignment="center")
            what.markdown(f"**{plain(record.name if record else key)}**  \n:small[:gray["
                        + (gist(record) if record else "its record is no longer in the catalogue")
                        + (f" · {plain(step.reason)}" if step.reason else "") + "]]")  # fmt: skip
            if record and read.button(
                "Read", icon=":material/menu_book:", type="tertiary", key=f"shortlist_read_{key}"
            ):
                st.session_state["sources_next"] = {"sources_view": "Data sets"}
                open_record(key)
            if off.button("Take off", icon=":material/close:", type="tertiary", key=f"shortlist_off_{key}"):
                decide(current, [Step(key, OPEN, step.criterion, "taken off the list", _now())])
    options = [key for key in known if key not in chosen]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.multiselect("Add to the list", options, format_func=lambda key: known[key].name, key="shortlist_new",
                             placeholder="data sets")  # fmt: skip
        why = st.text_input("Why (may be left out)", key="shortlist_why", max_chars=200)
        if st.button("Add", icon=":material/add:", key="shortlist_add", disabled=not new):
            decide(current, [Step(key, IN, "other", why.strip(), _now()) for key in new], clear=True)
    point_out(why)


def _show_funnel(current: _state.View, undecided: dict[str, SourceDataset], warned: dict) -> None:
    """For each criterion a question, whom it would drop, and a button that drops them."""
    left, middle, right = st.columns(3)
    access = left.multiselect(
        "Access that we can live with", list(ACCESS), default=list(ACCESS)[:-1], key="shortlist_access",
        format_func=lambda value: ACCESS[value].split(":")[0],
    )  # fmt: skip
    there = sorted({word for record in undecided.values() for word in record.terms("modality")})
    modality = middle.multiselect(
        "Modalities worth looking at", there, key="shortlist_modality", placeholder="all",
        help="A source of the target's own modality is not always the better one: keep natural photographs in, the "
        "usual rival, to see what similarity is worth here.",
    )  # fmt: skip
    least = right.select_slider("At least so many images", [0, 1_000, 10_000, 100_000, 1_000_000],
                                key="shortlist_least", format_func=lambda n: f"{n:,}")  # fmt: skip
    for criterion, reason, against in _offers(current, undecided, warned, access, modality, least):
        _offer(current, criterion, reason, against)
    st.markdown("**Looks, custom, or anything else**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.multiselect("Drop others by hand", list(undecided), format_func=lambda key: undecided[key].name,
                               key="shortlist_drop", placeholder="data sets")  # fmt: skip
        criterion = st.selectbox("Because of", list(CRITERIA), format_func=CRITERIA.get, key="shortlist_criterion",
                                 width=180)  # fmt: skip
        why = st.text_input("Reason", key="shortlist_reason", max_chars=200)
        if st.button("Drop", icon=":material/do_not_disturb_on:", key="shortlist_drop_them",
                     disabled=not which or not why.strip()):  # fmt: skip
            decide(current, drop([undecided[key] for key in which], criterion, why.strip(), _now()), clear=True)
    point_out(why)


def _offers(
    current: _state.View, undecided: dict[str, SourceDataset], warned: dict[str, Leak],
    access: list[str], modality: list[str], least: int,
) -> Iterator[tuple[str, str, list[SourceDataset]]]:  # fmt: skip
    """Criterion, reason, and those that it speaks against."""
    candidates = [candidate.checkpoint for candidate in current.candidates]
    closed = _not(undecided, Query(access=tuple(access)))
    words = ", ".join(ACCESS[value].split(":")[0].lower() for value in access) or "none"
    yield (
        "access", f"access to the images is none of: {words}; and no checkpoint trained on them is known",
        [record for record in closed if not checkpoints_of(record, candidates).count],
    )  # fmt: skip
    if current.task.commercial_use:
        reason = "the licence of the images does not allow commercial use, which the target must allow"
        yield "licence", reason, _not(undecided, Query(data_commercial=("yes", "unclear")))
    if modality:
        yield "modality", f"none of: {', '.join(modality)}", _not(undecided, Query(modality=tuple(modality)))
    if least:
        yield "size", f"fewer than {least:,} images", _not(undecided, Query(least=least))
    inside = [undecided[key] for key, warning in warned.items() if key in undecided and warning.sure == CERTAIN]
    yield "leakage", "it holds images of the target, as far as the catalogue tells", inside


def _not(records: dict[str, SourceDataset], query: Query) -> list[SourceDataset]:
    """Those that tell something against what is asked. What is unknown drops nobody."""
    fits, may = search(records.values(), query)
    passing = {record.key for record in fits + may}
    return [record for key, record in records.items() if key not in passing]


def _offer(current: _state.View, criterion: str, reason: str, against: list[SourceDataset]) -> None:
    names = plain(", ".join(record.name for record in against)) or "nobody is affected"
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.markdown(f"**{CRITERIA[criterion]}:** {plain(reason)}  \n:small[:gray[{names}]]")
    if against and right.button(f"Drop {len(against)}", key=f"shortlist_because_{criterion}"):
        decide(current, drop(against, criterion, reason, _now()))


def _show_left(known: dict[str, SourceDataset], steps: list[Step], undecided: int) -> None:
    left, parts, before = left_after(known, steps), [f"{len(known)} in the catalogue"], len(known)
    for criterion, number in left.items():
        if number < before:
            parts.append(f"{number} after *{CRITERIA[criterion].lower()}*")
        before = number
    st.markdown(" → ".join([*parts, f"**{len(shortlisted(steps))} on the list**"]) + f", {undecided} undecided")


def _show_dropped(current: _state.View, known: dict[str, SourceDataset], steps: list[Step]) -> None:
    out = {key: step for key, step in standing(steps).items() if step.verdict == OUT}
    if not out:
        return
    with st.expander("What was dropped, and why", key="shortlist_dropped", on_change="rerun") as dropped:
        if not dropped.open:
            return
        st.caption(f"{count(len(out), 'data set')}. A click on a name brings that one back.")
        for number, (criterion, reason) in enumerate(
            dict.fromkeys((step.criterion, step.reason) for step in out.values())
        ):
            keys = [key for key, step in out.items() if (step.criterion, step.reason) == (criterion, reason)]
            left, right = st.columns([6, 1], vertical_alignment="center")
            left.markdown(f"**{CRITERIA[criterion]}:** {plain(reason)}")
            back = left.pills(
                "Bring back", keys, format_func=lambda key: known[key].name if key in known else key, wrap=True,
                key=f"shortlist_back_{number}_{len(steps)}", label_visibility="collapsed",
            )  # fmt: skip
            if right.button(
                f"Undo {len(keys)}", icon=":material/undo:", type="tertiary", key=f"shortlist_undo_{number}"
            ):
                decide(current, [Step(key, OPEN, criterion, "undone", _now()) for key in keys])
            if back:
                decide(current, [Step(back, OPEN, criterion, "undone", _now())])


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
