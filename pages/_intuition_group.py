"""The intuition page, view *The team*: whose answers are in view, and what its sections share."""

from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from core.sources.record import SourceDataset
from core.survey.charts import AFTER, BEFORE, YOU
from core.survey.instrument import POINTS, QuestionSet, known_sets
from core.survey.responses import Response
from core.survey.team import answers_to, question_of
from pages import _state
from pages._sources_shared import records
from pages._text import count, distinct

SMALL_TEAM = 10  # people, below which a sentence or an expertise may tell who a pseudonym is
PEOPLE = ("person", "people")


@dataclass(frozen=True)
class Team:
    """What is in view: the answers of one group. `names` by key of a source, `mine` the pseudonyms to mark."""

    asked: QuestionSet
    responses: list[Response]
    names: dict[str, str]
    mine: set[str] = field(default_factory=set)

    def who(self, person: str) -> str:
        return f"{person} (you)" if person in self.mine else person


def choose_group(current: _state.View, found: list[list[Response]], people: int) -> Team:
    """The group in view: that of what is asked now, unless another is chosen."""
    inquiry = _state.store().inquiry(current.target_id)
    now = (inquiry.asked, set(inquiry.sources)) if inquiry else None
    found = sorted(found, key=lambda group: (group[0].asked, set(group[0].sources)) != now)
    known = records()
    shown = 0
    if len(found) > 1:
        st.info(
            f"The {people} people did not all answer the same questions about the same sources. Places and gains can "
            "only be compared within one list, so that each list is shown for itself.",
            icon=":material/call_split:",
        )
        labels = [_label(group, known) for group in found]
        shown = st.selectbox("Answers to", range(len(found)), format_func=labels.__getitem__, key="team_group")
    group = found[shown]
    names = distinct({key: name_of(known, key) for key in sorted(group[0].sources)})
    told = f"{count(len(group), *PEOPLE)}, the last answer of each, under pseudonyms. "
    if len(group) < SMALL_TEAM:
        told += "In a team as small as this, people may guess who a pseudonym is. "
    st.caption(told + "Nothing here says which answer is right.")
    mine = {one.person for one in _state.store().responses(current.target_id, _state.me())}
    mine &= {one.person for one in group}
    marked = mine and st.toggle(
        "Mark my answers", key="team_mine", help="Only on this screen. Leave it off when others look on."
    )
    return Team(known_sets(_state.store().question_sets())[group[0].asked], group, names, mine if marked else set())


def name_of(known: dict[str, SourceDataset], key: str) -> str:
    return known[key].name if key in known else key


def _label(group: list[Response], known: dict[str, SourceDataset]) -> str:
    first = group[0]
    names = ", ".join(name_of(known, key) for key in sorted(first.sources))
    return f"{names} ({first.asked}; {count(len(group), *PEOPLE)})"


def expected_rows(team: Team) -> pd.DataFrame:
    """The expected gains as `expectation_chart` takes them, the source with the highest mean first."""
    answers = answers_to(team.responses, question_of(team.asked, POINTS).key).dropna(subset="value")
    answers["mean"] = answers.groupby("source")["value"].transform("mean")
    answers = answers.sort_values(["mean", "source", "person"], ascending=[False, True, True])
    kinds = answers["blinded"].map({True: BEFORE, False: AFTER}).mask(answers["person"].isin(team.mine), YOU)
    return pd.DataFrame({
        "source": answers["source"].map(team.names),
        "who": answers["person"].map(team.who),
        "kind": kinds,
        **answers[["value", "low", "high"]],
    })  # fmt: skip
