"""The scoring page, view *Ranking*: the order by one metric, with what each number means and how far to trust it."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from core.catalog import parse_checkpoint
from core.charts import ranking_chart
from core.demo import PROJECT_ID, demo_plan
from core.errors import SourceScoutError
from core.report.ranking import TIES, part_sentence, ranking_html
from core.scoring.ranking import describe, metrics_in, ranking
from core.snippet import snippet
from core.store import Run
from pages import _state
from pages._scoring_run import NO_TEST_PART, start

VERDICTS = {
    "reliable": ":green-badge[:material/check: reliable]",
    "read with care": ":orange-badge[:material/warning: read with care]",
    "not meaningful here": ":red-badge[:material/block: not meaningful here]",
}
P_HELP = "Share of shuffled labels that score at least as high, with the value itself counted among them."


def show_ranking(current: _state.View) -> None:
    """The ranking of one run."""
    runs = {run.id: run for run in current.runs if _state.store().scores(run.id)}
    if not runs:
        st.info("There are no scores yet. Start a run, and the ranking appears here while it goes on.")
        return
    run, metric = _choose(runs)
    results = _state.store().scores(run.id)
    frame = ranking(run.summary, results, metric)
    about = describe(metric)
    _show_standing(run)
    _show_answer(frame, about)
    _show_table(frame, about)
    _compare(runs, run, metric, frame)
    _show_reading(about, run)
    _show_candidates(run)
    _show_downloads(run, results, frame, metric)


def _choose(runs: dict[str, Run]) -> tuple[Run, str]:
    names = {id: _run_name(run) for id, run in runs.items()}
    run = runs[st.selectbox("Run", names, format_func=names.get, key="scoring_run", bind="query-params", width=420)]
    metrics = metrics_in(run.summary)
    metric = st.pills(
        "Sorted by", metrics, default=metrics[0], required=True, key="scoring_metric", bind="query-params",
        format_func=lambda key: describe(key).name,
    )  # fmt: skip
    return run, metric if metric in metrics else metrics[0]


def _run_name(run: Run) -> str:
    when = "shipped with the demo" if run.shipped else f"{run.created:%Y-%m-%d %H:%M} UTC"
    return f"{when}, {run.summary['sample']['n']} images, {run.summary['device']}"


def _show_standing(run: Run) -> None:
    """What the numbers were computed on, and what a reader must know before the first of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.summary["target"]["synthetic"]:
            st.badge("Synthetic data", icon=":material/science:", color="orange")
        st.caption(f"Computed on {part_sentence(run.summary)}.")
        if run.shipped and st.button("Run again here", icon=":material/replay:", key="scoring_again"):
            _run_again(run)
    if not run.summary["part"]["locked"]:
        st.caption(f":material/lock_open: {NO_TEST_PART}")
    if not run.summary["grouped"]:
        st.caption(
            ":material/group_off: No patient groups are known: "
            "if several images come from one patient, AUC is optimistic."
        )


def _run_again(run: Run) -> None:
    """Compute the shipped demo once more on this machine, from the images, using nothing that was shipped."""
    try:
        start(run.target_id, demo_plan(run.target_id.removeprefix(f"{PROJECT_ID}-")), {})
    except SourceScoutError as error:
        _state.show_error(error)
    else:
        _state.go_to_view("Run")


def _show_answer(frame: pd.DataFrame, about) -> None:
    """The ranking in words: who leads, and who cannot be told from whom."""
    scored = frame[frame["value"].notna()]
    if scored.empty:
        return
    meaningful = scored[~scored["verdict"].str.startswith("not")]
    if meaningful.empty:
        st.markdown("**No candidate can be told from chance by this metric.** The order below means nothing.")
    else:
        first = scored[scored["tie_group"] == 1]["candidate"].tolist()
        names = ", ".join(f"`{name}`" for name in first)
        st.markdown(
            f"**First: {names}.**" if len(first) == 1
            else f"**{names} cannot be told apart**: their intervals overlap."
        )  # fmt: skip
    st.altair_chart(
        ranking_chart(frame, about.unit),
        alt=f"{about.name} of each candidate with its interval, and what shuffled labels give",
    )
    st.caption(
        "Points: values. Lines: 95 % intervals. Grey: what the same features score with shuffled labels. "
        "A red cross marks a value that cannot be told from that."
    )


def _show_table(frame: pd.DataFrame, about) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        frame[["tie_group", "candidate", "source", "value", "low", "high", "null", "p", "verdict", "reason"]],
        hide_index=True,
        placeholder="",
        alt=f"Ranking by {about.name}",
        column_config={
            "tie_group": number("Tie group", help=TIES, width="small"),
            "candidate": "Candidate",
            "source": "Pretraining data",
            "value": number(about.unit[:1].upper() + about.unit[1:], format="%.4f", help=about.meaning),
            "low": number("95 % from", format="%.4f"),
            "high": number("to", format="%.4f"),
            "null": number("Noise scores", format="%.4f", help="Mean over shuffled labels: what chance gives here."),
            "p": number("p", format="%.3f", help=P_HELP),
            "verdict": st.column_config.TextColumn("How far to trust it"),
            "reason": st.column_config.TextColumn("Why", width="large"),
        },
    )
    for verdict in frame["verdict"].unique():
        rows = frame[frame["verdict"] == verdict]
        if verdict and verdict != "reliable":
            names = ", ".join(f"`{name}`" for name in rows["candidate"])
            reasons = "; ".join(dict.fromkeys(rows["reason"]))
            st.markdown(f"{VERDICTS[verdict]} {names}: {reasons}")
    for row in frame[frame["value"].isna()].itertuples():
        st.markdown(f":gray-badge[no value] `{row.candidate}`: {row.reason}")


def _compare(runs: dict[str, Run], run: Run, metric: str, frame: pd.DataFrame) -> None:
    """The same metric in another run of this target, side by side."""
    others = {
        id: _run_name(other) for id, other in runs.items() if id != run.id and metric in metrics_in(other.summary)
    }
    if not others:
        return
    with st.expander("Beside another run"):
        other = runs[st.selectbox("Compare with", others, format_func=others.get, key="scoring_other")]
        beside = ranking(other.summary, _state.store().scores(other.id), metric)[["candidate", "value"]]
        both = frame[["candidate", "value"]].merge(beside, on="candidate", suffixes=("_this", "_other"))
        both["difference"] = both["value_this"] - both["value_other"]
        st.dataframe(
            both,
            hide_index=True,
            alt="Both runs",
            column_config={
                "candidate": "Candidate", "value_this": _run_name(run), "value_other": _run_name(other),
                "difference": st.column_config.NumberColumn("Difference", format="%.2e"),
            },
        )  # fmt: skip


def _show_reading(about, run: Run) -> None:
    """What the metric means, for a reader who has not met it."""
    with st.expander(f"How to read {about.name}"):
        label_type = run.summary["target"]["label_type"]
        treatment = {"multi-label": about.multi_label, "ordinal": about.ordinal}.get(label_type, "")
        lines = {
            "The question": about.question,
            "The number": f"{about.meaning} Range: {about.range}.",
            "On these labels": treatment,
            "Where it misleads": about.limits,
            "Tie groups": TIES,
            "Source": about.paper,
        }
        for name, text in lines.items():
            if text:
                st.markdown(f"**{name}.** {text}")


def _show_candidates(run: Run) -> None:
    """For each candidate, code that makes the same network."""
    with st.expander("Use a candidate in your own code"):
        usable = {c["name"]: c for c in run.summary["candidates"] if "identity" in c}
        if not usable:
            st.caption("No candidate of this run could be loaded.")
            return
        name = st.selectbox("Candidate", list(usable), key="scoring_snippet")
        checkpoint = parse_checkpoint(usable[name]["checkpoint"], Path("/"))
        st.code(snippet(checkpoint, usable[name]["identity"]), language="python")


def _show_downloads(run: Run, results: list[dict], frame: pd.DataFrame, metric: str) -> None:
    plan = run.summary
    facts = {"run": run.id, "part": plan["part"]["name"], "part_hash": plan["part"]["hash"],
             "n": plan["sample"]["n"], "synthetic": plan["target"]["synthetic"]}  # fmt: skip
    table = frame.assign(metric=metric, **facts)
    stem = f"{run.id}-{datetime.now():%Y%m%d}"
    with st.container(horizontal=True):
        st.download_button(
            "Values as CSV", lambda: table.to_csv(index=False), f"{stem}-{metric}.csv", "text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Page as HTML", lambda: ranking_html(plan, results), f"{stem}.html", "text/html",
            icon=":material/description:", on_click="ignore",
        )  # fmt: skip
    with st.expander("Settings and hashes"):
        st.json(plan, expanded=1)
