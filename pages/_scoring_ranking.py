"""The scoring page, view *Ranking*: the order by one metric, with what each number means and how far to trust it."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from core.catalog import parse_checkpoint
from core.charts import ranking_chart
from core.checking import torch_installed
from core.demo import PROJECT_ID, demo_plan
from core.errors import SourceScoutError
from core.metrics import Metric
from core.report.ranking import TIES, answers, conditions, ranking_html
from core.scoring import runner
from core.scoring.overview import side_by_side
from core.scoring.ranking import ACROSS, beside, describe, metrics_in, pools, ranking, remarks, with_failures
from core.snippet import snippet
from core.store import Run
from pages import _state
from pages._scoring_explanation import POOL, show_explanation
from pages._scoring_overview import CHART_NOTE, show_first_view, show_matrix, show_remark
from pages._scoring_run import DEVICES, NO_TORCH, start
from pages._sources_shared import warn_of_leaks
from pages._text import code, count, distinct, plain
from pages._words import define

FIRST_VIEW, ALL_METRICS = "first", "all"
ALIKE = 1e-6  # values of two runs that differ by less are the same but for rounding


def show_ranking(current: _state.View) -> None:
    """The ranking of one run: what it rests on, the answer, why, and the values to take away."""
    runs = {run.id: run for run in current.runs if _state.store().scores(run.id)}
    if not runs:
        st.info("There are no scores yet. Start a run, and the ranking appears here while it goes on.")
        return
    run, chosen = _choose(runs)
    plan = _plan_with_failures(run)
    results = _state.store().scores(run.id)
    with st.container(horizontal=True):
        if plan["target"]["synthetic"]:
            st.badge("Synthetic data", icon=":material/science:", color="orange")
        st.caption("  \n".join(conditions(plan)))
    if runner.alive(run.folder):
        st.caption(":material/hourglass_top: This run is going on. What follows is what is finished so far.")
    warn_of_leaks(current, [parse_checkpoint(candidate["checkpoint"], Path("/")) for candidate in plan["candidates"]])
    if chosen == FIRST_VIEW:
        show_first_view(plan, results)
    elif chosen == ALL_METRICS:
        show_matrix(plan, results)
    else:
        _show_one(plan, results, chosen)
    _show_downloads(run, plan, results, chosen)
    if chosen not in (FIRST_VIEW, ALL_METRICS):
        _compare(runs, run, chosen, ranking(plan, results, chosen))
        with st.expander(f"How to read {describe(chosen).name}"):
            show_explanation(describe(chosen), plan, results)
    _show_candidates(plan)
    with st.expander("Settings and hashes"):
        st.json(plan, expanded=1)


def _choose(runs: dict[str, Run]) -> tuple[Run, str]:
    names = _run_names(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = runs[st.selectbox("Run", names, format_func=names.get, key="scoring_run", bind="query-params", width=420)]
        if run.shipped and st.button(
            "Run again here", icon=":material/replay:", key="scoring_again", disabled=not torch_installed(),
            help="Computes the demo anew on this machine; the shipped results stay beside it." + (
                "" if torch_installed() else f" {NO_TORCH}"
            ),
        ):  # fmt: skip
            _run_again(run)
    views = [FIRST_VIEW, ALL_METRICS, *metrics_in(run.summary)]
    chosen = st.pills(
        "Show", views, default=FIRST_VIEW, required=True, key="scoring_metric", bind="query-params",
        format_func=lambda key: {FIRST_VIEW: "First view", ALL_METRICS: "All metrics"}.get(key) or describe(key).name,
    )  # fmt: skip
    return run, chosen if chosen in views else FIRST_VIEW


def _run_names(runs: dict[str, Run]) -> dict[str, str]:
    """What each run is called here and in links, oldest numbered first, so that a link stays right."""
    names = {}
    for id, run in reversed(runs.items()):
        when = "Shipped with the demo" if run.shipped else f"{run.created:%d %b %Y, %H:%M} UTC"
        names[id] = f"{when}, {count(run.summary['sample']['n'], 'image')}, {DEVICES[run.summary['device']]}"
    names = distinct(names)
    return {id: names[id] for id in runs}


def _plan_with_failures(run: Run) -> dict:
    """What the run was planned to do, with what went wrong while it was done, if its folder is still there."""
    if run.shipped or not run.folder.is_dir():
        return run.summary
    try:
        candidates = runner.status(run.folder).candidates
    except SourceScoutError:
        return run.summary
    failures = {
        name: {"message": candidate["message"], "remedy": candidate.get("remedy", "")}
        for name, candidate in candidates.items()
        if candidate["state"] == "failed"
    }
    return with_failures(run.summary, failures)


def _run_again(run: Run) -> None:
    """Compute the shipped demo once more on this machine, from the images, using nothing that was shipped."""
    try:
        start(run.target_id, demo_plan(run.target_id.removeprefix(f"{PROJECT_ID}-")), {})
    except SourceScoutError as error:
        _state.show_error(error)


def _show_one(plan: dict, results: list[dict], metric: str) -> None:
    """One metric: the ranking in words, what to know before believing it, the chart and the table."""
    about, frame = describe(metric), ranking(plan, results, metric)
    st.subheader(about.question, anchor=False)
    if about.one_architecture:
        st.caption(f":material/account_tree: {ACROSS}")
    for text in answers(frame, about, code):
        st.markdown(f"**{text}**")
    if about.pool_relative:
        st.caption(f":material/group: {POOL}")
    for verdict, sentence, names in remarks(frame):
        show_remark(verdict, sentence, names, len(frame))
    _show_charts(frame, about)
    _show_table(frame, about)


def _show_charts(frame: pd.DataFrame, about: Metric) -> None:
    """One chart, or one for each architecture where others cannot be compared."""
    if frame["value"].isna().all():
        return
    for architecture, pool in pools(frame, about).items():
        if pool["value"].isna().all():
            continue
        if architecture:
            st.markdown(f"**{plain(architecture)}**")
        st.altair_chart(
            ranking_chart(pool, about.unit),
            alt=f"{about.name} of each candidate {architecture} with its interval, and what shuffled labels give",
        )
    st.caption(
        ("Shaded: the interval of the first; lines that reach into it are tied with it. " if len(frame) > 1 else "")
        + (CHART_NOTE if frame["null"].notna().any() else "Points: values. Lines: 95 % intervals.")
    )


def _show_table(frame: pd.DataFrame, about: Metric) -> None:
    number = st.column_config.NumberColumn
    first = ["architecture"] if about.one_architecture else []
    st.dataframe(
        frame[[*first, "tie_group", "candidate", "value", "low", "high", "null", "p", "verdict", "source", "reason"]],
        hide_index=True,
        placeholder="",
        alt=f"Ranking by {about.name}",
        column_config={
            "architecture": "Architecture",
            "tie_group": number("Tie group", help=define("tie group"), width="small"),
            "candidate": "Candidate",
            "value": number("Value", format="%.4f", help=f"{about.unit[:1].upper()}{about.unit[1:]}. {about.meaning}"),
            "low": number("95 % from", format="%.4f", width="small", help=define("interval")),
            "high": number("to", format="%.4f", width="small"),
            "null": number("Noise scores", format="%.4f", help="Mean over shuffled labels: what chance gives here."),
            "p": number("p", format="%.3f", help=define("permutation p"), width="small"),
            "verdict": "How far to trust it",
            "source": "Pretraining data",
            "reason": st.column_config.TextColumn("Why", width="large"),
        },
    )
    st.caption(f"Value: {about.unit}. {TIES}")


def _compare(runs: dict[str, Run], run: Run, metric: str, frame: pd.DataFrame) -> None:
    """The same metric in another run of this target, side by side."""
    others = {id: other for id, other in runs.items() if id != run.id and metric in metrics_in(other.summary)}
    if not others:
        return
    names = _run_names(runs)
    with st.expander("Beside another run", expanded=any(each.shipped for each in runs.values())):
        other = runs[st.selectbox("Compare with", others, format_func=names.get, key="scoring_other", width=420)]
        both = beside(frame, ranking(other.summary, _state.store().scores(other.id), metric))
        st.markdown(_comparison(both, run, other))
        st.dataframe(
            both,
            hide_index=True,
            placeholder="",
            alt="Both runs",
            column_config={
                "candidate": "Candidate",
                "value": st.column_config.NumberColumn(names[run.id], format="%.4f"),
                "value_other": st.column_config.NumberColumn(names[other.id], format="%.4f"),
                "difference": st.column_config.NumberColumn("Difference", format="%.4f"),
            },
        )


def _comparison(both: pd.DataFrame, run: Run, other: Run) -> str:
    """How far two runs agree, in a sentence."""
    if run.summary["sample"]["hash"] != other.summary["sample"]["hash"]:
        return "The two runs used different images, so their values may differ."
    largest = both["difference"].abs().max()
    if pd.isna(largest):
        return "No candidate has a value in both runs."
    if largest < ALIKE:
        return "**The same images, and the same values.**"
    return f"**The same images; the values differ by at most {largest:.2g}.**"


def _show_candidates(plan: dict) -> None:
    """For each candidate, code that makes the same network."""
    with st.expander("Use a candidate in your own code"):
        usable = {c["name"]: c for c in plan["candidates"] if "identity" in c}
        if not usable:
            st.caption("No candidate of this run could be loaded.")
            return
        name = st.selectbox("Candidate", list(usable), key="scoring_snippet", width=420)
        checkpoint = parse_checkpoint(usable[name]["checkpoint"], Path("/"))
        st.code(snippet(checkpoint, usable[name]["identity"]), language="python")


def _show_downloads(run: Run, plan: dict, results: list[dict], chosen: str) -> None:
    facts = {"run": run.folder.name, "part": plan["part"]["name"], "part_hash": plan["part"]["hash"],
             "n": plan["sample"]["n"], "synthetic": plan["target"]["synthetic"]}  # fmt: skip
    stem = f"{run.folder.name}-{datetime.now():%Y%m%d}"

    def one() -> str:
        return ranking(plan, results, chosen).assign(metric=chosen, **facts).to_csv(index=False)

    def all_metrics() -> str:
        return side_by_side(plan, results, metrics_in(plan)).assign(**facts).to_csv(index=False)

    with st.container(horizontal=True):
        if chosen not in (FIRST_VIEW, ALL_METRICS):
            st.download_button(
                "Values as CSV", one, f"{stem}-{chosen}.csv", "text/csv", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        st.download_button(
            "All metrics as CSV", all_metrics, f"{stem}-all.csv", "text/csv", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Page as HTML", lambda: ranking_html(plan, results), f"{stem}.html", "text/html",
            icon=":material/description:", on_click="ignore",
        )  # fmt: skip
