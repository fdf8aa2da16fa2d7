"""How far the metrics of a run agree on the order of its candidates: Kendall's W over all, tau-b between two."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.metrics import PRODUCT
from core.scoring.ranking import describe, meaningful

FEWEST = 5  # candidates; with fewer, orders agree by chance too often: of 3, any two are the same one time in six
SHARE = 0.75  # of the candidates that remain compared
MEANING = (
    "Agreement says that metrics put the candidates in the same order, not that the order is right: metrics that "
    "share a method agree with each other whether or not they are right."
)


@dataclass(frozen=True)
class Agreement:
    """`w` and `taus` (metrics x metrics, tau-b) over `candidates`; None and empty where `why_not` says why.
    `left_out` names metrics and why, `without` the candidates that lack a value that means something."""

    w: float | None
    taus: pd.DataFrame
    candidates: tuple[str, ...]
    left_out: dict[str, str]
    without: tuple[str, ...]
    why_not: str = ""


def agreement(scores: pd.DataFrame) -> Agreement:
    """The agreement of the metrics in `scores` (`core.scoring.overview.side_by_side`).

    Only values that mean something are compared, and all metrics on the same candidates. Metrics are taken in from the
    most complete on, as long as five candidates and three quarters of all remain; the others are left out and named.
    """
    readable = scores.assign(value=scores["value"].where(meaningful(scores)))
    values = readable.pivot(index="metric", columns="candidate", values="value")
    values = values.reindex(index=scores["metric"].unique(), columns=scores["candidate"].unique())
    left_out = _not_comparable(scores)
    values = values.drop(index=list(left_out)).dropna(axis=1, how="all")
    least = max(FEWEST, int(np.ceil(SHARE * values.shape[1])))
    if values.shape[1] < FEWEST:
        why = f"Agreement is shown from {FEWEST} candidates on; {values.shape[1]} of this run have a value to compare."
        return _none(why, left_out)
    complete, kept = np.ones(values.shape[1], dtype=bool), []
    for metric in values.notna().sum(axis=1).sort_values(ascending=False, kind="stable").index:
        there = values.loc[metric].notna().to_numpy()
        if (complete & there).sum() < least:
            left_out[metric] = f"no value, or none that means something here, for {(~there).sum()} of {len(there)}"
        elif values.loc[metric, complete & there].nunique() == 1:
            left_out[metric] = "the same value for all candidates"
        else:
            complete &= there
            kept.append(metric)
    if len(kept) < 2:
        return _none(f"No two metrics have values that mean something for {least} candidates.", left_out)
    values = values.loc[[metric for metric in values.index if metric in kept], complete]
    return Agreement(
        w=kendall_w(values.to_numpy()),
        taus=pd.DataFrame(_taus(values.to_numpy()), index=values.index, columns=values.index),
        candidates=tuple(values.columns),
        left_out=left_out,
        without=tuple(name for name in scores["candidate"].unique() if name not in values.columns),
    )


def _none(why: str, left_out: dict[str, str]) -> Agreement:
    return Agreement(None, pd.DataFrame(), (), left_out, (), why)


def _not_comparable(scores: pd.DataFrame) -> dict[str, str]:
    asked = scores["metric"].unique()
    left_out = {PRODUCT.key: "made of two of the others"} if PRODUCT.key in asked else {}
    if scores["architecture"].nunique() > 1:
        left_out |= {key: "compares within one architecture only" for key in asked if describe(key).one_architecture}
    return left_out


def kendall_w(values: np.ndarray) -> float:
    """Kendall's coefficient of concordance of M orders of N items, `values` (M, N): 0 (none) to 1 (the same order),
    corrected for ties. Independent orders give 1 / M on average. NaN where every order is one single tie.

    Kendall & Babington Smith 1939; ties as in Siegel & Castellan 1988.

    >>> import numpy as np
    >>> kendall_w(np.array([[1, 3, 2], [1, 2, 3], [2, 3, 1], [3, 1, 2]]))
    0.0625
    """
    m, n = values.shape
    ranks = pd.DataFrame(values).rank(axis=1).to_numpy()
    totals = ranks.sum(axis=0)
    ties = sum(int((counts**3 - counts).sum()) for counts in (np.unique(row, return_counts=True)[1] for row in ranks))
    most = m**2 * (n**3 - n) - m * ties
    return float(12 * ((totals - totals.mean()) ** 2).sum() / most) if most else float("nan")


def tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b of two orders of the same items, `x` and `y` (N,): -1 (reversed) to 1 (the same), corrected for
    ties; NaN where one of them is a single tie. Kendall 1945."""
    a, b = (np.sign(values[:, None] - values[None, :]) for values in (np.asarray(x, float), np.asarray(y, float)))
    most = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / most) if most else float("nan")


def _taus(values: np.ndarray) -> np.ndarray:
    return np.array([[tau_b(one, other) for other in values] for one in values])
