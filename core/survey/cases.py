"""The two case studies of the survey, and what its group's follow-up benchmark measured for them (unpublished).

`data/survey/cases.toml` holds them, with figures as printed.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from core.errors import SurveyError
from core.settings import data_folder
from core.survey.heuristics import read_toml

LEVEL = 0.05  # of the corrected p, below which two sources differ
PLACES = ("1st", "2nd", "3rd")


@dataclass(frozen=True)
class Pair:
    """Two sources: the mean test macro-AUC of `one` minus that of `other`, and Holm's p as printed ("<.001")."""

    one: str
    other: str
    difference: float
    p: str

    @property
    def differs(self) -> bool:
        return float(self.p.removeprefix("<")) < LEVEL


@dataclass(frozen=True)
class Case:
    """One task of the survey. `auc` by source: mean and 95 % interval of the test macro-AUC; `pairs` of these; `taught`
    is what we read in them."""

    key: str
    title: str
    task: str
    facts: tuple[str, ...]
    taught: str
    auc: dict[str, tuple[float, float, float]]
    pairs: tuple[Pair, ...]

    def pairs_of(self, sources: Sequence[str]) -> list[Pair]:
        """The pairs of which both are among `sources`."""
        return [pair for pair in self.pairs if {pair.one, pair.other} <= set(sources)]


@dataclass(frozen=True)
class Cases:
    """The cases by key; `asked` are the survey's sources, `protocol` how the follow-up measured."""

    version: int
    repository: str
    commit: str
    file: str
    read: datetime.date
    asked: tuple[str, ...]
    protocol: tuple[str, ...]
    cases: dict[str, Case]


@lru_cache(maxsize=1)
def shipped() -> Cases:
    """The cases that ship."""
    return parse_cases((data_folder() / "survey" / "cases.toml").read_text(encoding="utf-8"))


def parse_cases(text: str) -> Cases:
    """The cases in TOML `text`; SurveyError where one lacks a part, or a mean lies outside its interval."""
    content = read_toml(text)
    try:
        cases = [_case(entry, content["asked"]) for entry in content["case"]]
        about = [content[name] for name in ("version", "repository", "commit", "file", "read")]
        asked, protocol = tuple(content["asked"]), tuple(content["protocol"])
    except KeyError as missing:
        raise SurveyError(f"The cases lack {missing}.", "Add it; data/survey/cases.toml shows the form.") from None
    return Cases(*about, asked, protocol, {case.key: case for case in cases})


def _case(entry: dict, asked: Sequence[str]) -> Case:
    auc = {source: tuple(values) for source, values in entry["auc"].items()}
    if wrong := [source for source, (mean, low, high) in auc.items() if not low <= mean <= high]:
        raise SurveyError(f"The mean of {wrong[0]} lies outside its interval.", "Write mean, low, high.")
    pairs = tuple(Pair(*one["of"], one["difference"], one["p"]) for one in entry["pair"])
    if unknown := {*asked, *(name for pair in pairs for name in (pair.one, pair.other))} - set(auc):
        raise SurveyError(f"There is no AUC of {', '.join(sorted(unknown))}.", "Add it under `case.auc`.")
    return Case(entry["key"], entry["title"], entry["task"], tuple(entry["facts"]), entry["taught"], auc, pairs)


def measured(case: Case, asked: Sequence[str], guess: Sequence[str]) -> pd.DataFrame:
    """One row per source, those `asked` about first, by their mean: `name` with its place in the `guess` (best first),
    `value`, `low`, `high` (test macro-AUC), and `group`."""
    ordered = sorted(case.auc.items(), key=lambda item: (item[0] not in asked, -item[1][0]))
    rows = [
        {
            "name": f"{source} (your {PLACES[guess.index(source)]})" if source in guess else source,
            **dict(zip(("value", "low", "high"), values, strict=True)),
            "group": "asked about in the survey" if source in asked else "for comparison",
        }
        for source, values in ordered
    ]
    return pd.DataFrame(rows)
