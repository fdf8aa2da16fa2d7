"""What a metric is, for a reader who has to judge it: question, formula, assumptions, limits, cost, reference."""

import pandas as pd
import streamlit as st

from core.evidence.outcomes import studies
from core.evidence.track import STUDY, published_for, summary, track_record
from core.metrics import Metric, trust
from core.metrics.calibration import LEVEL
from core.scoring.ranking import ACROSS
from pages._scoring_run import duration

NEEDS = {
    "features": "The network's features of the images. Nothing is trained but what the formula names.",
    "source head": "The network's outputs for the classes it was trained on; encoders without such a head have none.",
    "gradients": "The gradients of the network's first layers on the images: the network itself, not its features.",
}
NO_RECORD = "No record for ours yet"
POOL = "The value is relative to the candidates of the run: adding or removing one changes every value."


def show_explanation(about: Metric, plan: dict, results: list[dict]) -> None:
    """Everything there is to know about a metric, and how it was computed in this run."""
    treatment = {"multi-label": about.multi_label, "ordinal": about.ordinal}
    lines = {
        "Question": about.question,
        "The number": f"{about.meaning} Unit: {about.unit}. Range: {about.range}. Higher is better.",
        "Formula": about.formula,
        "Assumes": about.assumptions,
        "Needs": NEEDS[about.needs],
        "On these labels": treatment.get(plan["target"]["label_type"], ""),
        "Differs from the paper or from public code": about.differs,
        "Where it misleads": about.limits,
        "Compares": " ".join([POOL] * about.pool_relative + [ACROSS] * about.one_architecture),
        "In this run": _calibration(about, results),
        "Cost": _cost(about, plan, results),
        "Reference": about.paper,
        "Track record": _record(about),
    }
    for name, text in lines.items():
        if text:
            st.markdown(f"**{name}.** {text}")
    st.page_link("evidence.py", label="What was each measure worth where the truth is known?",
                 icon=":material/fact_check:", query_params={"evidence_view": "Track record"})  # fmt: skip
    _show_simulation(about)


def _record(about: Metric) -> str:
    """How the metric did where the truth is known, or that and why there is no record of our implementation."""
    published = published_for(about.key)
    if published is None:
        return f"{NO_RECORD}: no values of it were published with outcomes that we hold."
    if published.differs:
        return f"{NO_RECORD}: values were published, but by another implementation. {published.differs}"
    means = summary(track_record())
    found, usual = means.loc[published.key], means.loc["always_imagenet"]
    return (
        f"The same formula on {found['targets']:.0f} published targets: weighted tau {found['tau']:.2f} on average "
        f"(1 the right order, 0 none), and its first pick lost {found['regret']:.2f} AUC points; always taking "
        f"ImageNet lost {usual['regret']:.2f}. {studies().studies[STUDY].citation}."
    )


def _show_simulation(about: Metric) -> None:
    """What the verdicts rest on: how often the metric was right where the truth was known."""
    table = trust.table(about.key)
    if table.empty:
        st.markdown(
            "**In our simulation.** Not simulated, because it needs a network: never more than *read with care*."
        )
        return
    st.markdown(
        "**In our simulation.** Share of pairs of candidates that it put in the right order, where the truth was "
        f"known; 50 % is chance. From {100 * trust.RELIABLE_FROM:.0f} % on a value can be *reliable*, below "
        f"{100 * trust.MEANS_NOTHING_BELOW:.0f} % it is *not meaningful here*: limits that we chose. "
        f"How it was made: `data/simulation/README.md`. {_calibration_found(about)}"
    )
    st.dataframe(
        100 * table,
        alt=f"Share of pairs in the right order by {about.name}",
        column_config={name: st.column_config.NumberColumn(format="%.0f %%") for name in table},
    )


def _calibration_found(about: Metric) -> str:
    """Whether p and interval kept what they promise where the truth was known."""
    found = trust.calibrated().loc[about.key]
    sentences = []
    if pd.notna(found["noise_found"]):
        sentences.append(
            f"In {found['samples']:.0f} samples without signal, p was at most {LEVEL} in "
            f"{100 * found['noise_found']:.0f} % ({100 * LEVEL:.0f} % is right)."
        )
    if pd.notna(found["covered"]):
        sentences.append(f"95 % intervals held the mean of new samples in {100 * found['covered']:.0f} %.")
    return " ".join(sentences)


def _calibration(about: Metric, results: list[dict]) -> str:
    """How many permutations and resamples stand behind the numbers on the page."""
    mine = [result for result in results if result["metric"] == about.key and "permutations" in result]
    counts = sorted({result["permutations"] for result in mine})
    intervals = sorted({result["interval"] for result in mine if result.get("interval")})
    shuffles = " or ".join(str(n) for n in counts)
    text = [f"Shuffled labels: {shuffles} times."] if any(counts) else []
    return " ".join(text + [f"Interval: {'; or '.join(intervals)}."] * bool(intervals))


def _cost(about: Metric, plan: dict, results: list[dict]) -> str:
    """Expected seconds for the widest candidate, where they are known."""
    if about.needs == "gradients":
        return "That of running the network forwards and backwards; the view Run shows it before a run."
    if about.seconds is None:
        return "Nothing of its own: it is made of two other metrics."
    widest = max((result.get("d") or 0 for result in results), default=0)
    if not widest:
        return ""
    n, columns = plan["sample"]["n"], len(plan["target"]["class_names"])
    return (
        f"{duration(about.seconds(n, widest, columns)).capitalize()} per candidate on one core, expected for {n:,} "
        f"images and {widest:,} features, with the shuffled labels and the interval."
    )
