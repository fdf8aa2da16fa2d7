"""Track record: how well published scores ranked the sources of a target, where the outcome of each is known.

The published scores are those of arXiv:2412.20172 by its authors' implementations, on their samples; they say nothing
of an implementation that differs. `data/evidence/scores.toml` says which do.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from core.evidence.outcomes import outcomes, studies
from core.settings import data_folder

STUDY = "juodelyte2024_datasets"
USUAL = "imagenet"
LARGE = (USUAL, "radimagenet", "medmnist")
SUITABILITY, ADAPTABILITY, PRODUCT = "lp", "fu", "lp_fu"
COLUMNS = ("score", "target", "sources", "tau", "low", "high", "regret", "hit")


@dataclass(frozen=True)
class PublishedScore:
    """A score as it was published: `implementation` says by what; `metric` is the key of ours in core.metrics, and
    `differs` why the record is not one of ours (empty: it is the same formula)."""

    key: str
    name: str
    implementation: str
    metric: str
    differs: str


@lru_cache(maxsize=1)
def published_scores() -> dict[str, PublishedScore]:
    """The published scores by key."""
    content = tomllib.loads((data_folder() / "evidence" / "scores.toml").read_text(encoding="utf-8"))
    return {entry["key"]: PublishedScore(**entry) for entry in content["score"]}


def published_for(metric: str) -> PublishedScore | None:
    """The published score of the name of a metric of ours; None where there is none."""
    return next((score for score in published_scores().values() if score.metric == metric), None)


@lru_cache(maxsize=1)
def metric_scores() -> pd.DataFrame:
    """One row per published score of a candidate for a target: study, metric, candidate, target, value; NaN where none
    was published. Not to be changed."""
    return pd.read_csv(data_folder() / "evidence" / "metric_scores.csv")


@lru_cache(maxsize=2)
def scores_of(study: str = STUDY) -> dict[str, pd.DataFrame]:
    """Per target the published scores, candidates x scores, without the target as its own source; `lp_fu` is the
    product of the two parts after each was brought to [0, 1] over the candidates it was published for."""
    rows = metric_scores().query("study == @study")
    found = {}
    for target, of_target in rows.groupby("target"):
        table = of_target.pivot(index="candidate", columns="metric", values="value")
        table[PRODUCT] = _to_unit(table[SUITABILITY]) * _to_unit(table[ADAPTABILITY])
        found[target] = table.drop(index=target, errors="ignore")
    return found


def _to_unit(values: pd.Series) -> pd.Series:
    return (values - values.min()) / (values.max() - values.min())


@lru_cache(maxsize=1)
def outcomes_of(study: str = STUDY) -> pd.DataFrame:
    """Test AUC (0 to 1), sources x targets."""
    return outcomes().query("study == @study").pivot(index="source", columns="target", values="value")


# One score on one target -----------------------------------------------------------------------------------------


def weighted_tau(x: np.ndarray, y: np.ndarray) -> float:
    """Weighted Kendall tau of `x` and `y` (N,), -1 to 1: a pair counts 1 / (r + 1) of the ranks r of both, from 0 for
    the highest, so that the top counts most; the mean over ranks by x and by y, ties broken by the other. NaN where
    either is one single tie. Vigna 2015, A weighted correlation index for rankings with ties; as in scipy.

    >>> import numpy as np
    >>> float(weighted_tau(np.array([3, 2, 1]), np.array([3, 2, 1])))
    1.0
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    a, b = (np.sign(values[:, None] - values[None, :]) for values in (x, y))
    return float(np.mean([_weighted(a, b, np.lexsort(keys)[::-1]) for keys in ((y, x), (x, y))]))


def _weighted(a: np.ndarray, b: np.ndarray, order: np.ndarray) -> float:
    weight = np.empty(len(order))
    weight[order] = 1 / (np.arange(len(order)) + 1)
    pairs = weight[:, None] + weight[None, :]
    most = np.sqrt((pairs * a * a).sum() * (pairs * b * b).sum())
    return float((pairs * a * b).sum() / most) if most else float("nan")


def jackknife(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """A 95 % interval of `weighted_tau`, from leaving out one of N at a time (normal approximation, within -1 and 1):
    what another draw of sources could give. It knows nothing of the noise in `x` and `y`. NaN where tau has none."""
    n, value = len(x), weighted_tau(x, y)
    without = np.array([weighted_tau(np.delete(x, i), np.delete(y, i)) for i in range(n)])
    error = 1.96 * np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return float(np.clip(value - error, -1, 1)), float(np.clip(value + error, -1, 1))


def record_on(values: pd.Series, auc: pd.Series) -> dict:
    """What a score was worth on one target: `tau` with its interval, `regret`, the AUC points that its first pick loses
    against the best source, and `hit`, whether it is the best. Of several first picks the mean; None for a score that
    is the same for all, or missing for one."""
    values, auc = values.astype(float), auc[values.index]
    found = {"sources": len(values), "tau": None, "low": None, "high": None, "regret": None, "hit": None}
    if values.isna().any():
        return found
    lost = 100 * (auc.max() - auc)
    first = lost[values == values.max()]
    found |= {"regret": float(first.mean()), "hit": float((first == 0).mean())}
    tau = weighted_tau(values.to_numpy(), auc.to_numpy())
    if np.isfinite(tau):
        low, high = jackknife(values.to_numpy(), auc.to_numpy())
        found |= {"tau": tau, "low": low, "high": high}
    return found


# All scores, and baselines ---------------------------------------------------------------------------------------


def mean_rank_elsewhere(target: str, auc: pd.DataFrame) -> pd.Series:
    """Minus the mean rank of each source (1 the best) on the other targets, the source itself not among them."""
    others = auc.drop(columns=target)
    ranks = others.rank(ascending=False)
    for source in ranks.index.intersection(ranks.columns):
        ranks.loc[source, source] = np.nan
    return -ranks.mean(axis=1).drop(index=target, errors="ignore")


def always_usual(target: str, auc: pd.DataFrame) -> pd.Series:
    """1 for ImageNet and 0 for all others: a first pick, no order."""
    sources = auc.index.drop(target, errors="ignore")
    return pd.Series((sources == USUAL).astype(float), index=sources)


def at_random(target: str, auc: pd.DataFrame) -> pd.Series:
    """The same for all sources: every one of them is a first pick."""
    return pd.Series(0.0, index=auc.index.drop(target, errors="ignore"))


BASELINES: dict[str, tuple[str, Callable]] = {
    "mean_rank_elsewhere": ("Mean rank on the other targets", mean_rank_elsewhere),
    "always_imagenet": ("Always ImageNet", always_usual),
    "random": ("A random pick", at_random),
}


@lru_cache(maxsize=2)
def track_record(without_large: bool = False) -> pd.DataFrame:
    """One row per score or baseline and scored target, with the columns COLUMNS: `tau` weighted Kendall tau, `low` and
    `high` its 95 % interval, `regret` in AUC points. `without_large`: without ImageNet, RadImageNet and MedMNIST as
    sources, where "large against small" no longer helps."""
    auc, rows = outcomes_of(), []
    for target, table in scores_of().items():
        scored = auc[list(scores_of())]
        kept = table.index.drop(list(LARGE), errors="ignore") if without_large else table.index
        columns = {key: table[key] for key in published_scores()}
        columns |= {key: baseline(target, scored) for key, (_, baseline) in BASELINES.items()}
        for key, values in columns.items():
            rows.append({"score": key, "target": target} | record_on(values[kept], auc[target]))
    return pd.DataFrame(rows)[list(COLUMNS)]


def summary(record: pd.DataFrame) -> pd.DataFrame:
    """One row per score: mean `tau` over the targets that have one, `targets` with one, `origins` of images among them,
    mean `regret` in AUC points over all targets, and `hits`, the share of targets where the first pick was the best."""
    with_tau = record.dropna(subset="tau")
    origins = with_tau["target"].map(studies().origins)
    by_score = record.groupby("score", sort=False)
    return pd.DataFrame({
        "tau": with_tau.groupby("score", sort=False)["tau"].mean(),
        "targets": with_tau.groupby("score", sort=False).size(),
        "origins": origins.groupby(with_tau["score"]).nunique(),
        "regret": by_score["regret"].mean(),
        "hits": by_score["hit"].mean(),
    }).reindex(record["score"].unique())  # fmt: skip


def as_json() -> dict:
    """The whole track record, for `python -m core evidence --json`: what applies to nothing is None."""
    study = studies().studies[STUDY]
    return {
        "study": study.key,
        "citation": study.citation,
        "address": study.address,
        "tau": "weighted Kendall tau with the published test AUC, a target as its own source left out",
        "interval": "95 %, from leaving out one source at a time",
        "regret": "AUC points that the first pick loses against the best source",
        "all_sources": _table(track_record()),
        "without_the_large": {"left_out": list(LARGE), "scores": _table(track_record(without_large=True))},
    }


def _table(record: pd.DataFrame) -> dict:
    means = summary(record)
    return {key: _about(key) | _plain(means.loc[key]) | {"per_target": _rows(rows)}
            for key, rows in record.groupby("score", sort=False)}  # fmt: skip


def _about(key: str) -> dict:
    if key in BASELINES:
        return {"name": BASELINES[key][0], "baseline": True}
    score = published_scores()[key]
    return {"name": score.name, "baseline": False, "implementation": score.implementation, "metric": score.metric,
            "record_of_ours": not score.differs, "differs": score.differs}  # fmt: skip


def _rows(rows: pd.DataFrame) -> dict:
    return {target: _plain(row) for target, row in rows.set_index("target").drop(columns="score").iterrows()}


def _plain(row: pd.Series) -> dict:
    """Plain numbers for JSON, rounded to what the tables can carry."""
    return {name: None if pd.isna(value) else round(float(value), 6) for name, value in row.items()}
