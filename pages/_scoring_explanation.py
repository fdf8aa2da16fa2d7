"""What a metric is, for a reader who has to judge it: question, formula, assumptions, limits, cost, reference."""

import streamlit as st

from core.metrics import Metric
from core.scoring.ranking import ACROSS
from pages._scoring_run import duration

NEEDS = {
    "features": "The network's features of the images. Nothing is trained but what the formula names.",
    "source head": "The network's outputs for the classes it was trained on; encoders without such a head have none.",
    "gradients": "The gradients of the network's first layers on the images: the network itself, not its features.",
}
TRACK_RECORD = "None is claimed: the evidence page, which will show how each metric did elsewhere, is not built yet."
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
        "Track record": TRACK_RECORD,
    }
    for name, text in lines.items():
        if text:
            st.markdown(f"**{name}.** {text}")


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
