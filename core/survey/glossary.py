"""The words of the field: what each means here, what people also mean by it, and what in this tool stands for it.

`data/glossary.toml` holds them, in a form that people can read and argue with.
"""

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path

from core.errors import SurveyError

FILE = Path(__file__).resolve().parents[2] / "data" / "glossary.toml"
ABSTRACT, SECONDARY, OURS = "abstract", "secondary", "ours"
QUESTIONS = 2  # that make an ambiguous word explicit
BETWEEN = r"[\s-]*"  # the words of one spelling


@dataclass(frozen=True)
class Reading:
    """What was read of a publication: `kind` is ABSTRACT, its own, or SECONDARY, a summary by others."""

    text: str
    address: str
    kind: str


@dataclass(frozen=True)
class Statement:
    """One sentence and the reading that it comes from; without one it is ours."""

    text: str
    by: Reading | None

    @property
    def kind(self) -> str:
        return self.by.kind if self.by else OURS


@dataclass(frozen=True)
class MeasuredBy:
    """What in this tool stands for a word. `views` are a page or page/view; `metrics` keys of core.metrics, `looks` of
    measures or groups of core.similarity.visual_glossary, `distances` of core.similarity.measures, and `fields` of
    core.sources.record."""

    views: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    distances: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One word. `also` are other spellings, `here` says what stands for it in this tool; `definition`, `here` and
    `questions` are ours. An ambiguous word has two questions, others none."""

    term: str
    also: tuple[str, ...]
    definition: str
    here: str
    also_meant: tuple[Statement, ...]
    measured_by: MeasuredBy
    questions: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.term, *self.also)


@dataclass(frozen=True)
class Glossary:
    """`entries` by their term, in the order of the file."""

    version: int
    entries: dict[str, Entry]

    @cached_property
    def named(self) -> dict[str, Entry]:
        """Every spelling in lower case, the longest first."""
        every = {name.lower(): one for one in self.entries.values() for name in one.names}
        return {name: every[name] for name in sorted(every, key=len, reverse=True)}

    @cached_property
    def pattern(self) -> re.Pattern:
        """Any spelling, each as a group of its own in the order of `named`."""
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(_spelling, self.named))})(?!\w)", re.IGNORECASE)


def _spelling(name: str) -> str:
    """A group that matches `name` in singular and plural, its words apart, with a hyphen or as one."""
    joined = BETWEEN.join(re.escape(part) for part in re.split(r"[\s-]+", name))
    return f"({joined[:-1]}(?:y|ies))" if joined.endswith("y") else f"({joined}s?)"


@lru_cache(maxsize=1)
def shipped() -> Glossary:
    """The glossary that ships."""
    return parse(FILE.read_text(encoding="utf-8"))


def entry(term: str) -> Entry | None:
    """The entry of a word, by its term or another of its spellings, whatever the case; None where there is none."""
    return shipped().named.get(term.lower())


def ambiguous_in(text: str) -> list[Entry]:
    """The ambiguous words in a text, each once, in the order in which they come. Where one spelling is part of another
    ("similarity" of "visual similarity"), the longer one counts."""
    glossary = shipped()
    by_group = list(glossary.named.values())
    terms = dict.fromkeys(by_group[match.lastindex - 1].term for match in glossary.pattern.finditer(text))
    return [glossary.entries[term] for term in terms if glossary.entries[term].questions]


def parse(text: str) -> Glossary:
    """The glossary in TOML `text`; SurveyError says what is wrong with it and what to do."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SurveyError(f"The glossary is not valid TOML: {error}.", "Compare it with the one that ships.") from None
    _only(content, {"version", "read", "entry"}, "The glossary")
    if type(content.get("version")) is not int:
        raise SurveyError("The glossary has no `version`.", "Give it a whole number that grows with every change.")
    read = _table(content.get("read", {}), "`read`")
    readings = {key: _reading(key, table) for key, table in read.items()}
    entries = [_entry(table, readings) for table in _list(content, "entry", "The glossary")]
    names = [name.lower() for one in entries for name in one.names]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SurveyError(f"Several entries are called {', '.join(twice)}.", "Leave each spelling to one entry.")
    return Glossary(content["version"], {one.term: one for one in entries})


def _reading(key: str, table: dict) -> Reading:
    where = f"`read.{key}`"
    _only(table, {"text", "address", "kind"}, where)
    if table.get("kind") not in (ABSTRACT, SECONDARY):
        raise SurveyError(f"{where} has the kind {table.get('kind')!r}.", f"Use {ABSTRACT} or {SECONDARY}.")
    return Reading(_text(table, "text", where), _text(table, "address", where), table["kind"])


def _entry(table: dict, readings: dict[str, Reading]) -> Entry:
    _only(table, {field.name for field in fields(Entry)}, "An entry")
    where = f"The entry `{table.get('term', 'without a term')}`"
    questions = _texts(table, "questions", where)
    if len(questions) not in (0, QUESTIONS):
        raise SurveyError(
            f"{where} has {len(questions)} questions.", f"An ambiguous word has {QUESTIONS} of them, others have none."
        )
    measured_by = table.get("measured_by", {})
    _only(measured_by, {field.name for field in fields(MeasuredBy)}, f"{where}, `measured_by`,")
    return Entry(
        term=_text(table, "term", where),
        also=_texts(table, "also", where),
        definition=_text(table, "definition", where),
        here=_text(table, "here", where),
        also_meant=tuple(_statement(one, readings, where) for one in _list(table, "also_meant", where)),
        measured_by=MeasuredBy(**{name: _texts(measured_by, name, where) for name in measured_by}),
        questions=questions,
    )


def _statement(table: dict, readings: dict[str, Reading], where: str) -> Statement:
    _only(table, {"text", "by"}, f"{where}, `also_meant`,")
    by = table.get("by")
    if by is not None and by not in readings:
        raise SurveyError(f"{where} cites `{by}`, which is not described.", f"Add `[read.{by}]`.")
    return Statement(_text(table, "text", where), readings[by] if by else None)


def _table(value: object, where: str) -> dict:
    if not isinstance(value, dict):
        raise SurveyError(f"{where} is no table.", "Compare it with the glossary that ships.")
    return value


def _only(value: object, known: set[str], where: str) -> None:
    """Refuse what is no table, and parts that are not `known`."""
    if unknown := sorted(set(_table(value, where)) - known):
        raise SurveyError(f"{where} has unknown parts: {', '.join(unknown)}.", f"Known: {', '.join(sorted(known))}.")


def _list(table: dict, name: str, where: str) -> list:
    value = table.get(name, [])
    if not isinstance(value, list):
        raise SurveyError(f"{where}: `{name}` is no list.", "Compare it with the glossary that ships.")
    return value


def _text(table: dict, name: str, where: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.strip():
        raise SurveyError(f"{where} has no text `{name}`.", f'Write it as {name} = "...".')
    return value.strip()


def _texts(table: dict, name: str, where: str) -> tuple[str, ...]:
    value = _list(table, name, where)
    if not all(isinstance(one, str) and one.strip() for one in value):
        raise SurveyError(f"{where}: `{name}` is no list of texts.", f'Write it as {name} = ["one", "two"].')
    return tuple(value)
