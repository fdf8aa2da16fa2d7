"""What people answered as a tidy table, out and in: one row per answer, under pseudonyms."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from core.errors import SurveyError
from core.survey.instrument import (
    FEWEST_SOURCES,
    FORMS,
    MOST_SOURCES,
    ONCE,
    TEXT,
    Answer,
    QuestionSet,
    check_answer,
    check_answers,
    missing,
)
from core.survey.responses import Response
from core.tables import read_csv, write_csv

COLUMNS = (
    "person", "form", "question_set", "blinded", "revision", "submitted_date", "source", "place_shown", "question",
    "value", "low", "high",
)  # fmt: skip
OF_RESPONSE = COLUMNS[:6]  # the same in all rows of one response
PLACES = [str(place) for place in range(1, MOST_SOURCES + 1)]
YES, NO = "yes", "no"
LONGEST_NAME = 40  # characters of a pseudonym
IMPORTED = "csv "  # how a person begins, as the database knows them, whose answers came from a table


@dataclass(frozen=True)
class _Row:
    """One row as read: its `number` in a spreadsheet, and its cells by column."""

    number: int
    cells: dict[str, str]

    def wrong(self, column: str, remedy: str) -> SurveyError:
        return SurveyError(f"Row {self.number}: `{column}` is {self.cells[column]!r}.", remedy)


def imported_person(pseudonym: str) -> str:
    """Under what a person of a table is kept: the same at every import, and never that of a private code."""
    return IMPORTED + hashlib.sha256(f"sourcescout csv {pseudonym}".encode()).hexdigest()


def to_csv(responses: Iterable[Response]) -> str:
    """All revisions, by pseudonym; `place_shown` counts from 1 in the order in which the sources were shown. A source
    about which nothing was answered has a row without a question."""
    ordered = sorted(responses, key=lambda one: (one.person, one.revision))
    return write_csv(COLUMNS, (row for one in ordered for row in _rows(one)))


def _rows(one: Response) -> Iterable[tuple]:
    head = (one.person, one.form, one.asked, YES if one.blinded else NO, one.revision, one.submitted.date().isoformat())
    for place, source in enumerate(one.sources, 1):
        of_source = [answer for answer in one.answers if answer.source == source]
        for answer in of_source or [Answer("", source, "")]:
            yield (*head, source, place, answer.question, answer.value, answer.low, answer.high)
    for answer in one.answers:
        if answer.source == ONCE:
            yield (*head, ONCE, "", answer.question, answer.value, answer.low, answer.high)


def from_csv(text: str, sets: Mapping[str, QuestionSet], sources: Collection[str]) -> list[Response]:
    """Responses as `to_csv` writes them, or made elsewhere in that form: all of them, or SurveyError, which names the
    row or the response that is wrong. `sets` are the known question sets by name, `sources` the known keys."""
    rows = [_row(number, cells, sets, sources) for number, cells in read_csv(text, COLUMNS, SurveyError)]
    if not rows:
        raise SurveyError("There are no answers in the table.", "Compare it with exported answers.")
    rows.sort(key=_whose)
    return [_response(list(of_one), sets) for _, of_one in groupby(rows, _whose)]


def _whose(row: _Row) -> tuple[str, int]:
    return row.cells["person"], int(row.cells["revision"])


def _row(number: int, cells: dict[str, str], sets: Mapping[str, QuestionSet], sources: Collection[str]) -> _Row:
    row = _Row(number, {column: text if column == "value" else text.strip() for column, text in cells.items()})
    told = row.cells
    if not 0 < len(told["person"]) <= LONGEST_NAME:
        raise row.wrong("person", f"Use 1 to {LONGEST_NAME} characters.")
    for column, known in (("form", FORMS), ("question_set", sets), ("blinded", (YES, NO))):
        if told[column] not in known:
            raise row.wrong(column, f"Use one of {', '.join(known)}; other question sets are imported first.")
    if not re.fullmatch(r"[1-9]\d{0,3}", told["revision"], re.ASCII):
        raise row.wrong("revision", "Count a person's submissions from 1.")
    try:
        date.fromisoformat(told["submitted_date"])
    except ValueError:
        raise row.wrong("submitted_date", "Write the year, month and day as in 2026-01-31.") from None
    if told["source"] != ONCE and told["source"] not in sources:
        raise row.wrong("source", "Use the key of a record on the sources page, or add the record first.")
    if told["place_shown"] not in (PLACES if told["source"] != ONCE else ("",)):
        raise row.wrong("place_shown", f"Give a source the place, 1 to {MOST_SOURCES}, at which it was shown.")
    known = sets[told["question_set"]].questions
    empty = told["source"] != ONCE and not told["question"] and not told["value"]
    if told["question"] not in known and not empty:
        raise row.wrong("question", f"Use one of {', '.join(known)}.")
    return row


def _response(rows: list[_Row], sets: Mapping[str, QuestionSet]) -> Response:
    """One person's submission from its rows."""
    first = rows[0].cells
    for row in rows:
        for column in OF_RESPONSE:
            if row.cells[column] != first[column]:
                raise row.wrong(column, f"Row {rows[0].number}, of the same response, says {first[column]!r}.")
    asked, sources = sets[first["question_set"]], _shown(rows)
    answers = tuple(_answer(row, asked, sources) for row in rows if row.cells["question"])
    whose = f"`{first['person']}`, revision {first['revision']}"
    try:
        check_answers(asked, sources, answers)
    except SurveyError as error:
        raise SurveyError(f"Row {rows[0].number} and on, {whose}: {error.message}", error.remedy) from None
    if lacking := missing(asked, first["form"], sources, answers):
        what = " of ".join(f"`{name}`" for name in lacking[0] if name)
        raise SurveyError(f"Row {rows[0].number} and on, {whose}: no answer to {what}.", '"cannot judge" is one, too.')
    return Response(
        person=first["person"],
        form=first["form"],
        asked=asked.name,
        sources=sources,
        blinded=first["blinded"] == YES,
        revision=int(first["revision"]),
        submitted=datetime.fromisoformat(first["submitted_date"]),
        answers=answers,
    )


def _shown(rows: list[_Row]) -> tuple[str, ...]:
    """The sources in the order in which they were shown."""
    places: dict[int, str] = {}
    for row in rows:
        if row.cells["source"] != ONCE:
            place = int(row.cells["place_shown"])
            if places.setdefault(place, row.cells["source"]) != row.cells["source"]:
                raise row.wrong("place_shown", f"At this place `{places[place]}` was shown already.")
    sources = tuple(places[place] for place in sorted(places))
    if sorted(places) != list(range(1, len(places) + 1)) or len(set(sources)) < len(sources):
        raise rows[0].wrong("person", "Give each source of a response one place of 1, 2, 3 ..., without a gap.")
    if len(sources) < FEWEST_SOURCES:
        raise rows[0].wrong("person", f"A response is about {FEWEST_SOURCES} to {MOST_SOURCES} sources.")
    return sources


def _answer(row: _Row, asked: QuestionSet, sources: tuple[str, ...]) -> Answer:
    told = row.cells
    value = told["value"] if asked.questions[told["question"]].kind == TEXT else told["value"].strip()
    answer = Answer(told["question"], told["source"], value, told["low"], told["high"])
    try:
        check_answer(asked, sources, answer)
    except SurveyError as error:
        raise SurveyError(f"Row {row.number}: {error.message}", error.remedy) from None
    return answer
