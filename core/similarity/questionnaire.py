"""What people say of data sets: ten characteristics, the expert distance that follows, and how far people agree."""

import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from core.errors import SimilarityError
from core.survey.reliability import krippendorff_alpha
from core.tables import read_csv, write_csv

FILE = Path(__file__).resolve().parents[2] / "data" / "similarity" / "questionnaire.toml"
CANNOT_JUDGE = "cannot judge"
TARGET = "the target"  # what exported answers call the target in view; with its blank no key of a source
FEWEST_DATA_SETS = 5  # from here on alpha is given; with fewer it jumps between its extremes
COLUMNS = ("person", "data_set", "question", "answer", "version")
LONGEST_NAME = 40  # characters of what a person goes by


@dataclass(frozen=True)
class Question:
    """One characteristic: `answers` are key and wording; the answer `both` holds of either side."""

    key: str
    title: str
    asks: str
    answers: dict[str, str]
    both: str


@dataclass(frozen=True)
class Questionnaire:
    version: int
    cites: str
    questions: dict[str, Question]


@dataclass(frozen=True)
class Answer:
    """What one person says of one data set: `answer` is a key of the question's answers, or CANNOT_JUDGE."""

    person: str
    data_set: str
    question: str
    answer: str
    version: int


@dataclass(frozen=True)
class ExpertDistance:
    """`value` in [0, sqrt(`of`)], from `answered` of `of` characteristics; None where none was answered for both."""

    value: float | None
    answered: int
    of: int


@dataclass(frozen=True)
class Agreement:
    """Of one characteristic: `same` is the share of pairs of people with the same answer on a data set, over `pairs` of
    them; `alpha` is Krippendorff's; None where it is not defined or too few data sets were judged twice."""

    data_sets: int
    pairs: int
    same: float | None
    alpha: float | None


@lru_cache(maxsize=1)
def shipped() -> Questionnaire:
    """The questionnaire that ships."""
    content = tomllib.loads(FILE.read_text(encoding="utf-8"))
    version, cites = content.pop("version"), content.pop("cites")
    return Questionnaire(version, cites, {key: Question(key, **entry) for key, entry in content.items()})


def difference(question: Question, one: str, other: str) -> float:
    """0 for the same answer, 0.5 where one of two holds of either side, else 1."""
    if one == other:
        return 0.0
    return 0.5 if question.both in (one, other) else 1.0


def expert_distance(asked: Questionnaire, target: Mapping[str, str], source: Mapping[str, str]) -> ExpertDistance:
    """How far one person sees a source from the target: the Euclidean norm of the differences, as in the early scoring
    of the study behind the questionnaire. `target` and `source` are answers by question; what is missing or cannot be
    judged on either side is left out and the norm scaled up to all of them, sqrt(all / answered x sum of squares)
    (Dixon 1979, IEEE Trans. Syst. Man Cybern. 9:617), that is, taken to differ as the others do on average."""
    both = [key for key in asked.questions if _judged(target.get(key)) and _judged(source.get(key))]
    if not both:
        return ExpertDistance(None, 0, len(asked.questions))
    squares = [difference(asked.questions[key], target[key], source[key]) ** 2 for key in both]
    value = math.sqrt(len(asked.questions) / len(both) * sum(squares))
    return ExpertDistance(value, len(both), len(asked.questions))


def _judged(answer: str | None) -> bool:
    return answer not in (None, CANNOT_JUDGE)


def by_person(answers: Iterable[Answer]) -> dict[str, dict[str, dict[str, str]]]:
    """person -> data set -> question -> answer."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for one in answers:
        found.setdefault(one.person, {}).setdefault(one.data_set, {})[one.question] = one.answer
    return found


def distances(
    asked: Questionnaire, answers: Sequence[Answer], sources: Iterable[str]
) -> dict[str, dict[str, ExpertDistance]]:
    """source -> person -> distance to the target, of those who described both."""
    people, found = by_person(answers), {}
    for source in sources:
        told = {
            person: expert_distance(asked, sets[TARGET], sets[source])
            for person, sets in people.items()
            if TARGET in sets and source in sets
        }
        found[source] = {person: one for person, one in told.items() if one.value is not None}
    return found


def agreement(answers: Iterable[Answer], question: str) -> Agreement:
    """How far people agree on one characteristic, over all data sets that two or more of them judged."""
    units: dict[str, list[str]] = defaultdict(list)
    for one in answers:
        if one.question == question and _judged(one.answer):
            units[one.data_set].append(one.answer)
    judged = [unit for unit in units.values() if len(unit) > 1]
    pairs = [a == b for unit in judged for a, b in combinations(unit, 2)]
    alpha = krippendorff_alpha(judged) if len(judged) >= FEWEST_DATA_SETS else None
    return Agreement(len(judged), len(pairs), sum(pairs) / len(pairs) if pairs else None, alpha)


def to_csv(answers: Iterable[Answer]) -> str:
    """One row per answer."""
    return write_csv(COLUMNS, ([getattr(one, column) for column in COLUMNS] for one in answers))


def from_csv(text: str, asked: Questionnaire) -> list[Answer]:
    """Answers as `to_csv` writes them, or made elsewhere in that form. SimilarityError names the row that is wrong."""
    answers = [_answer(row, number, asked) for number, row in read_csv(text, COLUMNS, SimilarityError)]
    for (person, data_set, question), times in Counter(map(_key, answers)).items():
        if times > 1:
            raise SimilarityError(
                f"`{person}` answers `{question}` of `{data_set}` {times} times.", "Keep one row of each."
            )
    return answers


def _key(one: Answer) -> tuple[str, str, str]:
    return one.person, one.data_set, one.question


def _answer(row: dict, number: int, asked: Questionnaire) -> Answer:
    told = {column: text.strip() for column, text in row.items()}
    question = asked.questions.get(told["question"])
    if question is None:
        raise _wrong(number, "question", told, asked.questions)
    if told["answer"] not in (*question.answers, CANNOT_JUDGE):
        raise _wrong(number, "answer", told, [*question.answers, CANNOT_JUDGE])
    if told["version"] != str(asked.version):
        raise _wrong(number, "version", told, [str(asked.version)])
    if not 0 < len(told["person"]) <= LONGEST_NAME:
        raise SimilarityError(f"Row {number}: `person` is empty or too long.", f"Use 1 to {LONGEST_NAME} characters.")
    if not told["data_set"]:
        raise SimilarityError(f"Row {number}: `data_set` is empty.", f"Give `{TARGET}` or the key of a source.")
    return Answer(told["person"], told["data_set"], told["question"], told["answer"], asked.version)


def _wrong(number: int, column: str, told: dict, known: Iterable[str]) -> SimilarityError:
    return SimilarityError(f"Row {number}: `{column}` is {told[column]!r}.", f"Use one of {', '.join(known)}.")
