"""The intuition page, view *The team*: what people answered before the evidence, side by side."""

import pandas as pd
import streamlit as st

from core.survey.charts import AFTER, BEFORE, expectation_chart
from core.survey.instrument import LONG, ONCE, ORDER, POINTS, SCALE, Question
from core.survey.responses import Response, latest
from core.survey.team import answers_to, groups, question_of, reasons
from pages import _state
from pages._charts import spec_of
from pages._intuition_agreement import show_agreement, show_splits
from pages._intuition_exchange import show_exchange, show_import
from pages._intuition_group import PEOPLE, Team, choose_group, expected_rows, name_of
from pages._intuition_relations import show_likeness, show_scores
from pages._sources_shared import records
from pages._text import count, plain

SOURCE = " "  # the first column of tables by person: no pseudonym is a blank


def show_team(current: _state.View) -> None:
    """All of the team's answers on the target in view; covered for who has not answered or skipped."""
    responses = _state.store().responses(current.target_id)
    people = len(latest(responses))
    if _state.covered(current):
        st.info(
            f"{count(people, *PEOPLE)} answered so far. What they say is shown once you have answered or skipped: to "
            "read it first would change your own answer.",
            icon=":material/visibility_off:",
        )
        show_import(current)
        return
    if not people:
        st.info("Nobody has answered yet.")
        show_exchange(current, responses)
        return
    team = choose_group(current, groups(responses), people)
    _show_answers(team)
    _show_gains(team)
    _show_scales(team)
    show_splits(team)
    show_agreement(team)
    show_likeness(team)
    show_scores(current, team)
    show_exchange(current, responses)


def _show_answers(team: Team) -> None:
    st.subheader("The answers, side by side", anchor=False)
    order = question_of(team.asked, ORDER)
    if order is not None:
        st.markdown("**Places**, 1 is best. Sources in the order of their mean place.")
        answers = answers_to(team.responses, order.key)
        means = answers.groupby("source")["value"].mean().sort_values(kind="stable", na_position="last")
        st.dataframe(_by_person(team, answers, list(means.index)), hide_index=True, placeholder="",
                     column_config={SOURCE: "Source"}, alt="The place of every source by every person")  # fmt: skip
    once = [one for one in team.asked.questions.values() if one.kind == SCALE and not one.per_source]
    st.dataframe(
        pd.DataFrame([
            {"Who": team.who(one.person), "Answered": BEFORE if one.blinded else AFTER, "Form": one.form}
            | {question.key.capitalize(): _said(one, question) for question in once}
            | {"Reasons": "; ".join(reasons(team.asked, one))}
            for one in team.responses
        ]),
        hide_index=True, placeholder="", alt="Who answered, with reasons",
        column_config={"Reasons": st.column_config.TextColumn(width="large")}
        | {one.key.capitalize(): st.column_config.TextColumn(help=f"{one.asks} {_anchors(one)}") for one in once},
    )  # fmt: skip


def _said(response: Response, question: Question) -> str:
    answer = response.value(question.key, ONCE)
    return answer.value if answer else ""


def _anchors(question: Question) -> str:
    return "1: {}. 5: {}.".format(*question.anchors)


def _by_person(team: Team, answers: pd.DataFrame, sources: list[str]) -> pd.DataFrame:
    """A row per source, a column per person, answers as they were given."""
    said = answers.pivot(index="source", columns="person", values="said").reindex(sources)
    columns = {SOURCE: [team.names[key] for key in said.index]}
    return pd.DataFrame(columns | {team.who(person): said[person].tolist() for person in said})


def _show_gains(team: Team) -> None:
    gain = question_of(team.asked, POINTS)
    if gain is None:
        return
    reference = name_of(records(), team.asked.reference)
    st.markdown(f"**Expected gain over {plain(reference)}**, each with the limits beyond which one would be surprised.")
    frame = expected_rows(team)
    if frame.empty:
        st.caption("Nobody could judge it.")
        return
    spec = spec_of(expectation_chart, frame, f"expected AUC points over {reference}")
    st.vega_lite_chart(spec, alt="Expected gain of every source with its range, a line per person")
    unsure = answers_to(team.responses, gain.key)["value"].isna().sum()
    st.caption(
        "One AUC point is 0.01 of AUC. "
        + (f"{count(int(unsure), 'answer')} not drawn: cannot judge." if unsure else "Everybody judged every source.")
    )


def _show_scales(team: Team) -> None:
    """The ratings of the long form, one question at a time."""
    asked = [one for one in team.asked.questions.values() if one.kind == SCALE and one.per_source]
    found = {one.key: answers_to(team.responses, one.key) for one in asked}
    found = {key: answers for key, answers in found.items() if answers["value"].notna().any()}
    if not found:
        return
    rated = sum(one.form == LONG for one in team.responses)
    with st.expander(f"The ratings from 1 to 5 ({count(rated, *PEOPLE)} filled in the long form)"):
        key = st.selectbox("Question", list(found), format_func=lambda key: team.asked.questions[key].asks,
                           key="team_scale")  # fmt: skip
        st.caption(_anchors(team.asked.questions[key]))
        st.dataframe(_by_person(team, found[key], list(team.names)), hide_index=True, placeholder="",
                     column_config={SOURCE: "Source"}, alt="The rating of every source by every person")  # fmt: skip
