"""Answers as a table: out and in without a loss, and wrong rows named."""

import csv
import io
import string
from dataclasses import replace
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo import open_demo
from core.errors import StoreError, SurveyError
from core.store import Store
from core.survey.exchange import COLUMNS, LONGEST_NAME, from_csv, to_csv
from core.survey.instrument import (
    CANNOT_JUDGE,
    CHOICE,
    CHOICES,
    FORMS,
    GRADES,
    ORDER,
    PARTS,
    POINTS,
    SCALE,
    SHORT,
    Answer,
    Question,
    shipped,
)
from core.survey.responses import Response, person_of
from core.tables import decoded, read_csv, write_csv
from tests.survey.people import SOURCES, WHEN, a_response, five_people

ASKED = shipped()
SETS = {ASKED.name: ASKED}
DAY = datetime.combine(WHEN, time())  # of a table, which knows no hours


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
STARTS = st.sampled_from(["=", "+", "-", "@", "'", "'=", "''@", "\t", "\r", "-1"])
NAMES = st.text(string.ascii_letters + "=+-@' \u00e4,;\"", min_size=1, max_size=LONGEST_NAME).map(str.strip).filter(len)


def value(question: Question) -> st.SearchStrategy:
    """Value, low and high of any answer to a question that is not an order."""
    if question.kind == POINTS:
        three = st.lists(st.floats(question.low, question.high), min_size=3, max_size=3).map(sorted)
        return three.map(lambda at: (str(at[1]), str(at[0]), str(at[2])))
    if question.kind == SCALE:
        told = st.sampled_from(GRADES)
    elif question.kind == CHOICE:
        told = st.sampled_from(list(question.options))
    elif question.kind == CHOICES:
        told = st.lists(st.sampled_from(list(question.options)), min_size=1, unique=True).map(PARTS.join)
    else:
        told = TEXTS | st.builds(str.__add__, STARTS, TEXTS)
    return told.map(lambda text: (text, "", ""))


@st.composite
def responses(draw) -> Response:
    form, sources, answers = draw(st.sampled_from(list(FORMS))), draw(st.permutations(SOURCES)), []
    for question in ASKED.of_form(form):
        if question.kind == ORDER:
            order = draw(st.permutations(sources))
            answers += [Answer(question.key, source, str(at)) for at, source in enumerate(order, 1)]
        elif not question.optional or draw(st.booleans()):
            told = value(question) | st.just((CANNOT_JUDGE, "", ""))
            answers += [Answer(question.key, source, *draw(told)) for source in ASKED.asked_of(question, sources)]
    when = datetime.combine(draw(st.dates(date(2000, 1, 1))), time())
    return Response(draw(NAMES), form, ASKED.name, tuple(sources), draw(st.booleans()), draw(st.integers(1, 9)), when,
                    tuple(answers))  # fmt: skip


def same(found: list[Response], told: list[Response]) -> bool:
    """Whether these are the same responses; the order of answers in a response says nothing."""

    def known(one):
        return replace(one, answers=tuple(sorted(one.answers, key=lambda a: (a.question, a.source))))

    return sorted(map(known, found), key=whose) == sorted(map(known, told), key=whose)


def whose(one: Response) -> tuple[str, int]:
    return one.person, one.revision


@settings(max_examples=50, deadline=None)
@given(st.lists(responses(), min_size=1, max_size=3, unique_by=whose))
def test_what_goes_out_comes_back(told):
    text = to_csv(told)
    assert same(from_csv(text, SETS, SOURCES), told) and same(from_csv("\ufeff" + text, SETS, SOURCES), told)
    assert set(text.split("\r\n")[0].split(",")) == set(COLUMNS)


def test_rows_may_stand_in_any_order():
    told = five_people()
    rows = [list(cells.values()) for _, cells in read_csv(to_csv(told), COLUMNS, SurveyError)]
    assert same(from_csv(write_csv(COLUMNS, rows[::-1]), SETS, SOURCES), [replace(one, submitted=DAY) for one in told])


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1"])
def test_no_text_is_a_formula_for_a_spreadsheet(text):
    one = replace(a_response("=A", reason=text), submitted=DAY)
    cells = [cell for row in csv.reader(io.StringIO(to_csv([one]), newline="")) for cell in row]
    assert "'" + text in cells and "'=A" in cells
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not cell[1:].replace(".", "").isdigit()]
    assert same(from_csv(to_csv([one]), SETS, SOURCES), [one])


def test_negative_points_stay_numbers():
    assert ",-2.5,-4,-1\r\n" in to_csv([a_response("A", gains={"radimagenet": "-2.5 -4 -1"})])


def test_a_source_about_which_nothing_was_answered_keeps_its_place():
    only_gains = replace(ASKED, key="mine", questions={"gain": ASKED.questions["gain"]})
    told = [Answer("gain", "radimagenet", "1", "0", "2")]
    one = Response("A", SHORT, only_gains.name, ("imagenet_1k", "radimagenet"), True, 1, DAY, tuple(told))
    assert from_csv(to_csv([one]), {only_gains.name: only_gains}, SOURCES) == [one]


# Wrong tables ----------------------------------------------------------------------------------------------------


def a_table(**changes: dict[str, str]) -> str:
    """The table of one short response about three sources; `changes` by row: "row3" is the third of a spreadsheet."""
    rows = [cells for _, cells in read_csv(to_csv([a_response("A", SOURCES[:3])]), COLUMNS, SurveyError)]
    for name, cells in changes.items():
        rows[int(name.removeprefix("row")) - 2].update(cells)
    return write_csv(COLUMNS, [list(row.values()) for row in rows])


def test_the_table_that_is_changed_is_right_and_in_the_known_order():
    table = from_csv(a_table(), SETS, SOURCES)
    assert same(table, [replace(a_response("A", SOURCES[:3]), submitted=DAY)])
    assert [cells["question"] for _, cells in read_csv(a_table(), COLUMNS, SurveyError)] == [
        "order", "order", "gain", "order", "gain", "confidence",
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "what"), [
    ("", "Columns are missing: person"),
    ("person,value\nA,1\n", "Columns are missing: form"),
    (",".join(COLUMNS), "no answers"),
    (a_table(row3={"person": " "}), "Row 3: `person`"),
    (a_table(row3={"person": "A" * 41}), "Row 3: `person`"),
    (a_table(row3={"form": "tall"}), "Row 3: `form` is 'tall'"),
    (a_table(row3={"question_set": "other 1"}), "Row 3: `question_set` is 'other 1'"),
    (a_table(row3={"blinded": "maybe"}), "Row 3: `blinded` is 'maybe'"),
    (a_table(row3={"revision": "0"}), "Row 3: `revision` is '0'"),
    (a_table(row3={"revision": "x"}), "Row 3: `revision` is 'x'"),
    (a_table(row3={"revision": "9" * 5000}), "Row 3: `revision`"),
    (a_table(row3={"submitted_date": "4.3.2026"}), "Row 3: `submitted_date` is '4.3.2026'"),
    (a_table(row3={"source": "imagenet"}), "Row 3: `source` is 'imagenet'"),
    (a_table(row3={"place_shown": ""}), "Row 3: `place_shown` is ''"),
    (a_table(row7={"place_shown": "1"}), "Row 7: `place_shown` is '1'"),
    (a_table(row3={"question": "taste"}), "Row 3: `question` is 'taste'"),
    (a_table(row7={"question": "", "value": ""}), "Row 7: `question` is ''"),
    (a_table(row3={"blinded": "no"}), "Row 3: `blinded` is 'no'"),
    (a_table(row3={"place_shown": "1"}), "Row 3: `place_shown` is '1'"),
    (a_table(row5={"place_shown": "9"}), "Row 5: `place_shown` is '9'"),
    (a_table(row5={"place_shown": "7"}, row6={"place_shown": "7"}), "Row 2: `person`"),
    (a_table(row4={"value": "30", "low": "0", "high": "40"}), "Row 4: The answer to `gain`"),
    (a_table(row7={"value": "6"}), "Row 7: The answer to `confidence` is '6'"),
    (a_table(row3={"value": "1"}), "Row 2 and on, `A`, revision 1: The places of `order`"),
    (a_table(row4={"question": "order", "value": "2"}), "`order` is answered more than once"),
    (a_table(row4={"question": "", "value": ""}), "no answer to `gain` of `radimagenet`"),
    (a_table(row7={"question": "reason", "value": "size"}), "no answer to `confidence`"),
    (a_table(row4={"source": "imagenet_1k", "place_shown": "1"}), "Row 4: `gain` is not asked of `imagenet_1k`"),
    (a_table().replace("cannot judge", '"cannot') + "\0" * 0, "Row"),
])  # fmt: skip
def test_a_wrong_table_says_which_row_and_what_to_do(text, what):
    with pytest.raises(SurveyError) as caught:
        from_csv(text, SETS, SOURCES)
    assert what in caught.value.message and caught.value.remedy


def test_what_is_no_text_is_refused():
    assert decoded("\u00e4".encode(), SurveyError) == "\u00e4"
    with pytest.raises(SurveyError, match="UTF-8"):
        decoded("\u00e4".encode("latin-1"), SurveyError)


# Into the database -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "a.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def target(store) -> str:
    return open_demo(store)


def stored(store: Store, target: str) -> list[Response]:
    return [replace(one, submitted=DAY) for one in store.responses(target)]


def test_an_import_is_kept_once_and_under_the_pseudonyms_of_the_table(store, target):
    told = [replace(one, submitted=DAY) for one in five_people()]
    again = from_csv(to_csv(told), SETS, SOURCES)
    assert store.import_responses(target, again) == 5 and same(stored(store, target), told)
    assert store.import_responses(target, again) == 0 and same(stored(store, target), told)
    assert list(store.imported(store.project_of_target(target))) == [one.person for one in told]


def test_a_table_goes_to_another_database_and_back_without_doubles(store, target):
    store.submit(target, person_of("ABCD-EFGH-2345"), a_response("Rater Q"))
    there = from_csv(to_csv(store.responses(target)), SETS, SOURCES)
    assert store.import_responses(target, there) == 0  # whoever it is, the answer is here
    assert store.imported(store.project_of_target(target)) == {}


def test_somebody_else_with_a_pseudonym_that_is_taken_gets_another(store, target):
    store.submit(target, person_of("ABCD-EFGH-2345"), a_response("Rater Q"))
    assert store.import_responses(target, [a_response("Rater Q", SOURCES[::-1])]) == 1
    names = {one.person for one in store.responses(target)}
    assert len(names) == 2 and "Rater Q" in names
    assert store.import_responses(target, [a_response("Rater Q", SOURCES[::-1])]) == 0


def test_nothing_is_stored_where_an_imported_answer_was_changed_without_a_new_revision(store, target):
    assert store.import_responses(target, [a_response("A")]) == 1
    with pytest.raises(StoreError, match="Revision 1 of `A`"):
        store.import_responses(target, [a_response("B"), a_response("A", SOURCES[::-1])])
    assert [one.person for one in store.responses(target)] == ["A"]
    assert store.import_responses(target, [a_response("A"), a_response("A", SOURCES[::-1], revision=2)]) == 1
    assert [one.revision for one in store.responses(target)] == [1, 2]


def test_imported_answers_can_be_removed(store, target):
    project = store.project_of_target(target)
    store.import_responses(target, [a_response("A"), a_response("B")])
    store.withdraw(project, store.imported(project)["A"])
    assert [one.person for one in store.responses(target)] == ["B"] and list(store.imported(project)) == ["B"]
