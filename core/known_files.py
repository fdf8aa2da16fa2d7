"""Weights files that people obtain themselves: what is known of each kind, and from whom (data/catalog)."""

import datetime
import tomllib
from functools import lru_cache
from pathlib import Path

from core.catalog import Checkpoint, parse_checkpoint
from core.checkpoint_form import fields_of

FILE = Path(__file__).resolve().parent.parent / "data" / "catalog" / "known_files.toml"
# Who says a fact, the surest first.
BY = {
    "authors": "Confirmed by those who made it",
    "others": "Only from others, not confirmed",
    "nobody": "Not known: no source was found",
}
_TAKEN = ("architecture", "library", "num_classes", "kwargs", "strip_prefix", "ignore", "rename", "source", "licence")
_LISTS = ("preprocessing", "fact")


@lru_cache(maxsize=1)
def _content() -> dict:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def read_on() -> datetime.date:
    """The day on which the sources of all facts were read."""
    return _content()["read_on"]


@lru_cache(maxsize=1)
def known_files() -> dict[str, dict]:
    """The records by key, each with its family's entries. Each has `name`, `obtain`, what is known of the network,
    `preprocessing`: a list, each with `label`, `by` and, where those who made the file state it, `source`; and `fact`:
    a list, each with `about`, `says`, `by` (a key of BY) and `read`."""
    return {row["key"]: _with_family(row) for row in _content()["file"]}


def _with_family(row: dict) -> dict:
    family = _content()["family"].get(row.get("family"), {})
    return family | row | {name: [*row.get(name, []), *family.get(name, [])] for name in _LISTS}


def known_file_of(checkpoint: Checkpoint) -> dict | None:
    """The record that this checkpoint was described by, as its pretraining data and its architecture tell."""
    told = (checkpoint.source, checkpoint.architecture)
    records = known_files().values()
    return next((record for record in records if (record.get("source"), record.get("architecture")) == told), None)


def fields_of_known(key: str, choice: int = 0) -> dict:
    """The fields of the form that are known for this kind of file, with its `choice`-th preprocessing.

    Without one nothing is said about the preprocessing: the form keeps its own, marked as not documented.
    """
    record = known_files()[key]
    filled = fields_of(_checkpoint(record, choice))
    hidden = {"kind", "weights", "seed", "as_recorded"}
    if not record["preprocessing"]:
        hidden |= {"input_size", "color", "statistics", "mean", "std", "pixel_range"}
    if "architecture" not in record:
        hidden |= {"architecture", "library"}
    return {field: value for field, value in filled.items() if field not in hidden}


def _checkpoint(record: dict, choice: int) -> Checkpoint:
    row = {key: record[key] for key in _TAKEN if key in record}
    row |= {"name": record["name"], "weights": "/file"}
    if record["preprocessing"]:
        chosen = record["preprocessing"][choice]
        values = {key: value for key, value in chosen.items() if key not in ("label", "by", "source")}
        row["preprocessing"] = {"input_size": record["input_size"]} | values
        row["preprocessing_source"] = chosen.get("source", "")
        row["name"] += f", {chosen['label']}" if len(record["preprocessing"]) > 1 else ""
    return parse_checkpoint({"architecture": "unknown", "library": "timm"} | row, Path("/"))
