"""The scoring page, several metrics at once: the first view, and the matrix of all with their agreement."""

import json

import pandas as pd
import streamlit as st

from core.charts import agreement_chart, marked, matrix_chart, overview_chart
from core.report.ranking import CELLS, PAIRS, TIES, agreement_sentences, answers, notes
from core.scoring.agreement import Agreement, agreement
from core.scoring.overview import first_metrics, joined, sentences, side_by_side
from core.scoring.ranking import ACROSS, CARE, describe, metrics_in, remarks
from pages._scoring_explanation import show_explanation
from pages._text import code, plain
from pages._words import define

BADGES = {
    CARE: ":orange-badge[:material/warning: read with care]",
    "not meaningful here": ":red-badge[:material/block: not meaningful here]",
    "": ":gray-badge[no value]",
}
CHART_NOTE = (
    "Points: values. Lines: 95 % intervals. Grey: what the same features score with shuffled labels. A red cross is "
    "not meaningful here: most often, it cannot be told from that."
)
NAMED = 3  # a remark that holds for more candidates than this, and for all of them, names none


# The same plan and results give the same tables and charts: they are kept between the reruns of a page, which would
# spend most of their time on them.
_kept = st.cache_data(max_entries=20, show_spinner=False, hash_funcs={dict: json.dumps, list: json.dumps})


@_kept
def _first_view(plan: dict, results: list[dict]) -> tuple[pd.DataFrame, dict[str, str], dict]:
    """The scores of the first view, a sentence per candidate, and the chart as Vega-Lite."""
    scores = side_by_side(plan, results, first_metrics(plan))
    return scores, sentences(scores), overview_chart(scores).to_dict() if scores["value"].notna().any() else {}


@_kept
def _matrix(plan: dict, results: list[dict]) -> tuple[dict, Agreement, dict]:
    """The matrix as Vega-Lite, how far the metrics agree, and the chart of that."""
    scores = side_by_side(plan, results, metrics_in(plan))
    found = agreement(scores)
    matrix = matrix_chart(scores).to_dict() if scores["value"].notna().any() else {}
    return matrix, found, {} if found.taus.empty else agreement_chart(found.taus).to_dict()


def show_first_view(plan: dict, results: list[dict]) -> None:
    """Linear probe, neighbours and LogME together: the answer, a chart, a sentence per candidate, a table."""
    metrics = first_metrics(plan)
    scores, by_candidate, chart = _first_view(plan, results)
    lead = scores[scores["metric"] == metrics[0]]
    st.subheader("How far do the features take us as they are, and is it more than chance?", anchor=False)
    if describe(metrics[0]).one_architecture:
        st.caption(ACROSS)
    for text in answers(lead, describe(metrics[0]), code):
        st.markdown(f"**{text}**")
    if chart:
        st.vega_lite_chart(
            chart,
            alt="Each candidate by " + ", ".join(describe(key).name for key in metrics) + ", with intervals and noise",
        )
        st.caption(CHART_NOTE)
    st.markdown("\n".join(f"- {code(name)}: {plain(text)}" for name, text in by_candidate.items()))
    if {"linear_probe", "knn"} & set(metrics):
        st.caption(PAIRS)
    _show_cautions(scores)
    _show_first_table(scores, metrics)


def _show_cautions(scores: pd.DataFrame) -> None:
    """What the sentences do not say: each caution once, with the candidates and the metrics that it holds for."""
    names: dict[str, list[str]] = {}
    metrics: dict[str, list[str]] = {}
    by_metric = scores[scores["value"].notna()].groupby("metric", sort=False)
    for metric, frame in by_metric:
        for verdict, sentence, of in remarks(frame):
            if verdict == CARE:
                names[sentence] = list(dict.fromkeys([*names.get(sentence, []), *of]))
                metrics[sentence] = [*metrics.get(sentence, []), describe(metric).name]
    everywhere = len(by_metric)
    for sentence, whom in names.items():
        by = "" if len(metrics[sentence]) == everywhere else f" ({joined(metrics[sentence])})"
        show_remark(CARE, sentence + by, whom, scores.loc[scores["value"].notna(), "candidate"].nunique())


def show_remark(verdict: str, sentence: str, names: list[str], candidates: int) -> None:
    """A remark of `core.scoring.ranking.remarks`, on one line."""
    whom = "all candidates" if len(names) == candidates > NAMED else ", ".join(code(name) for name in names)
    st.markdown(f"{BADGES[verdict]} {whom}: {plain(sentence)}")


def _show_first_table(scores: pd.DataFrame, metrics: list[str]) -> None:
    lead = scores[scores["metric"] == metrics[0]]
    table = lead[["tie_group", "candidate"]].set_index("candidate", drop=False)
    columns = {"tie_group": st.column_config.NumberColumn("Tie group", help=define("tie group"), width="small"),
               "candidate": "Candidate"}  # fmt: skip
    for key in metrics:
        about, rows = describe(key), scores[scores["metric"] == key].set_index("candidate")
        table[key] = rows["value"]
        columns[key] = st.column_config.NumberColumn(
            about.name, format="%.3f", help=f"{about.unit[:1].upper()}{about.unit[1:]}. {about.meaning}"
        )
        if key == "logme":
            table["p"] = rows["p"]
            columns["p"] = st.column_config.NumberColumn(
                "p", format="%.3f", help=define("permutation p"), width="small"
            )
        else:
            table[f"{key}_interval"] = [_between(row.low, row.high) for row in rows.itertuples()]
            columns[f"{key}_interval"] = st.column_config.TextColumn("95 %", width=110, help=define("interval"))
    table["source"] = lead.set_index("candidate")["source"]
    columns["source"] = "Pretraining data"
    st.dataframe(table, hide_index=True, placeholder="", alt="The metrics of the first view", column_config=columns)
    st.caption(f"Tie groups are those of {describe(metrics[0]).name}. {TIES}")


def _between(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"{low:.3f} to {high:.3f}"


def show_matrix(plan: dict, results: list[dict]) -> None:
    """Candidates by metrics, how far the metrics agree, and what each of them is."""
    metrics = metrics_in(plan)
    matrix, found, taus = _matrix(plan, results)
    st.subheader("Do the metrics say the same?", anchor=False)
    if matrix:
        st.vega_lite_chart(matrix, alt="Candidates by metrics: the values, and how each stands within its metric")
        st.caption("  \n".join([CELLS, *notes(metrics)]))
    st.markdown("**Agreement between metrics**")
    for text in agreement_sentences(found, code):
        st.markdown(text)
    if taus:
        st.vega_lite_chart(taus, width="content", alt="Kendall's tau-b of every two metrics")
        st.caption("Kendall's tau-b of every two metrics: 1 is the same order, 0 none, -1 the reverse.")
    with st.expander("What each metric is"):
        key = st.selectbox("Metric", metrics, format_func=marked, key="scoring_explained", width=420)
        show_explanation(describe(key), plan, results)
