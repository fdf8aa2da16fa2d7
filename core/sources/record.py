"""The record of one source data set: facts, each with the source that was read for it; what is not known stays unknown.

A record is a TOML file; data/catalog/sources/README.md describes its form.
"""

import datetime
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field

import tomli_w

from core.errors import SourceError

MODALITIES = (
    "Natural photographs", "Web images with text", "Textures", "Ultrasound", "Radiograph (X-ray)", "CT", "MRI",
    "PET or SPECT", "Mammography", "Histopathology", "Cytology", "Dermoscopy", "Fundus photograph", "OCT", "Endoscopy",
    "Microscopy", "Angiography or fluoroscopy", "Figures from papers",
)  # fmt: skip
ACCESS = {
    "open": "Open: anyone can download it",
    "registration": "Registration: a form or login, then at once",
    "gated": "Gated: an agreement, training or approval first",
    "on request": "On request: write to the authors",
    "not released": "Not released",
}
COMMERCIAL = {"yes": "allowed", "no": "not allowed", "unclear": "unclear"}
LABELS = {
    "binary": "binary", "multi-class": "multi-class", "multi-label": "multi-label", "ordinal": "ordinal",
    "captions": "captions", "none": "no labels",
}  # fmt: skip
RELATIONS = {
    "same": "the same images",
    "part of": "its images are in the other",
    "holds": "holds images of the other",
    "shares": "some images or patients in common",
    "tested on": "used to test networks trained on it",
    "not": "stated to have no images in common",
}


@dataclass(frozen=True)
class Field:
    """`kind` is terms (a list of words), number, choice, text or address; of a choice, `choices` are the values."""

    title: str
    kind: str
    about: str
    choices: dict[str, str] = field(default_factory=dict)


FIELDS = {
    "modality": Field("Modality", "terms", "How the images were made."),
    "anatomy": Field("Anatomy", "terms", "Which part of the body they show."),
    "content": Field("What they show", "text", "Objects, scenes, organs, findings."),
    "images": Field("Images", "number", "How many there are."),
    "classes": Field("Classes", "number", "Of the labels that networks are trained on."),
    "patients": Field("Patients", "number", "How many people the images come from."),
    "label_type": Field("Labels", "choice", "What kind of labels it has.", LABELS),
    "color": Field("Colour", "choice", "Grey or colour images.", {"grey": "grey", "colour": "colour", "both": "both"}),
    "resolution": Field("Resolution", "text", "Pixels per image, and their physical size where it is printed."),
    "label_source": Field("Labels come from", "text", "Who or what gave the labels."),
    "label_quality": Field("Quality of the labels", "text", "Error rates, agreement, known faults."),
    "population": Field("Population", "text", "Where, when and from whom the images come."),
    "demographics": Field("Demographics", "text", "What is reported on age, sex and ethnicity."),
    "bias": Field("Known biases", "text", "What a network may learn that it should not."),
    "access": Field("Access", "choice", "How one gets the images.", ACCESS),
    "access_at": Field("Where", "address", "Where they are obtained."),
    "data_licence": Field("Licence of the images", "text", "As its source names it."),
    "data_commercial": Field(
        "Commercial use", "choice", "Our reading of that licence; not legal advice.", COMMERCIAL
    ),
    "weights_licence": Field("Licence of weights", "text", "Of well-known networks trained on it."),
    "custom": Field(
        "How common as a source", "text", "How often it is used as a source: custom, never evidence that it helps."
    ),
    "overlap": Field("Shared images", "text", "Which images also occur in other sets: a risk of leakage."),
    "reference": Field("Reference", "text", "How to cite it."),
}  # fmt: skip
KEY = re.compile(r"[a-z0-9_]{2,60}")
LONGEST = 4_000  # characters of one text
MOST_FACTS = 500
LARGEST_TEXT = 2_000_000  # characters


@dataclass(frozen=True)
class Reading:
    """What was read: its title and address, which part of it, and when."""

    title: str
    address: str
    what: str
    on: datetime.date


@dataclass(frozen=True)
class Fact:
    """One value of one field; `printed` is how its source prints it, `by` the key of the reading. Of an overlap,
    `others` are keys or names of the other sets and `relation` is a key of RELATIONS."""

    about: str
    value: str | int | tuple[str, ...]
    printed: str
    by: str
    note: str = ""
    others: tuple[str, ...] = ()
    relation: str = ""


@dataclass(frozen=True)
class SourceDataset:
    """One source data set. `collection`: made of parts that need not overlap each other, so that two sets inside it
    need not share images. `timm` are names of pretraining data in the table of timm's tags."""

    key: str
    name: str
    summary: str
    facts: tuple[Fact, ...]
    readings: dict[str, Reading]
    unknown: dict[str, str] = field(default_factory=dict)  # field -> where it was looked for
    also_known_as: tuple[str, ...] = ()
    collection: bool = False
    timm: tuple[str, ...] = ()
    known_files: tuple[str, ...] = ()
    own: bool = False

    def of(self, about: str) -> tuple[Fact, ...]:
        """All facts of one field, the leading one first; several add to each other or disagree."""
        return tuple(fact for fact in self.facts if fact.about == about)

    def value(self, about: str):
        """The leading value of a field; None where it is unknown."""
        return next((fact.value for fact in self.facts if fact.about == about), None)

    def terms(self, about: str) -> tuple[str, ...]:
        """All words of a list field, each once."""
        return tuple(dict.fromkeys(word for fact in self.of(about) for word in fact.value))

    @property
    def names(self) -> tuple[str, ...]:
        return (self.key, self.name, *self.also_known_as)


def parse_source(text: str, own: bool = False) -> SourceDataset:
    """The record in TOML `text`; SourceError says what is wrong with it and what to do."""
    return source_of(read_toml(text), own)


def parse_sources(text: str) -> list[SourceDataset]:
    """The records of a shared catalogue (each a `[[source]]`), or the one record that `text` is; SourceError where one
    of them cannot be used."""
    content = read_toml(text)
    records = [source_of(entry, own=True) for entry in _entries(content, "source")] or [source_of(content, own=True)]
    keys = [record.key for record in records]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise SourceError(f"Some keys occur twice: {', '.join(twice)}.", "Keep one record of each.")
    return records


def read_toml(text: str) -> dict:
    if len(text) > LARGEST_TEXT:
        raise SourceError(f"The text has {len(text):,} characters.", f"At most {LARGEST_TEXT:,} are read.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"This is not valid TOML: {error}.", "Compare it with an exported record.") from None


def source_of(record: dict, own: bool = False) -> SourceDataset:
    """The record that a TOML table describes."""
    known = {"key", "name", "also_known_as", "summary", "collection", "checkpoints", "read", "fact", "unknown"}
    if unknown := sorted(set(record) - known):
        raise SourceError(f"Unknown entries: {', '.join(unknown)}.", f"Known ones are {', '.join(sorted(known))}.")
    key, name = _text(record, "key"), _text(record, "name")
    if not KEY.fullmatch(key):
        raise SourceError(f'`key` is "{key}".', "Use 2 to 60 lower-case letters, digits and underscores.")
    readings = {label: _reading(name, label, entry) for label, entry in _table(record, "read").items()}
    facts = tuple(_fact(name, entry, readings) for entry in _entries(record, "fact"))
    links = _table(record, "checkpoints")
    return SourceDataset(
        key,
        name,
        _text(record, "summary"),
        facts,
        readings,
        {_about(name, entry): _text(entry, "looked") for entry in _entries(record, "unknown")},
        _words(record, "also_known_as"),
        record.get("collection", False) is True,
        _words(links, "timm"),
        _words(links, "known_files"),
        own,
    )


def _reading(name: str, label: str, entry: dict) -> Reading:
    if not isinstance(entry, dict):
        raise SourceError(f"{name}: `read.{label}` is no table.", "Write `[read.NAME]` with its entries below.")
    if type(entry.get("on")) is not datetime.date:
        raise SourceError(f"{name}: `read.{label}` has no date `on`.", "Write `on = 2026-11-21`, without quotes.")
    return Reading(*(_text(entry, part) for part in ("title", "address", "what")), entry["on"])


def _fact(name: str, entry: dict, readings: dict) -> Fact:
    about, by = _about(name, entry), _text(entry, "by")
    if by not in readings:
        raise SourceError(
            f"{name}: the fact on `{about}` names the source `{by}`, which is not described.",
            f"Add `[read.{by}]` with title, address, what and on: every fact has its source.",
        )
    others, relation = _words(entry, "with"), str(entry.get("relation", ""))
    if bool(others) != bool(relation) or relation and relation not in RELATIONS:
        raise SourceError(
            f"{name}: an overlap names other sets in `with` and says in `relation` how they overlap.",
            f"`relation` is one of {', '.join(RELATIONS)}.",
        )
    value = _value(name, about, entry.get("value"))
    return Fact(about, value, _text(entry, "printed"), by, str(entry.get("note", "")), others, relation)


def _about(name: str, entry: dict) -> str:
    about = entry.get("about") if isinstance(entry, dict) else None
    if about not in FIELDS:
        raise SourceError(f"{name}: a fact is about `{about}`.", f"Known fields are {', '.join(FIELDS)}.")
    return about


def _value(name: str, about: str, value):
    facts = FIELDS[about]
    if facts.kind == "terms":
        fine = isinstance(value, list) and value and all(isinstance(word, str) and word.strip() for word in value)
        fine = fine and (about != "modality" or set(value) <= set(MODALITIES))
    elif facts.kind == "number":
        fine = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif facts.kind == "choice":
        fine = value in facts.choices
    elif facts.kind == "address":
        fine = isinstance(value, str) and re.match(r"https?://\S+$", value)
    else:
        fine = isinstance(value, str) and 0 < len(value.strip()) <= LONGEST
    if not fine:
        raise SourceError(f"{name}: `{about}` is {value!r}.", _expected(about))
    return tuple(value) if facts.kind == "terms" else value


def _expected(about: str) -> str:
    facts = FIELDS[about]
    return {
        "terms": f"Give a list of words, of {', '.join(MODALITIES)}."
        if about == "modality"
        else "Give a list of words.",
        "number": "Give a whole number, without separators.",
        "choice": f"Use one of {', '.join(facts.choices)}.",
        "address": "Give an address that begins with https://.",
        "text": f"Give a text of at most {LONGEST:,} characters.",
    }[facts.kind]


def _text(entry: dict, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST:
        raise SourceError(f"`{name}` is missing or no text.", f"Give a text of at most {LONGEST:,} characters.")
    return value.strip()


def _words(entry: dict, name: str) -> tuple[str, ...]:
    value = entry.get(name, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise SourceError(f"`{name}` is no list of texts.", f'Write it as {name} = ["one", "two"].')
    return tuple(value)


def _table(record: dict, name: str) -> dict:
    value = record.get(name, {})
    if not isinstance(value, dict):
        raise SourceError(f"`{name}` is no table.", f"Write `[{name}]` with its entries below.")
    return value


def _entries(record: dict, name: str) -> list[dict]:
    value = record.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value) or len(value) > MOST_FACTS:
        raise SourceError(f"`{name}` is no list of tables.", f"Write each as `[[{name}]]`; at most {MOST_FACTS}.")
    return value


def dump_source(source: SourceDataset) -> str:
    """The record as TOML; `parse_source` reads it back as it is."""
    return tomli_w.dumps(table_of(source))


def dump_sources(sources: Iterable[SourceDataset]) -> str:
    """Several records as one text, to be shared; `parse_sources` reads it back."""
    return tomli_w.dumps({"source": [table_of(source) for source in sources]})


def table_of(source: SourceDataset) -> dict:
    """The record as a TOML table, without what is empty."""
    record = {"key": source.key, "name": source.name, "also_known_as": list(source.also_known_as),
              "summary": source.summary, "collection": source.collection}  # fmt: skip
    links = {"timm": list(source.timm), "known_files": list(source.known_files)}
    record["checkpoints"] = {name: value for name, value in links.items() if value}
    record["read"] = {label: vars(reading) for label, reading in source.readings.items()}
    record["fact"] = [_fact_record(fact) for fact in source.facts]
    record["unknown"] = [{"about": about, "looked": looked} for about, looked in source.unknown.items()]
    return {name: value for name, value in record.items() if value not in (False, [], {})}


def _fact_record(fact: Fact) -> dict:
    value = list(fact.value) if isinstance(fact.value, tuple) else fact.value
    record = {"about": fact.about, "value": value, "with": list(fact.others), "relation": fact.relation,
              "printed": fact.printed, "by": fact.by, "note": fact.note}  # fmt: skip
    return {name: part for name, part in record.items() if name == "value" or part}
