"""The catalogue: the records that ship with SourceScout and those that users added, and what leads from a data set to
its checkpoints and back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core import catalog_tags
from core.catalog import Checkpoint
from core.errors import SourceError
from core.known_files import known_file_of
from core.sources.record import SourceDataset, parse_source

FOLDER = Path(__file__).resolve().parents[2] / "data" / "catalog" / "sources"
THEN = ", then "  # between the steps of a pretraining, in the table of timm's tags


@lru_cache(maxsize=1)
def shipped() -> dict[str, SourceDataset]:
    """The records that ship, by key, in the order of their names."""
    records = [parse_source(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")]
    return {record.key: record for record in sorted(records, key=lambda record: record.name.lower())}


def catalogue(own: Iterable[str] = ()) -> dict[str, SourceDataset]:
    """All records by key; `own` are the texts of those that users added, which come first."""
    added = [parse_source(text, own=True) for text in own]
    return {record.key: record for record in added} | shipped()


def require_new(source: SourceDataset, others: Iterable[str]) -> None:
    """SourceError where its key is taken: records are told apart by it."""
    if source.key in others:
        raise SourceError(f"There is a record with the key `{source.key}` already.", "Give this one another `key`.")


@dataclass(frozen=True)
class Checkpoints:
    """What was pretrained on a data set: rows of timm's tags, known files, and candidates of the project by name."""

    tags: tuple[str, ...]
    files: tuple[str, ...]
    candidates: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.tags) + len(self.files) + len(self.candidates)


def checkpoints_of(source: SourceDataset, candidates: Sequence[Checkpoint] = ()) -> Checkpoints:
    """timm's tags whose pretraining, in any step, was on this data; known files; own candidates that say so."""
    tags = dict.fromkeys(tag for step in source.timm for tag in _tags_by_step().get(step, ()))
    own = [candidate.name for candidate in candidates if source.key in sources_of(candidate, {source.key: source})]
    return Checkpoints(tuple(tags), source.known_files, tuple(own))


@lru_cache(maxsize=1)
def _tags_by_step() -> dict[str, list[str]]:
    """timm's tags by the data sets of the steps of their pretraining."""
    tags = defaultdict(list)
    for tag, data in catalog_tags.load()["data"].items():
        for step in data.split(THEN):
            tags[step].append(tag)
    return tags


def sources_of(checkpoint: Checkpoint, records: dict[str, SourceDataset]) -> tuple[str, ...]:
    """Keys of the data sets that a checkpoint was pretrained on: from timm's table for a tag, else from its own entry
    `source`, in which a record's name must stand as it is written, else from the known file that it was described by,
    where that was trained on one data set only."""
    if checkpoint.kind == "random":
        return ()
    if checkpoint.kind == "timm" and checkpoint.architecture in catalog_tags.load().index:
        steps = set(catalog_tags.load().loc[checkpoint.architecture, "data"].split(THEN))
        return tuple(key for key, record in records.items() if steps.intersection(record.timm))
    file = known_file_of(checkpoint)
    trained = [key for key, record in records.items() if file and file["key"] in record.known_files]
    return named_in(checkpoint.source, records) or (tuple(trained) if len(trained) == 1 else ())


def named_in(text: str, records: dict[str, SourceDataset]) -> tuple[str, ...]:
    """Keys of the records that `text` names. A name counts only as whole words, and not where a longer name of
    another record holds it (ImageNet-21K does not name ImageNet)."""
    words = _words(text)
    found = {}
    for key, record in records.items():
        spans = [span for name in record.names for span in _spans(words, _words(name))]
        if spans:
            found[key] = spans
    taken = {span for spans in found.values() for span in spans}
    longest = {span for span in taken if not any(_inside(span, other) for other in taken)}
    return tuple(key for key, spans in found.items() if longest.intersection(spans))


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def _spans(words: list[str], name: list[str]) -> list[tuple[int, int]]:
    n = len(name)
    return [(i, i + n) for i in range(len(words) - n + 1) if n and words[i : i + n] == name]


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]
