"""Reading the scores of a run: the order by one metric, tie groups, and the gradient-aware product of two metrics."""

import re

import numpy as np
import pandas as pd

from core.catalog import is_verified
from core.metrics import METRICS, PRODUCT, Metric
from core.metrics.calibration import NOT_MEANINGFUL
from core.metrics.cautions import POOL_RELATIVE
from core.metrics.ncti import METRIC as NCTI
from core.metrics.ncti import SIGNS

CARE = "read with care"
FEW_HALVES = "There is no interval: half of the images are too few for it."
_DRAWS = 2000
_NUMBERS = ("value", "low", "high", "null", "null_sd", "p", "z")
UNVERIFIED = "Preprocessing unverified: nothing says where its preprocessing is documented."
ACROSS = (
    "Published evidence reverses its sign across architectures (there, lower went with better), so candidates are "
    "compared within one architecture only, and there is no order across them."
)
SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z0-9])")


def ranking(plan: dict, results: list[dict], metric: str) -> pd.DataFrame:
    """One row per candidate, best first: candidate, value, low, high, null, null_sd, p, z, verdict, reason, tie_group,
    source, architecture, control (a random initialisation), doubts (sentences, one per line). Candidates without a
    value come last, with the reason; their tie group is <NA>. A metric that compares only candidates of one
    architecture is ranked within each: there the best of every architecture has tie group 1."""
    if metric == PRODUCT.key:
        found = product(plan, results)
    else:
        found = {result["candidate"]: result for result in results if result["metric"] == metric}
        if metric == NCTI.key:
            found |= among_all(found)
    rows = [_row(candidate, found.get(candidate["name"])) for candidate in plan["candidates"]]
    frame = pd.DataFrame(rows)
    frame = frame.sort_values("value", ascending=False, na_position="last", ignore_index=True)
    if not describe(metric).one_architecture:
        return frame.assign(tie_group=tie_groups(frame))
    frame = frame.sort_values("architecture", kind="stable", ignore_index=True)
    return frame.assign(tie_group=pd.concat([tie_groups(pool) for _, pool in frame.groupby("architecture")]))


def _row(candidate: dict, result: dict | None) -> dict:
    error = candidate.get("error", {"message": "Not computed."})
    result = result or {"reason": f"{error['message']} {error.get('remedy', '')}".strip()}
    checkpoint = candidate["checkpoint"]
    row = {"candidate": candidate["name"]}
    row |= {name: np.nan if result.get(name) is None else float(result[name]) for name in _NUMBERS}
    row |= {"verdict": result.get("verdict") or "", "reason": result.get("reason") or ""}
    row |= {"source": checkpoint.get("source", ""), "architecture": architecture(checkpoint)}
    doubts = list(result.get("doubts", [])) + ([] if is_verified(checkpoint) else [UNVERIFIED])
    return row | {"control": checkpoint.get("weights") == "random", "doubts": "\n".join(doubts)}


def architecture(checkpoint: dict) -> str:
    """The architecture of a checkpoint record with its library and arguments, without the tag of its weights."""
    arguments = [f"{key} = {value}" for key, value in sorted(checkpoint.get("kwargs", {}).items())]
    return ", ".join([f"{checkpoint['library']} {checkpoint['architecture'].split('.')[0]}", *arguments])


def tie_groups(frame: pd.DataFrame) -> pd.Series:
    """1, 2, ... for candidates sorted best first. A group begins with its best candidate and holds all that follow
    whose interval overlaps that one's: they cannot be told from it. Without an interval a value is its own."""
    groups, leader_low = [], None
    for value, low, high in frame[["value", "low", "high"]].itertuples(index=False):
        if np.isnan(value):
            groups.append(pd.NA)
            continue
        low, high = (value if np.isnan(bound) else bound for bound in (low, high))
        if leader_low is None or high < leader_low:
            leader_low = low
            groups.append(max([g for g in groups if g is not pd.NA], default=0) + 1)
        else:
            groups.append(groups[-1])
    return pd.Series(groups, index=frame.index, dtype="Int64")


def pools(frame: pd.DataFrame, about: Metric) -> dict[str, pd.DataFrame]:
    """The parts of a ranking in which candidates are compared, by architecture; {"": frame} where all are."""
    if not about.one_architecture or frame["architecture"].nunique() == 1:
        return {"": frame}
    return {name: pool.reset_index(drop=True) for name, pool in frame.groupby("architecture")}


def leaders(frame: pd.DataFrame) -> list[str]:
    """The first tie group of a ranking, best first; empty when no candidate can be told from chance."""
    if not meaningful(frame).any():
        return []
    return frame.loc[frame["tie_group"].eq(1).fillna(False), "candidate"].tolist()


def meaningful(frame: pd.DataFrame) -> pd.Series:
    """Which candidates of a ranking have a value that means something here."""
    return frame["value"].notna() & ~frame["verdict"].str.startswith("not meaningful")


def remarks(frame: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    """What to know before reading the values: (verdict, sentence, candidates it holds for), each sentence once.
    The verdict is "" for candidates without a value; reliable values need no remark, but for doubts about the network
    on these images and a preprocessing that is not documented."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in frame[frame["verdict"] != "reliable"].itertuples():
        for sentence in SENTENCE_END.split(row.reason):
            found.setdefault((row.verdict, sentence), []).append(row.candidate)
    for row in frame.itertuples():
        for doubt in filter(None, getattr(row, "doubts", "").split("\n")):
            found.setdefault((CARE, doubt), []).append(row.candidate)
    return [(verdict, sentence, names) for (verdict, sentence), names in found.items()]


def beside(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Two rankings by one metric, matched by candidate: candidate, value, value_other, difference."""
    both = frame[["candidate", "value"]].merge(other[["candidate", "value"]], on="candidate", suffixes=("", "_other"))
    return both.assign(difference=both["value"] - both["value_other"])


def with_failures(plan: dict, failures: dict[str, dict]) -> dict:
    """The plan with the error that each candidate named in `failures` met while it was computed."""
    candidates = [c | {"error": failures[c["name"]]} if c["name"] in failures else c for c in plan["candidates"]]
    return plan | {"candidates": candidates}


def product(plan: dict, results: list[dict]) -> dict[str, dict]:
    """The product of arXiv:2412.20172 by candidate, within each architecture (gradient ratios of different
    architectures cannot be compared). The interval carries the intervals of both parts through the formula, taken as
    independent normal errors (2,000 seeded draws). There is no null: the score is relative to the other candidates."""
    doubts = {r["candidate"]: r["doubts"] for r in results if r.get("doubts")}
    parts = {
        key: {r["candidate"]: r for r in results if r["metric"] == key and r.get("value") is not None}
        for key in ("nca", "gradient_ratio")
    }
    named = [c for c in plan["candidates"] if all(c["name"] in part for part in parts.values())]
    pools = {}
    for candidate in named:
        pools.setdefault(architecture(candidate["checkpoint"]), []).append(candidate["name"])
    scores = {}
    for pool, names in pools.items():
        if len(names) < 2:
            scores[names[0]] = {"value": None, "reason": f"Needs a second candidate of {pool} to compare with."}
            continue
        draws = np.random.default_rng(0)
        suitability, adaptability = (_value_and_draws(part, names, draws) for part in parts.values())
        values = _minmax(suitability) * _minmax(adaptability)  # row 0: the values, other rows: the draws
        low, high = np.quantile(values[1:], [0.025, 0.975], axis=0)
        for i, name in enumerate(names):
            scores[name] = {
                "value": float(values[0, i]),
                "low": float(min(low[i], values[0, i])),
                "high": float(max(high[i], values[0, i])),
                "verdict": CARE,
                "doubts": doubts.get(name, []),
                "reason": f"Relative to the {len(names)} candidates of {pool} in this run.",
            }
    return scores


def among_all(found: dict[str, dict]) -> dict[str, dict]:
    """NCTI of the candidates whose terms are in `found`, by candidate: seli + ncc - vc, each rescaled over all of them.

    The interval carries the scatter of the terms over half samples through the formula (2,000 seeded draws of normal
    errors). Half samples hold the same images for every candidate, so what moves terms and candidates together stays
    together. Candidates that cannot be told from shuffled labels stay in the pool and keep that verdict.
    """
    pool = {name: result for name, result in sorted(found.items()) if "terms" in result.get("detail", {})}
    if len(pool) < 2:
        alone = {"value": None, "reason": "Needs a second candidate to compare with."}
        return {name: alone | {"doubts": result.get("doubts", [])} for name, result in pool.items()}
    terms = np.array([[result["detail"]["terms"][term] for term in SIGNS] for result in pool.values()])
    errors = _half_sample_errors([result["detail"] for result in pool.values()])
    drawn = np.concatenate([terms[None], terms + errors])  # (1 + draws, candidates, terms)
    values = sum(sign * _minmax(drawn[:, :, i]) for i, sign in enumerate(SIGNS.values()))
    relative = f"Relative to the {len(pool)} candidates of this run." + ("" if len(errors) else f" {FEW_HALVES}")
    scores = {}
    for name, of_candidate in zip(pool, values.T, strict=True):
        value, verdict = float(of_candidate[0]), pool[name]["verdict"]
        low, high = np.quantile(of_candidate[1:], [0.025, 0.975]) if len(errors) else (None, None)
        scores[name] = pool[name] | {
            "value": value,
            "low": None if low is None else float(min(low, value)),
            "high": None if high is None else float(max(high, value)),
            "verdict": verdict if verdict == NOT_MEANINGFUL else CARE,
            "reason": pool[name]["reason"].replace(POOL_RELATIVE, relative),
        }
    return scores


def _half_sample_errors(details: list[dict]) -> np.ndarray:
    """(draws, candidates, terms) errors with the covariance of the terms over half samples, brought to the size of the
    whole; no draws where some candidate has fewer than three half samples."""
    halves = [detail["half_terms"] for detail in details]
    count, share = len(halves[0]), details[0]["share"]
    if count < 3 or any(len(half) != count for half in halves):
        return np.empty((0, len(halves), len(SIGNS)))
    apart = np.array(halves) - np.mean(halves, axis=1, keepdims=True)  # (candidates, half samples, terms)
    mixed = np.random.default_rng(0).normal(size=(_DRAWS, count)) / np.sqrt(count - 1)
    return np.einsum("dh,cht->dct", mixed, apart) * np.sqrt(share / (1 - share))


def _value_and_draws(part: dict[str, dict], names: list[str], rng: np.random.Generator) -> np.ndarray:
    value = np.array([part[name]["value"] for name in names])
    width = [0.0 if part[n].get("low") is None else (part[n]["high"] - part[n]["low"]) / (2 * 1.96) for n in names]
    return np.vstack([value, value + rng.normal(size=(_DRAWS, len(names))) * width])


def _minmax(values: np.ndarray) -> np.ndarray:
    """Each row rescaled to 0..1; a row of equal values says nothing and becomes 0."""
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    spread = np.where(high > low, high - low, 1.0)
    return (values - low) / spread


def metrics_in(plan: dict) -> list[str]:
    """Keys of the metrics that a run has scores for, the product last where both its parts are there."""
    asked = {score["metric"] for candidate in plan["candidates"] for score in candidate["scores"]}
    keys = [key for key in METRICS if key in asked]
    return [*keys, PRODUCT.key] if {"nca", "gradient_ratio"} <= asked else keys


def describe(metric: str) -> Metric:
    """What there is to know about a metric, the product included."""
    return PRODUCT if metric == PRODUCT.key else METRICS[metric]
