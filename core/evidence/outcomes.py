"""Published outcomes: which AUC starting from a source gave on a target, with citation and origin of the images.

`data/evidence` holds them; its studies.toml says where the tables come from.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from core.settings import data_folder

COLUMNS = ("study", "architecture", "source", "target", "measure", "value", "std", "folds", "ci_low", "ci_high")
PARTS = ("records", "names", "origins", "notes")
PAIR = ["target", "source"]


@dataclass(frozen=True)
class Study:
    """Where outcomes were read; `changing` figures are unpublished, and never in a report by default."""

    key: str
    citation: str
    address: str
    licence: str
    changing: bool


@dataclass(frozen=True)
class Studies:
    """`studies` by key; `records` keys of the catalogue by name of a source, `names` what to call what has no
    record, `origins` the images that a name was drawn from, `notes` what has to be said of an origin."""

    studies: dict[str, Study]
    records: dict[str, str]
    names: dict[str, str]
    origins: dict[str, str]
    notes: dict[str, str]

    def record(self, source: str) -> str:
        """The key that a source has, or would have, in the catalogue."""
        return self.records.get(source, source)


@lru_cache(maxsize=1)
def studies() -> Studies:
    """What the names in the tables stand for."""
    content = tomllib.loads((_folder() / "studies.toml").read_text(encoding="utf-8"))
    found = [Study(**entry) for entry in content["study"]]
    return Studies({one.key: one for one in found}, *(content[part] for part in PARTS))


@lru_cache(maxsize=1)
def outcomes() -> pd.DataFrame:
    """One row per measured transfer, with the columns COLUMNS: `value`, `std`, `ci_low` and `ci_high` are AUC from 0 to
    1, `std` over `folds`; NaN where a study gives none. Not to be changed."""
    return pd.read_csv(_folder() / "outcomes.csv")


@lru_cache(maxsize=1)
def chosen_twice() -> pd.DataFrame:
    """How much the choice of training settings alone moves an outcome, from the run log of juodelyte2024_datasets: per
    `target` and `source` the test AUC of the run with the lowest validation loss (`by_loss`, what was published) and
    with the highest validation AUC (`by_auc`; of equals the one with the lowest loss). Not to be changed."""
    runs = pd.read_parquet(_folder() / "finetune_runs.parquet", columns=[*PAIR, "val_loss", "val_auc", "test_auc"])
    by_loss = runs.sort_values("val_loss", kind="stable")
    by_auc = by_loss.sort_values("val_auc", ascending=False, kind="stable")
    first = {
        name: frame.groupby(PAIR)["test_auc"].first() for name, frame in (("by_loss", by_loss), ("by_auc", by_auc))
    }
    return pd.DataFrame(first).reset_index()


def _folder() -> Path:
    return data_folder() / "evidence"
