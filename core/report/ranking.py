"""The ranking of a run as one HTML file that needs nothing else: charts, tables, settings, hashes, snippets."""

import json
from pathlib import Path

import jinja2
import pandas as pd

from core.catalog import parse_checkpoint
from core.charts import ranking_chart, svg
from core.scoring.ranking import describe, metrics_in, ranking
from core.settings import RESEARCH_USE
from core.snippet import snippet

COLUMNS = {
    "tie_group": "Tie group",
    "candidate": "Candidate",
    "source": "Pretraining data",
    "value": "Value",
    "low": "95 % from",
    "high": "to",
    "null": "Shuffled labels give",
    "p": "p",
    "verdict": "How far to trust it",
    "reason": "Why",
}
TIES = "Candidates of one tie group cannot be told apart: their intervals overlap that of the group's best."


def part_sentence(plan: dict) -> str:
    """Which images a run used: the part, how many, and their hash."""
    part, sample = plan["part"], plan["sample"]
    hashes = f"part {part['hash'][:12]}, sample {sample['hash'][:12]}"
    return f"{sample['n']} of {part['n']} images ({part['name']}; {hashes})"


def ranking_html(plan: dict, results: list[dict]) -> str:
    """The page as text. `plan` may be the summary that the database keeps."""
    folder = Path(__file__).parent
    template = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(folder)).get_template("page.html")
    target = plan["target"]
    return template.render(
        title=f"Source ranking for {target['name']}",
        research_use=RESEARCH_USE,
        synthetic=target["synthetic"],
        part=part_sentence(plan),
        note=TIES,
        sections=[_section(plan, results, metric) for metric in metrics_in(plan)],
        candidates=[
            {"name": c["name"], "identity": c.get("identity", "unknown"), "snippet": _snippet(c)}
            for c in plan["candidates"]
        ],
        settings=json.dumps(plan, indent=1, sort_keys=True),
    )


def _snippet(candidate: dict) -> str:
    if "identity" not in candidate:
        return candidate["error"]["message"]
    return snippet(parse_checkpoint(candidate["checkpoint"], Path("/")), candidate["identity"])


def _section(plan: dict, results: list[dict], metric: str) -> dict:
    frame = ranking(plan, results, metric)
    about = describe(metric)
    shown = frame[list(COLUMNS)].astype(object)
    return {
        "name": f"{about.name} ({about.unit})" if about.unit else about.name,
        "meaning": about.meaning,
        "paper": about.paper,
        "chart": svg(ranking_chart(frame, about.unit or about.name)) if frame["value"].notna().any() else "",
        "columns": list(COLUMNS.values()),
        "numeric": [i for i, name in enumerate(COLUMNS) if name in ("value", "low", "high", "null", "p")],
        "rows": [[_cell(value) for value in row] for row in shown.itertuples(index=False)],
    }


def _cell(value) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
