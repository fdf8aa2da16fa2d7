"""Weights files that people obtain themselves: what is known of each kind, with sources (data/catalog)."""

import tomllib
from functools import lru_cache
from pathlib import Path

from core.catalog import Checkpoint, parse_checkpoint
from core.checkpoint_form import fields_of

FILE = Path(__file__).resolve().parent.parent / "data" / "catalog" / "known_files.toml"
_TAKEN = ("architecture", "library", "num_classes", "kwargs", "strip_prefix", "ignore", "rename", "source", "licence")


@lru_cache(maxsize=1)
def known_files() -> dict[str, dict]:
    """The records by key. Each has `name`, `obtain`, `facts` (sentences with their sources), what is known of the
    network, and `preprocessing`: a list of those that are documented, each with `label` and `source`."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["file"]
    return {row["key"]: {"preprocessing": [], "facts": {}} | row for row in rows}


def fields_of_known(key: str, choice: int = 0) -> dict:
    """The fields of the form that are known for this kind of file, with its `choice`-th documented preprocessing.

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
        row["preprocessing"] = {key: value for key, value in chosen.items() if key not in ("label", "source")}
        row["preprocessing_source"] = chosen["source"]
        row["name"] += f", {chosen['label']}"
    return parse_checkpoint({"architecture": "unknown", "library": "timm"} | row, Path("/"))
