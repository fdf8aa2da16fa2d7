"""Several metrics of a run side by side: what the first view says, how candidates stand, and the tidy table of all."""

import numpy as np
import pandas as pd

from core.metrics import Metric
from core.metrics.calibration import LEVEL
from core.scoring.ranking import SENTENCE_END, describe, meaningful, metrics_in, ranking, tie_groups

FIRST = ("linear_probe", "knn", "logme")  # the metrics of the first view; the first of them gives the order
_SUBJECTS = {"linear_probe": "a linear probe", "knn": "nearest neighbours"}


def first_metrics(plan: dict) -> list[str]:
    """The metrics of the first view that a run has; where it has none of them, the first that it has."""
    asked = metrics_in(plan)
    return [key for key in FIRST if key in asked] or asked[:1]


def side_by_side(plan: dict, results: list[dict], metrics: list[str]) -> pd.DataFrame:
    """One row per metric and candidate: `metric`, the columns of `ranking`, then `standing`, and the `permutations` and
    `interval` behind the numbers. Candidates are in the order of the first metric throughout."""
    frames = [ranking(plan, results, metric) for metric in metrics]
    frames = [
        frame.assign(metric=metric, standing=standing(frame, describe(metric)))
        for frame, metric in zip(frames, metrics, strict=True)
    ]
    place = {name: i for i, name in enumerate(frames[0]["candidate"])}
    in_order = [frame.iloc[frame["candidate"].map(place).argsort()] for frame in frames]
    scores = pd.concat(in_order, ignore_index=True)
    made_by = {(result["metric"], result["candidate"]): result for result in results}
    made = [made_by.get(key, {}) for key in zip(scores["metric"], scores["candidate"], strict=True)]
    scores["permutations"] = pd.array([result.get("permutations") for result in made], dtype="Int64")
    scores["interval"] = [result.get("interval") or "" for result in made]
    return scores[["metric", *scores.columns.drop("metric")]]


def standing(frame: pd.DataFrame, about: Metric) -> pd.Series:
    """Where each candidate of a ranking stands by its tie group: 1 in the first group, 0 in the last, evenly between;
    0.5 where all are tied. NaN for what is not meaningful here and for what has nothing to be compared with: a metric
    of one architecture compares within each."""
    kept = frame[meaningful(frame)]
    pools = [pool for _, pool in kept.groupby("architecture")] if about.one_architecture else [kept]
    places = pd.Series(np.nan, index=frame.index)
    for pool in pools:
        if len(pool) > 1:
            places[pool.index] = _places(pool)
    return places


def _places(pool: pd.DataFrame) -> pd.Series:
    groups = tie_groups(pool).astype(float)
    return (groups.max() - groups) / (groups.max() - 1) if groups.max() > 1 else groups * 0.5


def sentences(scores: pd.DataFrame) -> dict[str, str]:
    """What the metrics of `side_by_side` say about each candidate, in one sentence each, to follow
    its name, by candidate."""
    return {name: _sentence(rows) for name, rows in scores.groupby("candidate", sort=False)}


def _sentence(rows: pd.DataFrame) -> str:
    if rows["value"].isna().all():
        return f"no value. {rows['reason'].iloc[0]}"
    readable = meaningful(rows)
    chance = ~readable & rows["p"].gt(LEVEL)
    clauses = [_finding(row) for row in rows[readable].itertuples()]
    if chance.any():
        clauses.append(_like_chance(rows[chance]))
    clauses += [_nothing(row) for row in rows[~readable & ~chance].itertuples()]
    return f"{'; '.join(clauses)}."


def _finding(row) -> str:
    if row.metric == "linear_probe":
        return f"a linear probe ranks {100 * row.value:.0f} % of pairs right{_interval(row, '{:.0f}', 100)}"
    if row.metric == "knn":
        return f"nearest neighbours rank {100 * row.value:.0f} % right{_interval(row, '{:.0f}', 100)}"
    if row.metric == "logme":
        return f"LogME is {row.value:.2g} nats above chance (p = {row.p:.2g})"
    return f"{describe(row.metric).name} is {row.value:.3g}{_interval(row, '{:.3g}')}"


def _interval(row, shown: str, unit: float = 1.0) -> str:
    return "" if np.isnan(row.low) else f" ({shown.format(unit * row.low)} to {shown.format(unit * row.high)})"


def _like_chance(rows: pd.DataFrame) -> str:
    subjects = joined([_subject(metric) for metric in rows["metric"]])
    return f"{subjects} cannot be told from shuffled labels (p = {joined([f'{p:.2g}' for p in rows['p']])})"


def _nothing(row) -> str:
    why = SENTENCE_END.split(row.reason)[0].rstrip(".")
    verdict = "has no value" if np.isnan(row.value) else "means nothing"
    return f"{_subject(row.metric)} {verdict} here: {why}"


def _subject(metric: str) -> str:
    return _SUBJECTS.get(metric, describe(metric).name)


def joined(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
