"""The view *The team* of the intuition page: covered, alone, few and many people, other lists, a score, tables."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.settings import demo_folder
from core.store import Inquiry
from core.survey.exchange import to_csv
from core.survey.instrument import shipped
from core.survey.responses import person_of
from core.target import load_target
from tests.pages.a_run import add_run
from tests.pages.conftest import SHELL
from tests.survey.people import SOURCES, a_response, five_people

CODES = [f"AAAA-BBBB-CCC{digit}" for digit in "23456789"]


@pytest.fixture(autouse=True)
def look_freely():
    """Here everything is covered as it is for users."""


@pytest.fixture
def target(store, project) -> str:
    """A target of a project whose data are not synthetic: what is covered there is covered."""
    id = store.save_target(project, load_target(demo_folder() / "tissue.toml"))
    store.save_inquiry(id, Inquiry(SOURCES, shipped().name))
    return id


def answer(store, target: str, *told) -> None:
    for code, one in zip(CODES, told, strict=False):
        store.submit(target, person_of(code), one)


def open_page(target: str, code: str = CODES[0], **link: str) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=60)
    at.session_state["person_code"] = code
    for name, value in {"target": target, "intuition_view": "The team", **link}.items():
        at.query_params[name] = value
    at.run()
    return run(at.switch_page("intuition.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def text_of(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption, *at.info])


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def test_what_others_say_is_covered_until_one_has_answered_or_skipped(store, target):
    answer(store, target, *five_people())
    at = open_page(target, code="ZZZZ-ZZZZ-ZZZZ")
    assert "5 people answered so far" in text_of(at) and not at.dataframe and not at.subheader
    assert not any(one.person in text_of(at) for one in five_people()) and not at.get("download_button")
    store.skip(target, person_of("ZZZZ-ZZZZ-ZZZZ"))
    assert open_page(target, code="ZZZZ-ZZZZ-ZZZZ").dataframe


def test_nobody_has_answered(store, target):
    store.skip(target, person_of(CODES[0]))
    at = open_page(target)
    assert "Nobody has answered yet" in text_of(at) and not at.dataframe and not at.get("download_button")


@pytest.mark.parametrize("people", [1, 2, 3, 5])
def test_few_and_many_people_over_five_sources(store, target, people):
    answer(store, target, *five_people()[:people])
    at = open_page(target)
    text, heads = text_of(at), [heading.value for heading in at.subheader]
    places = at.dataframe[0].value
    assert list(places[" "])[0] in ("RadImageNet", "ImageNet-1K") and places.shape == (5, people + 1)
    assert list(places.columns[1:]) == [one.person for one in five_people()[:people]]
    assert ("Where the team splits" in heads) == (people > 1)
    assert ("A figure of agreement is given from 3 people and 5 sources on" in text) == (people < 3)
    assert ("Kendall's W is" in text) == (people >= 3)
    assert "people may guess who a pseudonym is" in text
    assert at.get("vega_lite_chart") and "(you)" not in text


def test_splits_show_both_sides_with_their_reasons_and_the_ambiguous_words(store, target):
    answer(store, target, *five_people())
    text = text_of(open_page(target))
    assert "**RadImageNet**: 4 places apart; gain or loss, with 3 points between the ranges" in text
    assert "Rater A, place 1: “The domain gap is small”" in text
    assert "Rater C, place 5; first is ImageNet\\-1K: “=works everywhere”" in text
    assert r"A loss: Rater C \-5 points \(\-9 to \-1\), Rater D \-2 points" in text
    assert "Which property of which images" in text


def test_only_the_person_can_have_the_own_answers_marked(store, target):
    answer(store, target, *five_people())
    at = open_page(target, code=CODES[1])
    assert "Rater B" in at.dataframe[0].value.columns
    at.toggle(key="team_mine").set_value(True)
    assert "Rater B (you)" in run(at).dataframe[0].value.columns
    store.skip(target, person_of("ZZZZ-ZZZZ-ZZZZ"))
    assert not open_page(target, code="ZZZZ-ZZZZ-ZZZZ").toggle


def test_answers_about_other_sources_are_told_and_never_mixed(store, target):
    answer(store, target, *five_people()[:3], a_response("Rater X", SOURCES[:3]), a_response("Rater Y", SOURCES[:3]))
    at = open_page(target)
    assert "The 5 people did not all answer the same questions about the same sources" in text_of(at)
    assert list(at.dataframe[0].value.columns[1:]) == ["Rater A", "Rater B", "Rater C"]
    at.selectbox(key="team_group").select_index(1)
    assert list(run(at).dataframe[0].value.columns[1:]) == ["Rater X", "Rater Y"]
    assert "here are 2 people and 3 sources" in text_of(at)


def test_similarity_against_expectation_counts_the_pairs_that_go_the_other_way(store, target):
    answer(store, target, *five_people())
    at = open_page(target)
    text = text_of(at)
    assert "Relation: Rating against expectation (this team)." in text
    # means of A and C: likeness 1, 5, 2, 4, 1; gain 0, 0.5, -1, 2, 3, in the order of SOURCES
    assert "in **5 of 9 pairs** of sources" in text
    assert "RadImageNet is seen as more similar than CheXpert, and expected to be worse." in text
    at.segmented_control(key="team_expected").set_value("performance")
    assert "Nobody judged both of any source." in text_of(run(at))


def test_without_the_long_form_there_is_no_similarity_to_compare(store, target):
    answer(store, target, *[replace(one, form="short", answers=one.answers[:10]) for one in five_people()[1:2]])
    assert "Nobody rated similarity here" in text_of(open_page(target))


def test_expectations_stand_beside_a_score_and_not_an_outcome(store, target):
    answer(store, target, *five_people())
    assert "Nothing to compare yet" in text_of(open_page(target))
    add_run(store, target)
    at = open_page(target)
    text = text_of(at)
    assert "Relation: Expectation against a score (this team); not an outcome." in text
    # radimagenet +3: A 2 to 10, B 1 to 8 and E -1 to 3 hold it; chexpert -1: B -2 to 3
    assert "**4 of 7** expected ranges hold" in text and "there are none yet" in text
    measured = at.dataframe[-1].value.set_index("source")
    assert measured["value"].to_dict() == pytest.approx({"RadImageNet": 3, "CheXpert": -1})  # resnet18 is left out


def test_synthetic_data_are_never_covered(store):
    assert "Nobody has answered yet" in text_of(open_page(open_demo(store)))


def upload(at: AppTest, content: bytes) -> AppTest:
    at.file_uploader(key="team_file").set_value(("answers.csv", content, "text/csv"))
    return press(run(at), "Add these answers")


def test_answers_come_in_from_a_table_once_and_go_again(store, target):
    store.skip(target, person_of(CODES[0]))
    table = to_csv(five_people()).encode()
    at = upload(open_page(target), table)
    assert [one.person for one in store.responses(target)] == [f"Rater {letter}" for letter in "ABCDE"]
    upload(open_page(target), table)
    assert len(store.responses(target)) == 5
    at = open_page(target)
    assert at.get("download_button")
    at.selectbox(key="team_gone").select("Rater C")
    press(run(at), "Remove them")
    assert "Rater C" not in [one.person for one in store.responses(target)]


@pytest.mark.parametrize(("content", "what"), [
    (to_csv(five_people()).replace("confidence,3", "confidence,7", 1).encode(), "`confidence` is '7'"),
    ("\u00e4".encode("latin-1"), "no text in UTF-8"),
    (b"", "Columns are missing"),
])  # fmt: skip
def test_a_table_with_an_error_stores_nothing_and_says_what_is_wrong(store, target, content, what):
    at = upload(open_page(target), content)  # also for who has not answered yet
    assert what in at.error[0].value and "Nothing was stored." in text_of(at)
    assert store.responses(target) == []
