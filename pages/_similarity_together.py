"""The similarity page, view *Side by side*: each answer in its own order, and where they disagree. Never one number."""

from itertools import combinations

import pandas as pd
import streamlit as st

from core.errors import SourceScoutError
from core.scoring.agreement import FEWEST, tau_b
from core.similarity.measures import MEASURES
from core.similarity.order import tiers
from core.similarity.semantic import compare as compare_meaning
from core.similarity.visual import answers
from core.similarity.visual_glossary import GROUPS
from pages import _state
from pages._similarity_meaning import TAXONOMY, profiles_of
from pages._similarity_measured import choose_encoders, results_of
from pages._similarity_sets import Comparison, compare, show_state
from pages._similarity_visual import compare_looks
from pages._sources_shared import records
from pages._text import plain

OFFERED = ("kid", "mixing", "frechet", "mmd_rbf")  # of the measures of a network
Found = dict[str, dict]  # source -> value, low, high


def show_side_by_side(current: _state.View, names: dict[str, str]) -> None:
    """Meaning, looks (two answers) and what each chosen network sees, as orders next to each other."""
    encoders = choose_encoders(current)
    try:
        found = compare(current, names, encoders)
        show_state(found)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    key = st.segmented_control(
        "Networks measured by", OFFERED, default=OFFERED[0], required=True, key="similarity_measure",
        format_func=lambda key: MEASURES[key].name, bind="query-params",
        help="Neighbour mixing is 0 for all sources that the network tells from the target without fail; MMD "
        "(fingerprint) is known of sets without images, too.",
    ) if encoders else OFFERED[0]  # fmt: skip
    columns = {"In meaning": ("0 the same, 1 nothing in common", "low", _meaning(current, names))}
    columns |= {title: ("standard deviations", "low", seen) for title, seen in looks_of(found).items()}
    for encoder in results_of(found)["encoders"]:
        columns[f"To {encoder['name']}"] = (MEASURES[key].unit, MEASURES[key].alike, _network(encoder, key))
    for place, (title, (unit, alike, seen)) in zip(st.columns(len(columns)), columns.items(), strict=True):
        with place, st.container(border=True, height="stretch"):
            st.markdown(f"**{plain(title)}**")
            st.caption(f"Most alike first ({unit})")
            _show_order(seen, alike, list(names.values()))
    st.caption(
        "In brackets: the range that unknown properties leave open (meaning), else the 95 % interval. Sources under "
        "one number cannot be told apart by that answer. Each answers its own question; none of them is more right."
    )
    _show_agreement({title: (alike, seen) for title, (_, alike, seen) in columns.items()}, list(names.values()))


def _meaning(current: _state.View, names: dict[str, str]) -> Found:
    known = records()
    target, profiles = profiles_of(current, {key: known[key] for key in names if key in known})
    found = {names[key]: compare_meaning(target, profile, TAXONOMY) for key, profile in profiles.items()}
    return {
        name: {"value": one.distance, "low": one.low, "high": one.high}
        for name, one in found.items()
        if one.distance is not None
    }


def looks_of(found: Comparison) -> dict[str, Found]:
    """How far each source is from the target in looks, by the title of the answer."""
    target, *sources = found.sides
    seen: dict[str, Found] = {title: {} for title in GROUPS.values()}
    for source in sources:
        if target.visual is None or source.visual is None:
            continue
        for group, one in answers(compare_looks(target.visual, source.visual)).items():
            if one.value is not None:
                seen[GROUPS[group]][source.name] = {"value": one.value, "low": one.low, "high": one.high}
    return seen


def _network(encoder: dict, key: str) -> Found:
    """The interval is that of what exceeds no difference: as wide around the value itself."""
    found = {source["name"]: source["distances"].get(key) for source in encoder["sources"]}
    return {
        name: {"value": one["value"]} | {end: one["value"] + one[end] - one["excess"] for end in ("low", "high")}
        for name, one in found.items()
        if one and one["low"] is not None
    }


def _show_order(seen: Found, alike: str, names: list[str]) -> None:
    place = 1
    for tier in tiers(seen, alike):
        lines = [f"{plain(name)} :gray[{_figures(seen[name])}]" for name in tier]
        st.markdown(f"**{place}**  " + "  \n".join(lines))
        place += len(tier)
    if unknown := [plain(name) for name in names if name not in seen]:
        st.caption(f"Unknown: {', '.join(unknown)}")


def _figures(found: dict) -> str:
    return f"{found['value']:.3g} ({found['low']:.3g} to {found['high']:.3g})"


def _show_agreement(columns: dict[str, tuple[str, Found]], names: list[str]) -> None:
    """How far the orders agree, from five sources on: with fewer, orders agree too often by chance."""
    everywhere = [name for name in names if all(name in seen for _, seen in columns.values())]
    if len(everywhere) < FEWEST:
        st.caption(
            f"No coefficient of agreement: it is shown from {FEWEST} sources on that all answers are known of, and "
            f"there are {len(everywhere)}. With fewer, orders agree too often by chance."
        )
        return
    values = {
        title: [(-1 if alike == "high" else 1) * seen[name]["value"] for name in everywhere]
        for title, (alike, seen) in columns.items()
    }
    rows = [(one, other, tau_b(values[one], values[other])) for one, other in combinations(values, 2)]
    st.markdown("**How far the answers agree**")
    st.dataframe(
        pd.DataFrame(rows, columns=["Answer", "Other answer", "Kendall's tau-b"]), hide_index=True,
        column_config={"Kendall's tau-b": st.column_config.NumberColumn(
            format="%.2f", help="1: the same order; 0: no relation; -1: the reverse order")},
    )  # fmt: skip
