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
from core.charts import ranking_chart, svg
from core.scoring.ranking import describe, leaders, metrics_in, ranking, remarks
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
        text = f"{name(first)} comes first, but cannot be told from {_and([name(n) for n in tied])}."
    controls = frame.loc[frame["control"] & frame["candidate"].isin([first, *tied]), "candidate"]
    if len(controls):
        text += f" {name(controls.iloc[0])} has no pretraining: by this metric, pretraining has shown no advantage."
    return text


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


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
        sections=[_section(plan, results, metric) for metric in metrics_in(plan)],
        candidates=[
            {"name": c["name"], "identity": c.get("identity", "unknown"), "snippet": _snippet(c)}
            for c in plan["candidates"]
        ],
        settings=json.dumps(plan, indent=1, sort_keys=True, ensure_ascii=False),
    )


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
    return {
        "name": f"{about.name} ({about.unit})",
        "question": about.question,
        "meaning": about.meaning,
        "limits": about.limits,
        "paper": about.paper,
        "answer": answer(frame),
        "chart": svg(ranking_chart(frame, about.unit)) if frame["value"].notna().any() else "",
        "columns": list(COLUMNS.values()),
        "rows": [
            [{"text": _cell(value), "number": name in NUMBERS} for name, value in row.items()]
            for row in frame[list(COLUMNS)].to_dict("records")
        ],
        "remarks": [f"{verdict or 'no value'}: {', '.join(n)}. {text}" for verdict, text, n in remarks(frame)],
    }


def _cell(value) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
