"""The rule "more similar is better", tried on pairs of sources: where it held, where it failed, and where neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

HELD, FAILED, OPEN = "held", "failed", "cannot tell"


@dataclass(frozen=True)
class Trial:
    """Two sources: `nearer` is more like the target by the measured value, `farther` less; `verdict` is HELD where the
    nearer one scores higher, FAILED where it scores lower, OPEN with the reason `why`."""

    nearer: str
    farther: str
    verdict: str
    why: str = ""


def trials(distances: Mapping[str, dict], scores: Mapping[str, dict], alike: str = "low") -> list[Trial]:
    """Every pair of the sources that have both a distance to the target and a score (name -> `value`, `low`, `high`).

    `alike`: whether "low" or "high" distances mean alike; higher scores are better. Two values differ where their 95 %
    intervals do not overlap, which is stricter than a test of their difference: a pair may differ and be left open.
    """
    sign = 1 if alike == "low" else -1
    both = sorted((name for name in distances if name in scores), key=lambda name: sign * distances[name]["value"])
    return [_trial(nearer, farther, distances, scores) for nearer, farther in combinations(both, 2)]


def _trial(nearer: str, farther: str, distances: Mapping[str, dict], scores: Mapping[str, dict]) -> Trial:
    if _overlap(distances[nearer], distances[farther]):
        return Trial(nearer, farther, OPEN, "they are about equally like the target")
    if _overlap(scores[nearer], scores[farther]):
        return Trial(nearer, farther, OPEN, "their scores cannot be told apart")
    return Trial(nearer, farther, HELD if scores[nearer]["value"] > scores[farther]["value"] else FAILED)


def _overlap(one: dict, other: dict) -> bool:
    return one["low"] <= other["high"] and other["low"] <= one["high"]


def pairs_right(order: list[str], scores: Mapping[str, dict]) -> tuple[int, int]:
    """Of the pairs in a guessed `order` (best first) whose scores differ: how many are in the right order, and of how
    many."""
    apart = [
        (one, other)
        for one, other in combinations([name for name in order if name in scores], 2)
        if not _overlap(scores[one], scores[other])
    ]
    return sum(scores[one]["value"] > scores[other]["value"] for one, other in apart), len(apart)
