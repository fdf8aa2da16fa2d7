"""The rating instrument: what a person is asked of the sources of a target, and whether answers fit the questions.

A question set is TOML, with a key and a version; `data/survey/questions.toml` ships and shows the form.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import tomli_w

from core.errors import SurveyError
from core.settings import data_folder
from core.survey.heuristics import read_toml

SHORT, LONG, ABOUT = "short", "long", "about"
FORMS = {SHORT: (SHORT, ABOUT), LONG: (SHORT, LONG, ABOUT)}  # the questions of each form
ORDER, POINTS, SCALE, CHOICES, CHOICE, TEXT = "order", "points", "scale", "choices", "choice", "text"
KINDS = (ORDER, POINTS, SCALE, CHOICES, CHOICE, TEXT)
GRADES = ("1", "2", "3", "4", "5")
CANNOT_JUDGE = "cannot judge"
ONCE = ""  # the source of an answer that is given once
FEWEST_SOURCES, MOST_SOURCES = 2, 8
LONGEST_TEXT = 1000  # characters
PARTS = ";"  # between the chosen options in the value of an answer


@dataclass(frozen=True)
class Question:
    """One item. `kind` is one of KINDS, `form` SHORT, LONG or ABOUT; `anchors` are the wordings of 1 and 5 of a scale,
    `options` key and wording of a choice, `low` and `high` limits in AUC points; `word` an entry of the glossary."""

    key: str
    kind: str
    form: str
    asks: str
    per_source: bool = False
    anchors: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    word: str = ""
    help: str = ""

    @property
    def optional(self) -> bool:
        return self.kind == TEXT or self.form == ABOUT


@dataclass(frozen=True)
class QuestionSet:
    """`reference` is the key of the source that gains are asked against; `origin` says where the wording is from."""

    key: str
    version: int
    title: str
    reference: str
    origin: str
    consent: str
    questions: dict[str, Question]

    @property
    def name(self) -> str:
        """Key and version: what answers refer to."""
        return f"{self.key} {self.version}"

    def of_form(self, form: str) -> list[Question]:
        """The questions of the short or long form, in their order."""
        return [question for question in self.questions.values() if question.form in FORMS[form]]

    def asked_of(self, question: Question, sources: Iterable[str]) -> list[str]:
        """The sources that a question is asked of; ONCE for one that is asked once."""
        if not question.per_source:
            return [ONCE]
        return [source for source in sources if question.kind != POINTS or source != self.reference]

    def needed_of(self, question: Question, sources: Iterable[str], answers: Iterable["Answer"]) -> list[str]:
        """The sources of which a question needs an answer: gains only of the one with the best place among `answers`,
        the reference aside; of none before there is an order."""
        of = self.asked_of(question, sources)
        order = next((one.key for one in self.questions.values() if one.kind == ORDER), None)
        if question.kind != POINTS or order is None:
            return of
        places = {one.source: one.value for one in answers if one.question == order and one.value.isdecimal()}
        return sorted((source for source in of if source in places), key=lambda source: int(places[source]))[:1]


@dataclass(frozen=True)
class Answer:
    """What a person says: `value` is a place from 1, AUC points, 1 to 5, keys of options joined by PARTS, a text, or
    CANNOT_JUDGE; `low` and `high` only of points. `source` is ONCE for what is asked once."""

    question: str
    source: str
    value: str
    low: str = ""
    high: str = ""


@lru_cache(maxsize=1)
def shipped() -> QuestionSet:
    """The question set that ships."""
    return parse_questions((data_folder() / "survey" / "questions.toml").read_text(encoding="utf-8"))


def known_sets(imported: Iterable[str]) -> dict[str, QuestionSet]:
    """All question sets by name; `imported` are the texts of those beside the one that ships."""
    return {one.name: one for one in (shipped(), *map(parse_questions, imported))}


def parse_questions(text: str) -> QuestionSet:
    """A question set from TOML; SurveyError says what is wrong with it and what to do."""
    content = read_toml(text)
    try:
        questions = [_question(entry) for entry in content.pop("question")]
        found = QuestionSet(questions={one.key: one for one in questions}, **content)
    except (KeyError, TypeError, AttributeError) as error:
        raise SurveyError(
            f"The question set lacks a part or has an unknown one: {error}.", "Export the shipped one for the form."
        ) from None
    _require_texts(found)
    if type(found.version) is not int or found.version < 1:
        raise SurveyError("The `version` of the question set is no whole number from 1.", "Write, say, version = 2.")
    if twice := [key for key, times in Counter(one.key for one in questions).items() if times > 1]:
        raise SurveyError(f"Several questions are called {', '.join(twice)}.", "Give each a key of its own.")
    if sum(one.kind == ORDER for one in questions) > 1:
        raise SurveyError("There are several questions of the kind `order`.", "Ask for one order only.")
    return found


def dump_questions(asked: QuestionSet) -> str:
    """The question set as TOML that `parse_questions` reads."""
    head = {name: getattr(asked, name) for name in ("key", "version", "title", "reference", "origin", "consent")}
    return tomli_w.dumps(head | {"question": [_entry(one) for one in asked.questions.values()]}, multiline_strings=True)


def _question(entry: dict) -> Question:
    where = f"The question `{entry.get('key')}`"
    question = Question(**entry | {"anchors": tuple(entry.get("anchors", ()))})
    for name, known in (("form", (SHORT, LONG, ABOUT)), ("kind", KINDS)):
        if getattr(question, name) not in known:
            raise SurveyError(f"{where} has the {name} {getattr(question, name)!r}.", _one_of(known))
    if question.kind == SCALE and len(question.anchors) != 2:
        raise SurveyError(
            f"{where} has no two anchors.", 'Say what 1 and 5 mean: anchors = ["very poor", "very good"].'
        )
    if question.kind in (CHOICE, CHOICES) and not question.options:
        raise SurveyError(f"{where} has no options.", "Add a table `question.options` of key and wording.")
    if any(PARTS in key or key == CANNOT_JUDGE for key in question.options):
        raise SurveyError(f"{where} has an option with a reserved key.", f"Avoid {PARTS!r} and {CANNOT_JUDGE!r}.")
    if question.kind == POINTS and not _ordered(question.low, 0, question.high):
        raise SurveyError(f"{where} has no limits around 0.", "Say, for instance, low = -20 and high = 20.")
    if question.kind in (ORDER, POINTS) and not question.per_source:
        raise SurveyError(f"{where} is not asked of every source.", "Write per_source = true.")
    return question


def _require_texts(found: QuestionSet) -> None:
    texts = {name: getattr(found, name) for name in ("key", "title", "reference", "origin", "consent")}
    texts |= {f"asks of {key}": one.asks for key, one in found.questions.items()}
    if empty := [name for name, text in texts.items() if not (isinstance(text, str) and text.strip())]:
        raise SurveyError(f"The question set has no text for {', '.join(empty)}.", "Write one.")


def _entry(question: Question) -> dict:
    entry = {"key": question.key, "kind": question.kind, "form": question.form, "per_source": question.per_source}
    names = ("anchors", "low", "high", "word", "asks", "help", "options")
    return entry | {name: value for name in names if (value := getattr(question, name)) not in ("", (), {}, None)}


# Answers --------------------------------------------------------------------------------------------------------


def missing(asked: QuestionSet, form: str, sources: Sequence[str], answers: Iterable[Answer]) -> list[tuple[str, str]]:
    """What a form needs and `answers` lack: question and source."""
    answers = list(answers)
    there = {(one.question, one.source) for one in answers}
    wanted = [
        (question.key, source)
        for question in asked.of_form(form)
        if not question.optional
        for source in asked.needed_of(question, sources, answers)
    ]
    return [one for one in wanted if one not in there]


def check_answers(asked: QuestionSet, sources: Sequence[str], answers: Sequence[Answer]) -> None:
    """SurveyError where an answer does not fit its question, or is not of these `sources`."""
    for answer in answers:
        check_answer(asked, sources, answer)
    if twice := [key for key, times in Counter((a.question, a.source) for a in answers).items() if times > 1]:
        raise SurveyError(f"`{twice[0][0]}` is answered more than once.", "Keep one answer.")
    for question in asked.questions.values():
        if question.kind == ORDER:
            _check_order(question, [one.value for one in answers if one.question == question.key])


def check_answer(asked: QuestionSet, sources: Sequence[str], answer: Answer) -> None:
    """SurveyError where one answer does not fit its question, or is not of these `sources`."""
    question = asked.questions.get(answer.question)
    if question is None:
        raise SurveyError(f"`{answer.question}` is no question of {asked.name}.", _one_of(asked.questions))
    if answer.source not in asked.asked_of(question, sources):
        raise SurveyError(f"`{question.key}` is not asked of `{answer.source}`.", "Correct the source.")
    _check(question, answer)


def _check(question: Question, answer: Answer) -> None:
    if answer.value == CANNOT_JUDGE:
        return
    where = f"The answer to `{question.key}`" + (f" of `{answer.source}`" if answer.source else "")
    if question.kind == SCALE and answer.value not in GRADES:
        raise SurveyError(f"{where} is {answer.value!r}.", "Use 1 to 5.")
    if question.kind == CHOICE and answer.value not in question.options:
        raise SurveyError(f"{where} is {answer.value!r}.", _one_of(question.options))
    if question.kind == CHOICES and not set(answer.value.split(PARTS)) <= set(question.options):
        raise SurveyError(f"{where} is {answer.value!r}.", _one_of(question.options))
    if question.kind == TEXT and not 0 < len(answer.value) <= LONGEST_TEXT:
        raise SurveyError(f"{where} is empty or too long.", f"Use 1 to {LONGEST_TEXT} characters.")
    if question.kind == POINTS:
        low, value, high = (number(text) for text in (answer.low, answer.value, answer.high))
        if not _ordered(question.low, low, value, high, question.high):
            raise SurveyError(
                f"{where} is {answer.value!r} between {answer.low!r} and {answer.high!r}.",
                f"Use points from {question.low:g} to {question.high:g}, the lowest first.",
            )


def _check_order(question: Question, places: list[str]) -> None:
    given = sorted(place for place in places if place != CANNOT_JUDGE)
    if given != sorted(str(place) for place in range(1, len(given) + 1)):
        raise SurveyError(f"The places of `{question.key}` are {', '.join(given)}.", "Give 1, 2, 3 ..., each once.")


def number(text: str) -> float | None:
    """The finite number in `text`, or None."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _ordered(*values: float | None) -> bool:
    return None not in values and list(values) == sorted(values)


def _one_of(known: Iterable[str]) -> str:
    return f"Use one of {', '.join(known)}."
