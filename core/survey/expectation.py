"""What people expect, against how alike they see the sources, and against a score: two relations, kept apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from core.scoring.ranking import meaningful
from core.survey.instrument import POINTS, Question, QuestionSet
from core.survey.responses import Response
from core.survey.team import answers_to

LIKENESS = ("semantic", "visual", "embedding")  # questions on perceived similarity, as the shipped set calls them
PERFORMANCE = "performance"  # the rating of what is expected
POINT = 0.01  # of AUC


@dataclass(frozen=True)
class Pairs:
    """Pairs of sources that differ in both: `opposed` are those of which the more similar (named first) is expected to
    be the worse one, of `compared`."""

    opposed: tuple[tuple[str, str], ...]
    compared: int


def likeness_against(
    asked: QuestionSet, responses: Sequence[Response], likeness: str, expected: Question
) -> pd.DataFrame:
    """One row per person and source where both were judged: person, source, likeness (1 to 5) and expected. The gain of
    the reference over itself is 0 by definition, and not asked."""
    x = answers_to(responses, likeness).rename(columns={"value": "likeness"})
    y = answers_to(responses, expected.key).rename(columns={"value": "expected"})
    if expected.kind == POINTS:
        people = y["person"].unique()
        y = pd.concat([y, pd.DataFrame({"person": people, "source": asked.reference, "expected": 0.0})])
    both = x[["person", "source", "likeness"]].merge(y[["person", "source", "expected"]], on=["person", "source"])
    return both.dropna(ignore_index=True)


def mean_of(judged: pd.DataFrame) -> pd.DataFrame:
    """The mean over people by source: source, likeness, expected, people."""
    means = judged.groupby("source", sort=False).agg(
        likeness=("likeness", "mean"), expected=("expected", "mean"), people=("person", "nunique")
    )
    return means.reset_index()


def opposed(points: pd.DataFrame) -> Pairs:
    """Where "more similar is better" is not what was expected, the pairs that differ most in both first. `points`:
    source, likeness, expected, a row per source; pairs that are equal in either are not compared."""
    found, compared = [], 0
    rows = points[["source", "likeness", "expected"]].itertuples(index=False)
    for one, other in combinations(rows, 2):
        product = (one.likeness - other.likeness) * (one.expected - other.expected)
        compared += product != 0
        if product < 0:
            more, less = (one, other) if one.likeness > other.likeness else (other, one)
            found.append((product, (more.source, less.source)))
    return Pairs(tuple(pair for _, pair in sorted(found)), compared)


def by_person(judged: pd.DataFrame) -> Pairs:
    """The pairs of all people, each counted for oneself."""
    each = [opposed(rows) for _, rows in judged.groupby("person")]
    return Pairs(tuple(pair for one in each for pair in one.opposed), sum(one.compared for one in each))


def measured_gains(probe: pd.DataFrame, behind: Mapping[str, Sequence[str]], reference: str) -> pd.DataFrame:
    """How many AUC points more a linear probe finds in a source's checkpoint than in one of the reference with the same
    architecture: source, architecture, candidate, against, value, low, high; a row for each two such candidates.

    `probe` is the ranking by the linear probe (`core.scoring.ranking.ranking`), `behind` the data sets of each
    candidate by its name; one of several data sets stands for none of them and is left out, as is what means nothing
    here.
    """
    data_set = probe["candidate"].map({name: keys[0] for name, keys in behind.items() if len(keys) == 1})
    rows = list(probe.assign(data_set=data_set)[meaningful(probe) & data_set.notna()].itertuples())
    found = [
        (one.data_set, one.architecture, one.candidate, other.candidate, *_difference(one, other))
        for one in rows
        for other in rows
        if one.data_set != reference == other.data_set and one.architecture == other.architecture
    ]
    return pd.DataFrame(found, columns=["source", "architecture", "candidate", "against", "value", "low", "high"])


def _difference(one, other) -> tuple[float, float, float]:
    """`one` minus `other` in AUC points, with a 95 % interval from both of theirs (Zou & Donner 2008, Stat. Med.
    27:1693), which takes them as independent: wider than needed where the same images are hard for both."""
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return tuple(round(bound / POINT, 6) for bound in (value, low, high))  # 0.83 - 0.8 is not quite 0.03


def covering(expected: pd.DataFrame, measured: pd.DataFrame) -> tuple[int, int]:
    """How many expected ranges hold a measured value of their source, and how many are compared with one. `expected`
    as `answers_to` returns it, `measured` as `measured_gains` does."""
    both = expected.dropna(subset="value").merge(measured[["source", "value"]], on="source", suffixes=("", "_measured"))
    inside = np.logical_and(both["low"] <= both["value_measured"], both["value_measured"] <= both["high"])
    return int(inside.sum()), len(both)
