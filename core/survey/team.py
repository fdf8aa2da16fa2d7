"""The team's picture: the answers of several people side by side, where they split, and how far they agree.

Everything is by pseudonym. Functions take the responses of one group: the same questions about the same sources.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.scoring.agreement import kendall_w
from core.survey.instrument import (
    ABOUT,
    CANNOT_JUDGE,
    CHOICES,
    ORDER,
    PARTS,
    POINTS,
    SCALE,
    TEXT,
    Question,
    QuestionSet,
)
from core.survey.reliability import INTERVAL, ORDINAL, Interval, alpha_interval, krippendorff_alpha
from core.survey.responses import Response, latest

FEWEST_PEOPLE, FEWEST_SOURCES = 3, 5  # from here on agreement is given; with fewer it jumps between its extremes
LEVELS = {SCALE: ORDINAL, POINTS: INTERVAL}  # of measurement, by the kind of a question; for an order see `concordance`


@dataclass(frozen=True)
class Voice:
    """One person on one side of a split: `says` a place or points, `first` are the sources they put first, `reasons`
    why."""

    person: str
    says: str
    first: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """A source that some see far better than others. `width` is the number of places, or of points between the ranges,
    by which they are apart."""

    source: str
    width: float
    better: tuple[Voice, ...]
    worse: tuple[Voice, ...]


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha of one question at a `level` of measurement, over `sources` judged by two or more of
    `people`; `alpha` is None where there are too few of either, or all gave one answer."""

    question: Question
    level: str
    people: int
    sources: int
    alpha: float | None
    interval: Interval | None

    @property
    def enough(self) -> bool:
        return self.people >= FEWEST_PEOPLE and self.sources >= FEWEST_SOURCES


@dataclass(frozen=True)
class Concordance:
    """Kendall's W of the orders of `people` over the `sources` that all of them placed; None where there are too few
    of either. `rho` is the mean of Spearman's correlation over all pairs of them."""

    w: float | None
    rho: float | None
    people: tuple[str, ...]
    sources: tuple[str, ...]


def groups(responses: Sequence[Response]) -> list[list[Response]]:
    """The last revision of each person by pseudonym, those with the same questions about the same sources together;
    the group of most people first. Others cannot be compared: a place among three is not one among five."""
    found: dict[tuple, list[Response]] = defaultdict(list)
    for one in sorted(latest(list(responses)), key=lambda one: one.person):
        found[one.asked, frozenset(one.sources)].append(one)
    return sorted(found.values(), key=len, reverse=True)


def answers_to(responses: Sequence[Response], question: str) -> pd.DataFrame:
    """One row per person and source that answered it: person, blinded, source, said (as written), and value, low, high
    as numbers; NaN where somebody cannot judge, or gave no range."""
    rows = [
        (one.person, one.blinded, answer.source, answer.value, answer.value, answer.low, answer.high)
        for one in responses
        for answer in one.answers
        if answer.question == question
    ]
    frame = pd.DataFrame(rows, columns=["person", "blinded", "source", "said", "value", "low", "high"])
    numbers = ["value", "low", "high"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce").astype(float)
    return frame


def question_of(asked: QuestionSet, kind: str) -> Question | None:
    """The first question of a kind: the order, or the gain in points."""
    return next((one for one in asked.questions.values() if one.kind == kind), None)


# Where the team splits -------------------------------------------------------------------------------------------


def place_splits(asked: QuestionSet, responses: Sequence[Response]) -> list[Split]:
    """Sources whose places lie half of the list or more apart, the widest first: who puts them best against who puts
    them worst."""
    order = question_of(asked, ORDER)
    if order is None:
        return []
    voices = {one.person: one for one in responses}
    found = []
    for source, rows in answers_to(responses, order.key).dropna(subset="value").groupby("source", sort=False):
        best, worst = rows["value"].min(), rows["value"].max()
        if worst > best and worst - best >= len(responses[0].sources) / 2:
            sides = [rows[rows["value"] == end] for end in (best, worst)]
            better, worse = (
                tuple(_voice(asked, voices[row.person], f"place {row.value:.0f}") for row in side.itertuples())
                for side in sides
            )
            found.append(Split(source, worst - best, better, worse))
    return sorted(found, key=lambda split: split.width, reverse=True)


def gain_splits(asked: QuestionSet, responses: Sequence[Response]) -> list[Split]:
    """Sources from which some expect a gain and others a loss, with ranges that do not overlap; widest gap first."""
    gain = question_of(asked, POINTS)
    if gain is None:
        return []
    voices = {one.person: one for one in responses}
    found = []
    for source, rows in answers_to(responses, gain.key).dropna(subset="value").groupby("source", sort=False):
        ups, downs = (list(side.itertuples()) for side in (rows[rows["value"] > 0], rows[rows["value"] < 0]))
        apart = [(up, down) for up in ups for down in downs if up.low > down.high]
        if apart:
            better, worse = (
                tuple(_voice(asked, voices[row.person], _points(row)) for row in dict.fromkeys(side))
                for side in zip(*apart, strict=True)
            )
            found.append(Split(source, max(up.low - down.high for up, down in apart), better, worse))
    return sorted(found, key=lambda split: split.width, reverse=True)


def _points(row) -> str:
    return f"{row.value:+g} points ({row.low:+g} to {row.high:+g})"


def _voice(asked: QuestionSet, response: Response, says: str) -> Voice:
    order = question_of(asked, ORDER)
    first = [one.source for one in response.answers if order and one.question == order.key and one.value == "1"]
    return Voice(response.person, says, tuple(first), reasons(asked, response))


def reasons(asked: QuestionSet, response: Response) -> tuple[str, ...]:
    """What a person gives as reasons: own words, and the wordings of what was chosen."""
    told = []
    for one in response.answers:
        question = asked.questions[one.question]
        if question.per_source or question.form == ABOUT or one.value == CANNOT_JUDGE:
            continue
        if question.kind == TEXT:
            told.append(one.value)
        elif question.kind == CHOICES:
            told.append(", ".join(question.options[key] for key in one.value.split(PARTS)))
    return tuple(told)


# How far the team agrees -----------------------------------------------------------------------------------------


def agreements(asked: QuestionSet, responses: Sequence[Response]) -> list[Agreement]:
    """Krippendorff's alpha of every scale (ordinal) and of the gains (interval) that somebody answered. The units are
    the sources; "cannot judge" is a missing value."""
    rated = [one for one in asked.questions.values() if one.kind in LEVELS and one.per_source]
    found = [(one, answers_to(responses, one.key).dropna(subset="value")) for one in rated]
    return [_agreement(question, rows) for question, rows in found if len(rows)]


def _agreement(question: Question, rows: pd.DataFrame) -> Agreement:
    judged = rows[rows.groupby("source")["value"].transform("size") > 1]
    units = [group.tolist() for _, group in judged.groupby("source")["value"]]
    level = LEVELS[question.kind]
    found = Agreement(question, level, judged["person"].nunique(), len(units), None, None)
    if not found.enough:
        return found
    alpha, interval = krippendorff_alpha(units, level), alpha_interval(units, level)
    return Agreement(question, level, found.people, found.sources, alpha, interval)


def concordance(asked: QuestionSet, responses: Sequence[Response]) -> Concordance:
    """Kendall's W of the orders. Krippendorff's alpha adds nothing there: every person gives out the same places, so
    that only the order can differ.

    W needs every source placed by everybody. A source that somebody "cannot judge" is left out and the rest ranked
    anew; people are taken in from who placed most on, as long as five sources remain that all of them placed.
    """
    order = question_of(asked, ORDER)
    if order is None:
        return Concordance(None, None, (), ())
    places = answers_to(responses, order.key).pivot(index="person", columns="source", values="value")
    common, kept = np.ones(places.shape[1], dtype=bool), []
    for person in places.notna().sum(axis=1).sort_values(ascending=False, kind="stable").index:
        both = common & places.loc[person].notna().to_numpy()
        if both.sum() >= FEWEST_SOURCES:
            common, kept = both, [*kept, person]
    if len(kept) < FEWEST_PEOPLE:
        return Concordance(None, None, tuple(kept), tuple(places.columns[common]))
    w = kendall_w(places.loc[kept, common].to_numpy())
    return Concordance(w, (len(kept) * w - 1) / (len(kept) - 1), tuple(kept), tuple(places.columns[common]))
