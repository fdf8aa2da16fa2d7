"""The short form as a page for a phone: drawn from a question set, and what was sent back read into answers.

Fields are named by the place of their question in the set, its source and part (`low`, `high`): "1.imagenet_1k.low".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import jinja2

from core.errors import SurveyError
from core.survey.instrument import (
    CANNOT_JUDGE,
    CHOICES,
    GRADES,
    ORDER,
    PARTS,
    POINTS,
    SHORT,
    Answer,
    Question,
    QuestionSet,
    check_answers,
    missing,
)

Fields = dict[str, list[str]]  # name -> what was sent under it
COARSE, FINE = 1.0, 0.1  # AUC points between the gains that are offered
WIDE = 10  # AUC points from which the coarse step does


@dataclass(frozen=True)
class Sheet:
    """What is asked, and all that a phone is told: the target's name and `facts` about it, and by key the name of each
    source and a line on what it is."""

    asked: QuestionSet
    target: str
    facts: tuple[str, ...]
    sources: dict[str, tuple[str, str]]


def field_name(sheet: Sheet, question: Question, source: str, part: str = "") -> str:
    return f"{list(sheet.asked.questions).index(question.key)}.{source}" + (f".{part}" if part else "")


def read_answers(sheet: Sheet, fields: Fields) -> list[Answer]:
    """The answers in a form that was sent; what was left empty is none."""
    found = [
        _answer(sheet, question, source, fields)
        for question in sheet.asked.of_form(SHORT)
        for source in sheet.asked.asked_of(question, sheet.sources)
    ]
    return [answer for answer in found if answer]


def _answer(sheet: Sheet, question: Question, source: str, fields: Fields) -> Answer | None:
    def sent(part: str = "") -> list[str]:
        values = fields.get(field_name(sheet, question, source, part), [])
        return [text for value in values if (text := value.replace("\r\n", "\n").strip())]

    values = sent()
    if CANNOT_JUDGE in values:
        return Answer(question.key, source, CANNOT_JUDGE)
    value = PARTS.join(values) if question.kind == CHOICES else "".join(values[:1])
    low, high = ("".join(sent(part)[:1]) if question.kind == POINTS else "" for part in ("low", "high"))
    return Answer(question.key, source, value, low, high) if value or low or high else None


def write_fields(sheet: Sheet, answers: Sequence[Answer]) -> Fields:
    """The form as it was when `read_answers` found these in it."""
    fields: Fields = {}
    for answer in answers:
        question = sheet.asked.questions[answer.question]
        values = answer.value.split(PARTS) if question.kind == CHOICES else [answer.value]
        fields[field_name(sheet, question, answer.source)] = values
        for part in ("low", "high"):
            fields[field_name(sheet, question, answer.source, part)] = [getattr(answer, part)]
    return fields


def problems(sheet: Sheet, answers: Sequence[Answer]) -> dict[str, list[str]]:
    """What is wrong with the answers or not there yet, as sentences by the key of the question."""
    found: dict[str, list[str]] = {}
    lacking = missing(sheet.asked, SHORT, list(sheet.sources), answers)
    for key, pairs in groupby(lacking, key=lambda pair: pair[0]):
        names = ", ".join(sheet.sources[source][0] for _, source in pairs if source)
        found[key] = [f"Not answered for {names}." if names else "Not answered."]
    for key, source, together in _checked_together(sheet, answers):
        if remedy := _remedy(sheet, together):
            of_source = f"{sheet.sources[source][0]}: " if source else ""
            found.setdefault(key, []).append(of_source + remedy)
    return found


def _remedy(sheet: Sheet, answers: list[Answer]) -> str:
    """What to do about answers to one question; empty where they fit."""
    first = answers[0]
    points = sheet.asked.questions[first.question].kind == POINTS and first.value != CANNOT_JUDGE
    if points and "" in (first.low, first.value, first.high):
        return f"Give all three, or choose {CANNOT_JUDGE!r}."
    try:
        check_answers(sheet.asked, list(sheet.sources), answers)
    except SurveyError as error:
        return error.remedy
    return ""


def _checked_together(sheet: Sheet, answers: Sequence[Answer]) -> list[tuple[str, str, list[Answer]]]:
    """Question, source and answers: the places of an order are one answer, every other answer stands alone."""
    alone = [(one.question, one.source, [one]) for one in answers if sheet.asked.questions[one.question].kind != ORDER]
    places = [one for one in answers if sheet.asked.questions[one.question].kind == ORDER]
    return alone + ([(places[0].question, "", places)] if places else [])


def gains(question: Question) -> list[tuple[str, str]]:
    """The gains that can be chosen, the highest first: what is sent and what is shown."""
    step = COARSE if question.high - question.low >= WIDE else FINE
    first, last = math.ceil(question.low / step - 1e-9), math.floor(question.high / step + 1e-9)
    values = [f"{number * step:g}" for number in range(last, first - 1, -1)]
    return [(value, value.replace("-", "\N{MINUS SIGN}") if float(value) <= 0 else f"+{value}") for value in values]


def paragraphs(text: str) -> list[list[str]]:
    """A text as its paragraphs and lists: the lines of each; those of a list begin with a dash and a blank."""
    return [list(lines) for filled, lines in groupby(text.strip().splitlines(), key=bool) if filled]


class Pages:
    """Draws the two pages that a phone sees. Whatever a text holds is shown as text."""

    def __init__(self, sheet: Sheet, code: str):
        folder = jinja2.FileSystemLoader(Path(__file__).parent)
        environment = jinja2.Environment(autoescape=True, loader=folder, trim_blocks=True, lstrip_blocks=True)
        environment.globals |= {"sheet": sheet, "code": code, "cannot_judge": CANNOT_JUDGE, "grades": GRADES}
        self.template = environment.get_template("meeting.html")
        self.sheet = sheet

    def form(self, order: Sequence[str], fields: Fields, troubles: dict[str, list[str]], errors: list[str]) -> str:
        """The form with the sources in `order` and `fields` filled in; `troubles` by question, `errors` of all."""

        def sent(question: Question, source: str, part: str = "") -> list[str]:
            return fields.get(field_name(self.sheet, question, source, part), [])

        asked = self.sheet.asked
        return self.template.render(
            questions=asked.of_form(SHORT), asked_of=lambda question: asked.asked_of(question, order), sent=sent,
            name=lambda *about: field_name(self.sheet, *about), gains=gains, fields=fields, order=order,
            consent=paragraphs(asked.consent), troubles=troubles, errors=errors,
        )  # fmt: skip

    def thanks(self, private_code: str) -> str:
        """What comes after a submission: the code with which the person finds it again."""
        return self.template.render(private_code=private_code)
