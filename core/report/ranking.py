"""The ranking of a run as one HTML file that needs nothing else: charts, tables, settings, hashes, snippets.

It holds no path of the machine that made it: a folder's name may say whose images lie in it.
"""

import copy
import dataclasses
import json
import re
from pathlib import Path

import jinja2
import pandas as pd

from core.catalog import parse_checkpoint
from core.charts import NO_VALUE, RELATIVE, WITHIN, agreement_chart, matrix_chart, overview_chart, ranking_chart, svg
from core.metrics import Metric
from core.scoring.agreement import MEANING, Agreement, agreement
from core.scoring.overview import first_metrics, joined, sentences, side_by_side
from core.scoring.ranking import (
    ACROSS,
    describe,
    leaders,
    metrics_in,
    pools,
    ranking,
    remarks,
)
from core.settings import RESEARCH_USE
from core.snippet import snippet

COLUMNS = {
    "tie_group": "Tie group",
    "candidate": "Candidate",
    "source": "Pretraining data",
    "value": "Value",
    "low": "95 % from",
    "high": "to",
    "null": "Noise scores",
    "p": "p",
    "verdict": "How far to trust it",
}
NUMBERS = ("value", "low", "high", "null", "p")
TIES = (
    "A tie group begins with its best candidate and holds those whose 95 % interval reaches into that one's: "
    "they cannot be told from it. Read the groups, not the ranks inside them."
)
PAIRS = (
    "Pairs: one image with a label and one without; ranked right means that the one with it scores higher. 50 % is "
    "chance."
)
CELLS = (
    "Values, filled the darker the better the tie group within the metric: cells of one column in one colour cannot be "
    "told apart. A grey value with a cross is not meaningful here; a grey one without has nothing to be compared with; "
    f"{NO_VALUE} is no value."
)
DAGGERS = {
    "pool_relative": f"{RELATIVE} Relative to the list: adding or removing a candidate changes every value.",
    "one_architecture": f"{WITHIN} Compares within one architecture only. {ACROSS}",
}
NO_TEST_PART = "No test part is locked: later test results on these images will be optimistic."
NO_GROUPS = "No patient groups are known: if several images come from one patient, AUC is optimistic."
_PATHS = (re.compile(r"`[^`\n]*[/\\]([^`/\\\n]+)`"), re.compile(r"(?:[A-Za-z]:|(?<![\w.:]))[/\\](?:[^\s/\\`]+[/\\])+"))


def part_sentence(plan: dict) -> str:
    """Which images a run used: the part, how many, and their hash."""
    part, sample = plan["part"], plan["sample"]
    hashes = f"part {part['hash'][:12]}, sample {sample['hash'][:12]}"
    return f"{sample['n']} of {part['n']} images ({part['name']}; {hashes})"


def conditions(plan: dict) -> list[str]:
    """What holds for every number of the run, as sentences."""
    sentences = [f"Computed on {part_sentence(plan)}."]
    sentences += [] if plan["part"]["locked"] else [NO_TEST_PART]
    return sentences + ([] if plan["grouped"] else [NO_GROUPS])


def answer(frame: pd.DataFrame, name=str) -> str:
    """Who leads the ranking, and who cannot be told from the leader. `name` formats a candidate's name."""
    if frame["value"].isna().all():
        return "No candidate has a value."
    first, *tied = leaders(frame) or [None]
    if first is None:
        return "No candidate can be told from chance by this metric. The order below means nothing."
    text = f"{name(first)} comes first."
    if tied:
        text = f"{name(first)} comes first, but cannot be told from {joined([name(n) for n in tied])}."
    controls = frame.loc[frame["control"] & frame["candidate"].isin([first, *tied]), "candidate"]
    if len(controls):
        text += f" {name(controls.iloc[0])} has no pretraining: by this metric, pretraining has shown no advantage."
    return text


def answers(frame: pd.DataFrame, about: Metric, name=str) -> list[str]:
    """The answer for each part of a ranking in which candidates are compared, with its architecture where there are
    several."""
    parts = pools(frame, about)
    return [_answer_within(architecture, pool, name) if architecture else answer(pool, name)
            for architecture, pool in parts.items()]  # fmt: skip


def _answer_within(architecture: str, pool: pd.DataFrame, name) -> str:
    if pool["value"].count() == 1:
        alone = name(pool.loc[pool["value"].notna(), "candidate"].iloc[0])
        return f"{architecture}: {alone} is the only one with a value, so there is nothing to compare it with."
    return f"{architecture}: {answer(pool, name)}"


def ranking_html(plan: dict, results: list[dict]) -> str:
    """The page as text. `plan` may be the summary that the database keeps."""
    plan = without_paths(plan)
    folder = Path(__file__).parent
    template = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(folder)).get_template("page.html")
    target = plan["target"]
    return template.render(
        title=f"Source ranking for {target['name']}",
        research_use=RESEARCH_USE,
        synthetic=target["synthetic"],
        conditions=conditions(plan),
        ties=TIES,
        pairs=PAIRS,
        first=_first_view(plan, results),
        matrix=_matrix(plan, results),
        sections=[_section(plan, results, metric) for metric in metrics_in(plan)],
        candidates=[
            {"name": c["name"], "identity": c.get("identity", "unknown"), "snippet": _snippet(c)}
            for c in plan["candidates"]
        ],
        settings=json.dumps(plan, indent=1, sort_keys=True, ensure_ascii=False),
    )


def columns_of(about: Metric) -> dict[str, str]:
    """The columns of a metric's table, with the architecture first where only candidates of one can be compared."""
    return ({"architecture": "Architecture"} if about.one_architecture else {}) | COLUMNS


def notes(metrics: list[str]) -> list[str]:
    """What the daggers at the names of these metrics mean."""
    return [text for fact, text in DAGGERS.items() if any(getattr(describe(key), fact) for key in metrics)]


def agreement_sentences(found: Agreement, name=str) -> list[str]:
    """How far the metrics agree, who was compared and who was left out, and what it does not mean."""
    lines = [found.why_not] if found.why_not else [
        f"Kendall's W is {found.w:.2f} over {len(found.taus)} metrics and {len(found.candidates)} candidates: 1 is the "
        f"same order by all of them, and orders drawn at random give {1 / len(found.taus):.2f} on average.", MEANING,
    ]  # fmt: skip
    if found.without:
        whom = joined([name(n) for n in found.without])
        lines.append(f"Not compared, for lack of a value that means something by every one of them: {whom}.")
    reasons: dict[str, list[str]] = {}
    for key, why in found.left_out.items():
        reasons.setdefault(why, []).append(describe(key).name)
    left_out = [f"{joined(names)} ({why})" for why, names in reasons.items()]
    return lines + ([f"Left out: {'; '.join(left_out)}."] if left_out else [])


def _first_view(plan: dict, results: list[dict]) -> dict:
    metrics = first_metrics(plan)
    scores, lead = side_by_side(plan, results, metrics), metrics[0]
    return {
        "answer": " ".join(answers(scores[scores["metric"] == lead], describe(lead))),
        "caution": ACROSS if describe(lead).one_architecture else "",
        "chart": svg(overview_chart(scores)) if scores["value"].notna().any() else "",
        "sentences": sentences(scores),
    }


def _matrix(plan: dict, results: list[dict]) -> dict:
    metrics = metrics_in(plan)
    scores = side_by_side(plan, results, metrics)
    found = agreement(scores)
    return {
        "chart": svg(matrix_chart(scores)) if scores["value"].notna().any() else "",
        "notes": [CELLS, *notes(metrics)],
        "agreement": agreement_sentences(found),
        "taus": "" if found.taus.empty else svg(agreement_chart(found.taus)),
    }


def without_paths(plan: dict) -> dict:
    """A copy of the plan in which files have a name but no folder."""
    plan = copy.deepcopy({key: value for key, value in plan.items() if key != "features_folder"})
    plan["sample"].pop("pixels", None)
    for candidate in plan["candidates"]:
        weights = candidate["checkpoint"]["weights"]
        candidate["checkpoint"]["weights"] = Path(weights).name
        if "error" in candidate:
            shown = {key: text.replace(weights, Path(weights).name) for key, text in candidate["error"].items()}
            candidate["error"] = {key: _shortened(text) for key, text in shown.items()}
    return plan


def _shortened(text: str) -> str:
    quoted, bare = _PATHS
    return bare.sub("", quoted.sub(r"`\1`", text))


def _snippet(candidate: dict) -> str:
    if "identity" not in candidate:
        return " ".join(candidate["error"].values())
    checkpoint = parse_checkpoint(candidate["checkpoint"], Path("/"))
    if checkpoint.kind == "file":
        checkpoint = dataclasses.replace(checkpoint, weights=Path(checkpoint.weights).name)
    return snippet(checkpoint, candidate["identity"])


def _section(plan: dict, results: list[dict], metric: str) -> dict:
    frame = ranking(plan, results, metric)
    about = describe(metric)
    columns = columns_of(about)
    return {
        "name": f"{about.name} ({about.unit})",
        "question": about.question,
        "meaning": about.meaning,
        "limits": about.limits,
        "paper": about.paper,
        "answer": " ".join(answers(frame, about)),
        "caution": ACROSS if about.one_architecture else "",
        "charts": [
            {"architecture": architecture, "svg": svg(ranking_chart(pool, about.unit))}
            for architecture, pool in pools(frame, about).items()
            if pool["value"].notna().any()
        ],
        "columns": list(columns.values()),
        "rows": [
            [{"text": _cell(value), "number": name in NUMBERS} for name, value in row.items()]
            for row in frame[list(columns)].to_dict("records")
        ],
        "remarks": [f"{verdict or 'no value'}: {', '.join(n)}. {text}" for verdict, text, n in remarks(frame)],
    }


def _cell(value) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
