"""The heuristics by which practitioners choose a source, as cards; every statement with its kind and its citation.

`data/survey/heuristics.toml` holds them. What was not obtained of the study stays unknown there.
"""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from core.errors import SurveyError
from core.settings import data_folder

GROUPS = {
    "social": "Social proof and community inertia",
    "similar": "More similar is better",
    "friction": "Usability and friction",
    "trade_off": "Two trade-offs",
    "ethics": "Ethics and fairness",
}
KINDS = ("abstract", "secondary", "repository", "ours")
RELATIONS = {
    "rating": "Rating against expectation (the survey)",
    "similarity": "Similarity against measured outcome (cats-scans)",
    "score": "Score against measured outcome (arXiv:2412.20172 and others)",
    "outcome": "Measured outcomes alone",
    "expectation": "Expectation against measured outcome (this team)",
    "team_rating": "Rating against expectation (this team)",
    "team_score": "Expectation against a score (this team); not an outcome",
    "none": "Nothing measured",
}


@dataclass(frozen=True)
class Statement:
    """Where a card or a signature comes from: `kind` is one of KINDS."""

    says: str
    kind: str
    citation: str


@dataclass(frozen=True)
class Figure:
    """One piece of measured evidence. `value` as printed, or as computed where `kind` is "ours"; `relation` is a key of
    RELATIONS; `unpublished` figures may change."""

    value: str
    says: str
    kind: str
    citation: str
    relation: str
    unpublished: bool = False


@dataclass(frozen=True)
class Card:
    """One heuristic: `group` is a key of GROUPS; `pages` are files in pages/ where one does what `instead` says."""

    key: str
    group: str
    sentence: str
    misleads: str
    where: tuple[Statement, ...]
    evidence: tuple[Figure, ...]
    instead: str
    pages: tuple[str, ...]


@dataclass(frozen=True)
class Signature:
    """A way in which a choice fails: `says` what it is and who tells so; `evidence` are figures of the card that it
    belongs to."""

    key: str
    name: str
    card: str
    says: Statement
    evidence: tuple[Figure, ...]
    instead: str


@dataclass(frozen=True)
class Heuristics:
    """All cards, in the order of GROUPS, and signatures by key; `participants` of the study, and who tells their
    number."""

    version: int
    participants: int
    participants_citation: str
    cards: tuple[Card, ...]
    signatures: dict[str, Signature]


@lru_cache(maxsize=1)
def shipped() -> Heuristics:
    """The cards that ship."""
    return parse_heuristics((data_folder() / "survey" / "heuristics.toml").read_text(encoding="utf-8"))


def parse_heuristics(text: str) -> Heuristics:
    """The cards and signatures in TOML `text`. SurveyError where one lacks a part, a kind, a citation or a relation."""
    content = read_toml(text)
    try:
        cards = {entry["key"]: _card(entry, content["cite"]) for entry in content["card"]}
        signatures = {one["key"]: _signature(one, cards, content["cite"]) for one in content["signature"]}
        version, participants = content["version"], content["participants"]
        told_by = content["cite"][content["participants_cite"]]
    except KeyError as missing:
        raise SurveyError(f"The heuristics lack {missing}.", "Add it, in the form of the file that ships.") from None
    order = list(GROUPS)
    ordered = tuple(sorted(cards.values(), key=lambda card: order.index(card.group)))
    return Heuristics(version, participants, told_by, ordered, signatures)


def read_toml(text: str) -> dict:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SurveyError(f"This is not valid TOML: {error}.", "Compare it with the file that ships.") from None


def _card(entry: dict, citations: dict[str, str]) -> Card:
    _require(entry["group"], GROUPS, f"The card `{entry['key']}` is in the group")
    return Card(
        entry["key"],
        entry["group"],
        entry["sentence"],
        entry["misleads"],
        tuple(_statement(one, citations) for one in entry["where"]),
        tuple(_figure(one, citations) for one in entry["evidence"]),
        entry["instead"],
        tuple(entry["pages"]),
    )


def _signature(entry: dict, cards: dict[str, Card], citations: dict[str, str]) -> Signature:
    where = f"The signature `{entry['key']}`"
    _require(entry["card"], cards, f"{where} belongs to the card")
    figures = {figure.value: figure for figure in cards[entry["card"]].evidence}
    for value in entry["evidence"]:
        _require(value, figures, f"{where} rests on")
    evidence = tuple(figures[value] for value in entry["evidence"])
    says = _statement(entry, citations)
    return Signature(entry["key"], entry["name"], entry["card"], says, evidence, entry["instead"])


def _statement(entry: dict, citations: dict[str, str]) -> Statement:
    return Statement(entry["says"], *_origin(entry, citations))


def _figure(entry: dict, citations: dict[str, str]) -> Figure:
    _require(entry["relation"], RELATIONS, f"The figure {entry['value']!r} has the relation")
    kind, citation = _origin(entry, citations)
    unpublished = entry.get("unpublished", False)
    if unpublished and "@" not in citation:
        raise SurveyError(f"The unpublished {entry['value']!r} names no commit.", "Cite it as repository @ commit.")
    return Figure(entry["value"], entry["says"], kind, citation, entry["relation"], unpublished)


def _origin(entry: dict, citations: dict[str, str]) -> tuple[str, str]:
    """Kind and citation, without which nothing is shown."""
    _require(entry["kind"], KINDS, f"The statement {entry['says']!r} is of the kind")
    _require(entry["cite"], citations, f"The statement {entry['says']!r} cites")
    return entry["kind"], citations[entry["cite"]]


def _require(value: str, known: Collection[str], what: str) -> None:
    if value not in known:
        raise SurveyError(f"{what} `{value}`, which is not known.", f"Use one of {', '.join(known)}.")
