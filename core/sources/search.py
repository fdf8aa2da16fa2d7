"""Finding sources, by words and by facts. What a record does not tell is neither a match nor hidden silently."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.sources.record import FIELDS, SourceDataset


@dataclass(frozen=True)
class Query:
    """What is asked. Of each list any value will do; an empty one lets all pass. `least` and `most` are images."""

    text: str = ""
    modality: tuple[str, ...] = ()
    anatomy: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    data_commercial: tuple[str, ...] = ()
    label_type: tuple[str, ...] = ()
    color: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @property
    def asked(self) -> dict[str, tuple[str, ...]]:
        names = ("modality", "anatomy", "access", "data_commercial", "label_type", "color")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def search(records: Iterable[SourceDataset], query: Query) -> tuple[list[SourceDataset], list[SourceDataset]]:
    """The records that fit, and those that might: nothing they tell speaks against them, but something is unknown."""
    fits, may = [], []
    for record in records:
        answers = [*(_has(record, about, values) for about, values in query.asked.items()),
                   _in_range(record, query), _says(record, query.text)]  # fmt: skip
        if False not in answers:
            (may if None in answers else fits).append(record)
    return fits, may


def _has(record: SourceDataset, about: str, values: tuple[str, ...]) -> bool | None:
    facts = record.of(about)
    if not facts:
        return None
    told = record.terms(about) if FIELDS[about].kind == "terms" else tuple(fact.value for fact in facts)
    return bool(set(told) & set(values)) or ("both" in told and about == "color")


def _in_range(record: SourceDataset, query: Query) -> bool | None:
    if query.least is None and query.most is None:
        return True
    images = record.value("images")
    if images is None:
        return None
    return (query.least or 0) <= images <= (query.most or images)


def _says(record: SourceDataset, text: str) -> bool:
    """Whether every word of `text` begins a word somewhere in the record."""
    if not text.strip():
        return True
    parts = [*record.names, record.summary]
    for fact in record.facts:
        parts += [*fact.value, fact.note] if isinstance(fact.value, tuple) else [str(fact.value), fact.note]
    everything = f" {_plain(' '.join(parts))}"
    return all(f" {word}" in everything for word in _plain(text).split())


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() else " " for c in text.lower())
