"""How far a metric can be trusted at so many images, features and classes: what a simulation with known truth showed.

`data/simulation` holds the simulation, its tables and how it was made. The limits below are our choice.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.metrics.case import Case

FOLDER = Path(__file__).parents[2] / "data" / "simulation"
RELIABLE_FROM = 0.9  # share of pairs of candidates in the right order; chance is 0.5
MEANS_NOTHING_BELOW = 0.7
HOLDS_FROM = 0.8  # share of the 95 % intervals that hold the mean of fresh samples
SKEWED_BELOW = 0.7  # the smallest class, as a share of what it would be if all were equal


@dataclass(frozen=True)
class Situation:
    """N images, D features, C classes; `balance` is "even" or "skewed"."""

    n: int
    d: int
    classes: int
    balance: str


@cache
def ordered() -> pd.DataFrame:
    """One row per metric and simulated situation: metric, n, d, classes, balance, pools, ordered (in [0, 1])."""
    return pd.read_csv(FOLDER / "ordered.csv")


@cache
def calibrated() -> pd.DataFrame:
    """One row per metric: over all calibrated situations, the shares noise_found, signal_found and covered (in [0, 1];
    NaN where there is no p or no interval), and the `samples` of each kind."""
    table = pd.read_csv(FOLDER / "calibrated.csv")
    return table.groupby("metric")[["noise_found", "signal_found", "covered"]].mean().join(
        table.groupby("metric")["samples"].sum()
    )  # fmt: skip


def situation(case: Case) -> Situation:
    """What the case is like; of several labels per image the least even one counts."""
    if case.label_type == "multi-label":
        shares = case.columns.mean(axis=0)
        classes, smallest = 2, float(np.minimum(shares, 1 - shares).min())
    else:
        counts = np.bincount(case.labels)
        classes, smallest = len(counts), float(counts.min() / counts.sum())
    balance = "skewed" if smallest * classes < SKEWED_BELOW else "even"
    return Situation(len(case.labels), case.features.shape[1], classes, balance)


def share_ordered(metric: str, at: Situation) -> float | None:
    """The share of pairs of simulated candidates that `metric` put in the right order, in [0, 1]; 0.5 is chance.

    Of the nearest simulated number of classes and the balance, interpolated in the logarithms of N and D; beyond the
    simulated range its nearest end, but wider features than the widest count as these with as many times fewer images.
    None for a metric that was not simulated.
    """
    rows = ordered()
    rows = rows[(rows["metric"] == metric) & (rows["balance"] == at.balance)]
    if rows.empty:
        return None
    by_classes = np.abs(np.log(rows["classes"] / at.classes))
    shares = rows[by_classes == by_classes.min()].pivot(index="n", columns="d", values="ordered")
    n = at.n * min(1, shares.columns.max() / at.d)
    by_width = [np.interp(np.log(n), np.log(shares.index), shares[d]) for d in shares.columns]
    return float(np.interp(np.log(at.d), np.log(shares.columns), by_width))


def table(metric: str) -> pd.DataFrame:
    """What was simulated of a metric, to be shown: shares in order by number of images (rows) and the rest (columns).
    Empty for a metric that was not simulated."""
    rows = ordered()
    rows = rows[rows["metric"] == metric]
    rest = [f"{r.d:,} features, {r.classes} {'unequal ' * (r.balance == 'skewed')}classes" for r in rows.itertuples()]
    wide = rows.assign(rest=rest).pivot(index="n", columns="rest", values="ordered")
    return wide[list(dict.fromkeys(rest))].rename_axis(index="images", columns=None)


def what_was_simulated(metric: str, case: Case) -> tuple[list[str], list[str]]:
    """Why the value means nothing at this N, D and class balance, and what asks for care: two lists of sentences."""
    if case.features is None:
        return [], []
    at = situation(case)
    share = share_ordered(metric, at)
    if share is None:
        return [], []
    kind = "unequal classes" if at.balance == "skewed" else "classes"
    told = (
        f"For {at.n} images, {at.d} features and {at.classes} {kind}, in a simulation with known truth this "
        f"metric put {100 * share:.0f} % of pairs of candidates in the right order"
    )
    grave = [f"{told}; 50 % is chance."] if share < MEANS_NOTHING_BELOW else []
    cautions = [f"{told}."] if MEANS_NOTHING_BELOW <= share < RELIABLE_FROM else []
    covered = calibrated()["covered"].get(metric, np.nan)
    if covered < HOLDS_FROM:
        cautions.append(f"Its 95 % intervals held the truth in {100 * covered:.0f} % of our simulated samples.")
    smallest = int(ordered()["n"].min())
    if at.n < smallest:
        cautions.append(f"Our simulation begins at {smallest} images.")
    return grave, cautions
