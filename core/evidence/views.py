"""What can be read in the outcomes of one study: which start was best for each target, by how much, and whether size
told it.

A start is what a network begins from: a source, or in a study of architectures the network, always from ImageNet.
`BASELINE` is the start without any source; a study holds it as a random initialisation, or as the target trained alone.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from core.evidence.outcomes import outcomes, studies
from core.evidence.quiz import UNION, same_images
from core.evidence.track import LARGE
from core.images.medmnist_sets import medmnist_sets
from core.sources.catalogue import catalogue

BASELINE = "no source"
RANDOM = "random_init"
FEWEST = 5  # sources of known size, for a rank correlation
CELL = ("start", "target", "auc", "std", "folds", "ci_low", "ci_high", "baseline", "shared", "standing", "best", "gain")
VERDICT = ("target", "origin", "best", "auc", "std", "folds", "ci_low", "ci_high", "second", "lead", "range", "starts",
           "gain", "negative", "shared")  # fmt: skip


def compares_architectures(study: str) -> bool:
    """Whether a study has one source and several architectures, not several sources."""
    return _rows(study)["architecture"].nunique() > 1


def _rows(study: str) -> pd.DataFrame:
    return outcomes().query("study == @study")


@lru_cache(maxsize=8)
def cells(study: str) -> pd.DataFrame:
    """One row per start and target, with the columns CELL: `auc` 0 to 1; `baseline` where no source was used; `shared`
    where the source holds images of the origin of the target; `standing` 0 to 1 from the worst to the best source of
    the target; `best` the best source; `gain` in AUC points over the baseline, NaN where the study has none. Not to be
    changed."""
    rows = _rows(study).rename(columns={"value": "auc"})
    rows["baseline"] = (rows["source"] == RANDOM) | (rows["source"] == rows["target"])
    start = rows["architecture"] if compares_architectures(study) else rows["source"]
    rows["start"] = start.where(~rows["baseline"], BASELINE)
    rows["shared"] = [same_images(row.source, row.target) for row in rows.itertuples()]
    of_sources = rows["auc"].where(~rows["baseline"]).groupby(rows["target"])
    low, high = of_sources.transform("min"), of_sources.transform("max")
    rows["standing"] = ((rows["auc"] - low) / (high - low)).where(~rows["baseline"])
    rows["best"] = (rows["auc"] == high) & ~rows["baseline"]
    alone = rows[rows["baseline"]].set_index("target")["auc"]
    rows["gain"] = (100 * (rows["auc"] - rows["target"].map(alone))).where(~rows["baseline"])
    return rows[list(CELL)].reset_index(drop=True)


@lru_cache(maxsize=8)
def mean_ranks(study: str) -> pd.Series:
    """Mean rank of each start (1 the best, without the baseline), best first. Targets of one origin count as one; a
    start that was not measured on a target has no rank there."""
    sources = cells(study).query("~baseline")
    ranks = sources.groupby("target")["auc"].rank(ascending=False)
    by_origin = ranks.groupby([sources["start"], sources["target"].map(studies().origins)]).mean()
    return by_origin.groupby("start").mean().sort_values(kind="stable")


def verdicts(study: str) -> pd.DataFrame:
    """One row per target, with the columns VERDICT: the `best` source with its AUC and what was published of its
    uncertainty, its `lead` over the `second` and the `range` down to the worst of the `starts` (AUC points), its `gain`
    over the baseline and the names of those below it, `negative` (None where the study has no baseline), and whether
    the best holds images of the target's origin."""
    return pd.DataFrame([_verdict(target, rows) for target, rows in cells(study).groupby("target")])[list(VERDICT)]


def _verdict(target: str, rows: pd.DataFrame) -> dict:
    sources = rows[~rows["baseline"]].sort_values("auc", ascending=False)
    best, second = sources.iloc[0], sources.iloc[1]
    negative = sources[sources["gain"] < 0]["start"].tolist() if rows["baseline"].any() else None
    published = best[["auc", "std", "folds", "ci_low", "ci_high", "gain", "shared"]].to_dict()
    return published | {
        "target": target,
        "origin": studies().origins[target],
        "best": best["start"],
        "second": second["start"],
        "lead": 100 * (best["auc"] - second["auc"]),
        "range": 100 * (best["auc"] - sources["auc"].iloc[-1]),
        "starts": len(sources),
        "negative": negative,
    }


def sizes(study: str) -> pd.DataFrame:
    """Larger is better? One row per source: `start`, `images` as its record in the catalogue counts them (NaN where it
    has none), mean `rank` (1 the best) and whether it is one of the three `large` ones."""
    ranks = mean_ranks(study)
    return pd.DataFrame({
        "start": ranks.index,
        "images": [_images(source) for source in ranks.index],
        "rank": ranks.to_numpy(),
        "large": ranks.index.isin(LARGE),
    })  # fmt: skip


def _images(source: str) -> float:
    record = catalogue().get(studies().record(source))
    found = record.value("images") if record else None
    return float("nan") if found is None else float(found)


def size_helps(sized: pd.DataFrame) -> float | None:
    """Spearman's rho of size and place over the rows of `sizes`: 1 if the larger always ranks higher. None for fewer
    than FEWEST sources of known size."""
    known = sized.dropna(subset="images")
    if len(known) < FEWEST:
        return None
    return float(np.corrcoef(known["images"].rank(), -known["rank"].rank())[0, 1])


def name_of(key: str) -> str:
    """What to call a source, a target or an architecture of the tables."""
    if key == BASELINE:
        return "No source (baseline)"
    if key == UNION:
        return "MedMNIST without the target"
    if key in medmnist_sets():
        return medmnist_sets()[key].title
    record = catalogue().get(studies().record(key))
    return studies().names.get(key) or (record.name if record else key)
