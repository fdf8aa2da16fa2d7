"""The evidence page: how well published scores ranked sources where the truth is known, beside what costs nothing."""

import pandas as pd
import streamlit as st

from core.evidence.charts import record_chart
from core.evidence.outcomes import studies
from core.evidence.track import BASELINES, STUDY, published_for, published_scores, summary, track_record
from core.evidence.views import name_of
from core.metrics import METRICS
from pages._charts import spec_of
from pages._text import plain
from pages._words import link_to

NOTHING = "\u2013"
BESIDE = "mean_rank_elsewhere"
TERMS = ("weighted tau", "regret", "hit")


def show_track_record() -> None:
    """The table of scores and baselines, one score target by target, and what has no record."""
    st.markdown(
        "Published scores of published networks, set against the AUC that fine-tuning gave afterwards. Beside them "
        "three baselines that look at no image of the target: a score has to beat these to be worth computing."
    )
    study = studies().studies[STUDY]
    st.caption(
        f"[{plain(study.citation)}]({study.address}). ResNet-18, sources of MedMNIST, ImageNet and RadImageNet; scores "
        "by the implementations of its authors, agreement and regret computed here from its tables."
    )
    without = st.toggle("Without the three large sources", key="evidence_without_large", bind="query-params",
                        help="ImageNet, RadImageNet, and MedMNIST without the target.")  # fmt: skip
    st.markdown(_large_against_small())
    record = track_record(without)
    _show_table(record)
    if without:
        st.caption("Without ImageNet in the pool, always taking it is no better than a random pick.")
    _show_targets(record)
    _show_missing()


def _large_against_small() -> str:
    every, small = summary(track_record()), summary(track_record(without_large=True))
    best = every.loc[list(published_scores()), "tau"].idxmax()
    usual = every.loc["always_imagenet"]
    higher, lower = (means.loc[list(published_scores()), "tau"].mean() for means in (every, small))
    return (
        "**Most of the skill is telling large sources from small ones.** Without the three large sources the scores "
        f"fall from a mean tau of {higher:.2f} to {lower:.2f}, the best of them ({published_scores()[best].name}) from "
        f"{every.loc[best, 'tau']:.2f} to {small.loc[best, 'tau']:.2f}, and the mean rank on the other targets, which "
        f"computes nothing, from {every.loc[BESIDE, 'tau']:.2f} to {small.loc[BESIDE, 'tau']:.2f}. "
        f"**Always taking ImageNet is strong in this pool:** it is the best source for {100 * usual['hits']:.0f} % of "
        f"the targets and loses {usual['regret']:.2f} AUC points on average. In another pool it need not be."
    )


def _show_table(record: pd.DataFrame) -> None:
    means = summary(record)
    scores = means.loc[list(published_scores())].sort_values("tau", ascending=False)
    rows = [_row(published_scores()[key].name, found, _ours(key)) for key, found in scores.iterrows()]
    for key, (name, _) in BASELINES.items():
        rows.append(_row(f":gray-badge[baseline] *{name}*", means.loc[key], NOTHING))
    st.table(pd.DataFrame(rows).set_index("score"), border="horizontal")
    st.caption(
        f"Means over targets. {NOTHING}: a score that is the same for all sources has no order to compare. Regret and "
        f"first pick: over all {record['target'].nunique()} scored targets; of several first picks the mean."
    )
    with st.container(horizontal=True):
        for term in TERMS:
            link_to(term)


def _row(name: str, found: pd.Series, ours: str) -> dict:
    has_tau = pd.notna(found["tau"])
    return {
        "score": name,
        "weighted tau": f"{found['tau']:.2f}" if has_tau else NOTHING,
        "targets (data sets)": f"{found['targets']:.0f} ({found['origins']:.0f})" if has_tau else NOTHING,
        "regret, AUC points": f"{found['regret']:.2f}",
        "first pick the best": f"{100 * found['hits']:.0f} %",
        "record of ours?": ours,
    }


def _ours(key: str) -> str:
    score = published_scores()[key]
    return f"no: {score.differs}" if score.differs else "yes: the same formula"


def _show_targets(record: pd.DataFrame) -> None:
    st.subheader("Target by target", anchor=False)
    key = st.selectbox("Score", list(published_scores()), format_func=lambda key: published_scores()[key].name,
                       key="evidence_score", bind="query-params")  # fmt: skip
    name, beside = published_scores()[key].name, BASELINES[BESIDE][0]
    mine = record.query("score == @key").dropna(subset="tau").sort_values("tau", ascending=False)
    other = record.query("score == @BESIDE and target in @mine['target']")
    frame = pd.concat([mine.assign(score=name), other.assign(score=beside)])
    frame["target"] = frame["target"].map(name_of)
    st.vega_lite_chart(spec_of(record_chart, frame, name, beside),
                       alt=f"Weighted tau of {name} on every target with its 95 % interval")  # fmt: skip
    left_out = record["target"].nunique() - len(mine)
    st.caption(
        f"Published values: {published_scores()[key].implementation}. Line: 95 %, from leaving out one source at a "
        "time; it knows nothing of the noise in the AUC itself. OrganA, OrganC and OrganS are the same CT scans."
        + (f" Without {left_out} targets for which values are missing or all the same." if left_out else "")
    )


def _show_missing() -> None:
    st.subheader("No record for ours yet", anchor=False)
    missing = [metric.name for metric in METRICS.values() if published_for(metric.key) is None]
    st.markdown(
        f"{', '.join(missing)}: no values of these were published with outcomes that we hold. They may be better or "
        "worse than those above; these tables cannot tell. No record is borrowed from a score of a similar name."
    )
