"""The intuition page, view *The team*: where the team splits, with the reasons, and how far it agrees."""

import pandas as pd
import streamlit as st

from core.survey.instrument import ORDER
from core.survey.reliability import RESAMPLES
from core.survey.team import (
    FEWEST_PEOPLE,
    FEWEST_SOURCES,
    Agreement,
    Split,
    Voice,
    agreements,
    concordance,
    gain_splits,
    place_splits,
    question_of,
)
from pages._intuition_group import PEOPLE, Team
from pages._text import count, plain
from pages._words import point_out

MOST_SPLITS = 3


def show_splits(team: Team) -> None:
    if len(team.responses) < 2:
        return
    st.subheader("Where the team splits", anchor=False)
    places = {split.source: split for split in place_splits(team.asked, team.responses)}
    gains = {split.source: split for split in gain_splits(team.asked, team.responses)}
    if not places and not gains:
        st.markdown(
            "Nowhere far: no source is placed half of the list apart, and nobody is sure of a gain where another is "
            "sure of a loss."
        )
        return
    sources = list(places | gains)
    for source in sources[:MOST_SPLITS]:
        _show_split(team, source, places.get(source), gains.get(source))
    if rest := [plain(team.names[source]) for source in sources[MOST_SPLITS:]]:
        st.caption(f"The team splits on these, too: {', '.join(rest)}.")
    voices = [one for split in (*places.values(), *gains.values()) for one in (*split.better, *split.worse)]
    point_out("\n".join(dict.fromkeys(reason for one in voices for reason in one.reasons)))
    st.caption(
        "Shown are sources whose places are half of the list or more apart, and those from which some expect a gain "
        "and others a loss, with ranges that do not overlap. The reasons are those for one's own first place."
    )


def _show_split(team: Team, source: str, place: Split | None, gain: Split | None) -> None:
    """One source: who puts it best against who puts it worst, with the reasons, and who expects a gain or a loss."""
    title = [f"{place.width:.0f} places apart"] if place else []
    title += [f"gain or loss, with {gain.width:g} points between the ranges"] if gain else []
    with st.container(border=True):
        st.markdown(f"**{plain(team.names[source])}**: {'; '.join(title)}")
        if place:
            _show_sides(team, source, {"Best place": place.better, "Worst place": place.worse})
        if gain and not place:
            _show_sides(team, source, {"A gain": gain.better, "A loss": gain.worse})
        elif gain:
            sides = [
                f"{side}: {', '.join(f'{plain(team.who(one.person))} {plain(one.says)}' for one in voices)}."
                for side, voices in (("A gain", gain.better), ("A loss", gain.worse))
            ]
            st.markdown(" ".join(sides))


def _show_sides(team: Team, source: str, sides: dict[str, tuple[Voice, ...]]) -> None:
    for column, (side, voices) in zip(st.columns(2), sides.items(), strict=True):
        column.markdown(f"{side}\n" + "".join(f"\n- {_voice(team, one, source)}" for one in voices))


def _voice(team: Team, one: Voice, source: str) -> str:
    others = [plain(team.names[key]) for key in one.first if key != source]
    first = f"; first is {', '.join(others)}" if others else ""
    told = "; ".join(f"“{plain(reason)}”" for reason in one.reasons) or "no reason given"
    return f"{plain(team.who(one.person))}, {plain(one.says)}{first}: {told}"


def show_agreement(team: Team) -> None:
    st.subheader("How far the team agrees", anchor=False)
    people, sources = len(team.responses), len(team.names)
    if people < FEWEST_PEOPLE or sources < FEWEST_SOURCES:
        st.markdown(
            f"A figure of agreement is given from {FEWEST_PEOPLE} people and {FEWEST_SOURCES} sources on; here are "
            f"{count(people, *PEOPLE)} and {count(sources, 'source')}. With fewer, chance alone gives any value: of "
            "two people with three sources, one pair in six has the same order without any insight. Read the answers."
        )
        return
    if question_of(team.asked, ORDER):
        _show_concordance(team)
    _show_alphas(agreements(team.asked, team.responses))


def _show_concordance(team: Team) -> None:
    found = concordance(team.asked, team.responses)
    if found.w is None:
        st.markdown(
            f"**Order**: no figure. Fewer than {FEWEST_PEOPLE} people placed the same {FEWEST_SOURCES} sources or "
            "more; others could not judge them."
        )
        return
    st.markdown(
        f"**Order**: Kendall's W is {found.w:.2f}, from 0 (no common order) to 1 (the same). "
        f"{count(len(found.people), *PEOPLE)} without anything in common give {1 / len(found.people):.2f} on average. "
        f"Spearman's correlation between two of them is {found.rho:.2f} on average."
    )
    gone = [plain(name) for key, name in team.names.items() if key not in found.sources]
    silent = [plain(team.who(one.person)) for one in team.responses if one.person not in found.people]
    left_out = [f"without {', '.join(gone)}, which somebody cannot judge"] if gone else []
    left_out += [f"without {', '.join(silent)}, who placed too few sources"] if silent else []
    st.caption(
        (f"Over {count(len(found.sources), 'source')}: {'; '.join(left_out)}. " if left_out else "")
        + "W needs every source placed by everybody: a source that somebody cannot judge is left out and the rest is "
        "ranked anew, as long as five remain. Alpha is not given for the order: everybody gives out the same places."
    )


def _show_alphas(found: list[Agreement]) -> None:
    if not found:
        return
    st.dataframe(
        pd.DataFrame([
            {
                "Question": one.question.asks, "People": one.people, "Sources": one.sources, "Alpha": one.alpha,
                "95 %": f"{one.interval.low:.2f} to {one.interval.high:.2f}" if one.interval else None,
                "Level": one.level, "Remark": _remark(one),
            }
            for one in found
        ]),
        hide_index=True, placeholder="", alt="Krippendorff's alpha per question",
        column_config={"Question": st.column_config.TextColumn(width="medium"),
                       "Alpha": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    st.caption(
        "Krippendorff's alpha (2011): 1 is full agreement, 0 what chance gives, below 0 less than that. Ratings from 1 "
        "to 5 are taken as ordered (ordinal), points by their differences (interval); who cannot judge a source is "
        f"left out there. The 95 % are from {RESAMPLES:,} bootstrap draws (seed 0) of the sources, with replacement; "
        "the people stay the same. With so few sources they are rough. Agreement does not say that the team is right."
    )


def _remark(one: Agreement) -> str:
    if not one.enough:
        return f"too few: given from {FEWEST_PEOPLE} people and {FEWEST_SOURCES} sources with two answers on"
    if one.alpha is None:
        return "not defined: everybody gave the same answer"
    if one.interval is None:
        return "too often undefined for an interval"
    left_out = RESAMPLES - one.interval.resamples
    return f"{left_out} draws without alpha left out" if left_out else ""
