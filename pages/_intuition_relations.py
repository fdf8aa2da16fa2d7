"""The intuition page, view *The team*: what is expected against perceived similarity, and against a score."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.catalog import parse_checkpoint
from core.scoring.ranking import ranking
from core.sources.catalogue import sources_of
from core.store import Run
from core.survey.charts import MEASURED, expectation_chart, likeness_chart
from core.survey.expectation import (
    LIKENESS,
    PERFORMANCE,
    Pairs,
    by_person,
    covering,
    likeness_against,
    mean_of,
    measured_gains,
    opposed,
)
from core.survey.heuristics import RELATIONS
from core.survey.instrument import POINTS, Question
from core.survey.team import answers_to, question_of
from pages import _state
from pages._charts import spec_of
from pages._intuition_group import Team, expected_rows, name_of
from pages._sources_shared import records
from pages._text import count, plain

PROBE = "linear_probe"
MOST_PAIRS = 4


def show_likeness(team: Team) -> None:
    """Perceived similarity against what is expected, with the pairs that go the other way."""
    asked = team.asked.questions
    rated = [key for key in LIKENESS if key in asked and answers_to(team.responses, key)["value"].notna().any()]
    sides = [one for one in (question_of(team.asked, POINTS), asked.get(PERFORMANCE)) if one]
    st.subheader("Is the more similar source expected to be the better one?", anchor=False)
    st.caption(f"Relation: {RELATIONS['team_rating']}.")
    if not rated or not sides:
        st.markdown("Nobody rated similarity here: the long form asks for it.")
        return
    labels = {one.key: "Expected gain" if one.kind == POINTS else "Expected performance" for one in sides}
    with st.container(horizontal=True):
        likeness = st.segmented_control(
            "Perceived similarity", rated, default=rated[0], required=True, key="team_likeness",
            format_func=str.capitalize, bind="query-params",
        )  # fmt: skip
        key = st.segmented_control(
            "Against", list(labels), default=sides[0].key, required=True, key="team_expected", format_func=labels.get,
            bind="query-params",
        )  # fmt: skip
    expected = asked[key]
    judged = likeness_against(team.asked, team.responses, likeness, expected)
    if judged.empty:
        st.markdown("Nobody judged both of any source.")
        return
    _show_scatter(team, asked[likeness], expected, judged)


def _show_scatter(team: Team, likeness: Question, expected: Question, judged: pd.DataFrame) -> None:
    means = mean_of(judged)
    pairs, each = opposed(means), by_person(judged)
    st.markdown(_sentence(pairs, each))
    named = {one: frame.assign(source=frame["source"].map(team.names)) for one, frame in
             (("judged", judged.assign(person=judged["person"].map(team.who))), ("means", means))}  # fmt: skip
    spec = spec_of(likeness_chart, named["judged"], named["means"], _lines(pairs, means),
                   f"{likeness.key} similarity, 1 ({likeness.anchors[0]}) to 5 ({likeness.anchors[1]})",
                   _axis(team, expected))  # fmt: skip
    st.vega_lite_chart(spec, alt=f"Perceived {likeness.key} similarity of every source against what is expected of it")
    note = "Large points: means over those who judged both. Small ones: each person. "
    if expected.kind == POINTS:
        note += f"{plain(name_of(records(), team.asked.reference))} lies at 0 by definition. "
    st.caption(note + "Red: two sources of which the more similar one (to the right) is expected to be the worse.")
    told = [
        f"{plain(team.names[more])} is seen as more similar than {plain(team.names[less])}, and expected to be worse."
        for more, less in pairs.opposed
    ]
    st.markdown("".join(f"- {line}\n" for line in told[:MOST_PAIRS]))
    if len(told) > MOST_PAIRS:
        st.caption(f"And {count(len(told) - MOST_PAIRS, 'pair')} more.")


def _sentence(pairs: Pairs, each: Pairs) -> str:
    if not pairs.compared:
        return "No two sources differ in both means, so that nothing can be compared."
    return (
        f"By the means, the more similar source is expected to be the worse one in **{len(pairs.opposed)} of "
        f"{count(pairs.compared, 'pair')}** of sources; counted person by person, in {len(each.opposed)} of "
        f"{each.compared}. Pairs that are equal in either are not counted."
    )


def _axis(team: Team, expected: Question) -> str:
    if expected.kind == POINTS:
        return f"expected AUC points over {name_of(records(), team.asked.reference)}"
    return f"expected, 1 ({expected.anchors[0]}) to 5 ({expected.anchors[1]})"


def _lines(pairs: Pairs, means: pd.DataFrame) -> pd.DataFrame:
    """The pairs as lines from the more similar source to the other."""
    at = means.set_index("source")
    rows = [(*at.loc[more, ["likeness", "expected"]], *at.loc[less, ["likeness", "expected"]])
            for more, less in pairs.opposed]  # fmt: skip
    return pd.DataFrame(rows, columns=["likeness", "expected", "to_likeness", "to_expected"], dtype=float)


# Against a score -------------------------------------------------------------------------------------------------


def show_scores(current: _state.View, team: Team) -> None:
    """Expected gains beside those of a linear probe, in AUC points."""
    gain = question_of(team.asked, POINTS)
    if gain is None:
        return
    st.subheader("Intuition against a score", anchor=False)
    st.caption(f"Relation: {RELATIONS['team_score']}.")
    reference = plain(name_of(records(), team.asked.reference))
    run, measured = _measured(current, team)
    if run is None:
        st.markdown(
            f"Nothing to compare yet. It needs a run with the linear probe and, of one architecture, a candidate "
            f"pretrained on {reference} alone and one on another of these sources alone."
        )
        return
    answers = answers_to(team.responses, gain.key)
    inside, compared = covering(answers, measured)
    st.markdown(
        f"**{inside} of {compared}** expected ranges hold the difference that a linear probe finds between a candidate "
        f"and one of the same architecture from {reference}."
    )
    expected = expected_rows(team)
    found = measured.assign(source=measured["source"].map(team.names), who=measured["candidate"], kind=MEASURED)
    rows = pd.concat([expected[expected["source"].isin(found["source"])], found[expected.columns]])
    st.vega_lite_chart(spec_of(expectation_chart, rows, f"AUC points over {name_of(records(), team.asked.reference)}"),
                       alt="Expected gains, and differences of the linear probe, per source")  # fmt: skip
    st.caption(
        f"Linear probe: {count(run.summary['sample']['n'], 'image')}, run of {run.created:%d %b %Y}. Its line is the "
        "95 % interval of the difference, from the intervals of both candidates taken as independent (Zou & Donner "
        "2008); as both saw the same images, it is mostly wider than needed. A score says how far frozen features "
        "go, not what fine-tuning gives: measured outcomes of this team are not compared, as there are none "
        "yet. Candidates of several data sets, of other architectures, or whose probe means nothing here are left out."
    )
    with st.expander("The differences as a table"):
        shown = found[["source", "architecture", "candidate", "against", "value", "low", "high"]]
        points = {name: st.column_config.NumberColumn(format="%+.1f") for name in ("value", "low", "high")}
        st.dataframe(shown, hide_index=True, column_config=points, alt="Differences of the linear probe, AUC points")


def _measured(current: _state.View, team: Team) -> tuple[Run | None, pd.DataFrame]:
    """The newest run that compares one of the sources with the reference, and what it finds."""
    known = records()
    for run in current.runs:
        _state.ingest(run)
        results = [one for one in _state.store().scores(run.id) if one["metric"] == PROBE]
        checkpoints = {one["name"]: parse_checkpoint(one["checkpoint"], Path("/")) for one in run.summary["candidates"]}
        behind = {name: sources_of(one, known) for name, one in checkpoints.items()}
        found = measured_gains(ranking(run.summary, results, PROBE), behind, team.asked.reference)
        found = found[found["source"].isin(list(team.names))]
        if len(found):
            return run, found
    return None, pd.DataFrame()
