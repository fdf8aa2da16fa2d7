"""The heuristics page: cards, what they and the team's own words mean for the target, case studies and the quiz."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.evidence import quiz
from core.images.medmnist_sets import medmnist_sets
from core.sources.shortlist import IN, Step
from core.survey.heuristics import GROUPS, shipped
from core.survey.instrument import Answer
from core.survey.responses import Response, person_of
from core.target import TargetTask
from pages import _state
from tests.pages.conftest import SHELL


def open_page(**link: str) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = value
    at.run()
    return run(at.switch_page("heuristics.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def text_of(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption])


@pytest.fixture
def target(store) -> str:
    return open_demo(store)


def shortlist(store, target: str, *keys: str) -> None:
    store.add_to_shortlist(target, [Step(key, IN, "other", "", datetime.now(UTC)) for key in keys])


def test_without_a_target_the_cards_can_be_read_and_say_nothing_of_now():
    at = open_page()
    assert "No target task is in view" in at.info[0].value
    assert [heading.value for heading in at.subheader] == list(GROUPS.values())
    assert all(card.sentence in text_of(at) for card in shipped().cards)
    assert "Here and now" not in text_of(at)


def test_every_figure_is_shown_with_kind_and_citation():
    text = text_of(open_page())
    assert text.count("Unpublished, may change") == 2  # the two files that the subgroup figures are read from
    assert "choice\\-intuitions @ b48ce42" in text
    assert "\u22120.11** correlation" in text and "Repository: van den Brandt" in text
    assert text.count("The grouping is that of a secondary summary") == 4


def test_without_sources_that_have_a_record_the_page_says_so(target):
    text = text_of(open_page(target=target))
    assert "no source with a record" in text
    assert "Scores computed for this target: 70." in text
    assert "Age, sex and origin" not in text


def test_the_cards_tell_of_the_sources_on_the_shortlist(store, target):
    shortlist(store, target, "imagenet_1k", "radimagenet", "nct_crc_he_100k", "chexpert")
    text = text_of(open_page(target=target))
    for line in (
        r"ImageNet\-1K is among the sources.",
        r"Another modality: ImageNet\-1K.",
        "Related, both medical images: RadImageNet, CheXpert.",
        r"Related, both histopathology: NCT\-CRC\-HE\-100K.",
        r"Everyday images: ImageNet\-1K.",
        r"Images, access. Gated: ImageNet\-1K, RadImageNet.",
        r"Something on age, sex or origin is in the record: CheXpert.",
        r"Age, sex and origin unknown: ImageNet\-1K, RadImageNet, NCT\-CRC\-HE\-100K.",
    ):
        assert line in text, line


def guess(at: AppTest, case: str, first: str, second: str) -> AppTest:
    for key, choice in ((f"case_{case}_Best_", first), (f"case_{case}_Second_{first}", second)):
        at.segmented_control(key=key).set_value(choice)
        run(at)
    next(button for button in at.button if button.label == "Show what was measured").click()
    return run(at)


def test_a_case_is_guessed_before_it_is_shown():
    at = open_page(heuristics_view="Case studies")
    assert next(button for button in at.button if button.label == "Show what was measured").disabled
    assert "0.9897" not in text_of(at) and not at.dataframe
    guess(at, "tissue", "Ecoset", "ImageNet-1K")
    assert "Your order: Ecoset, ImageNet-1K, RadImageNet." in text_of(at)
    assert "No two of them differ significantly" in text_of(at)
    assert "choice-intuitions" in text_of(at) and "@ 9d8b196" in text_of(at)
    pairs, values = (table.value for table in at.dataframe)
    assert list(values["name"][:3]) == ["ImageNet-1K (your 2nd)", "RadImageNet (your 3rd)", "Ecoset (your 1st)"]
    assert list(pairs[pairs["differ at 5 %"] == "yes"]["Holm p"]) == [".045", *["<.001"] * 6]


def test_each_case_has_its_own_guess_and_it_can_be_taken_back():
    at = guess(open_page(heuristics_view="Case studies"), "tissue", "Ecoset", "ImageNet-1K")
    at.segmented_control(key="heuristics_case").set_value("xray")
    run(at)
    assert not at.dataframe
    at = guess(at, "xray", "RadImageNet", "Ecoset")
    assert "none of the three was significantly better than a random start" in text_of(at)
    next(button for button in at.button if button.label == "Guess again").click()
    run(at)
    assert not at.dataframe
    at.segmented_control(key="heuristics_case").set_value("tissue")
    assert "Your order: Ecoset" in text_of(run(at))


def play(at: AppTest, pick: int) -> AppTest:
    """Answer the round in view with the source at a place, and see what was measured."""
    at.radio[0].set_value(at.radio[0].options[pick])
    run(at)
    press(at, "Show what was measured")
    return at


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def test_a_round_of_the_quiz_shows_nothing_measured_before_the_pick_and_all_of_it_after():
    asked = quiz.rounds(7)[0]
    at = open_page(heuristics_view="Guess the source", quiz_seed="7")
    assert f"Target 1 of 10: {medmnist_sets()[asked.target].title}" in at.subheader[0].value
    assert next(button for button in at.button if button.label == "Show what was measured").disabled
    assert not at.get("vega_lite_chart") and not at.metric
    play(at, 0)
    found = quiz.outcome(asked, asked.offered[0])
    assert at.get("vega_lite_chart")
    assert [metric.value for metric in at.metric] == [
        f"{value:.2f}" for value in (found.lost, found.usual, found.random)
    ]
    assert ("No clear winner:**" in text_of(at)) == (not found.clear)
    assert f"({quiz.cited().address})" in text_of(at) and "none was published" in text_of(at)


def test_the_score_of_a_game_sums_the_rounds_and_another_seed_is_another_game():
    at = play(open_page(heuristics_view="Guess the source", quiz_seed="7"), 0)
    play(press(at, "Next target"), 1)
    first, second = quiz.rounds(7)[:2]
    lost = [quiz.outcome(first, first.offered[0]).lost, quiz.outcome(second, second.offered[1]).lost]
    assert at.metric[0].value == f"{sum(lost):.2f}"
    assert f"{sum(lost) / 2:.2f} per round" in text_of(at)
    assert list(at.dataframe[0].value["you lost"]) == [round(value, 2) for value in lost]
    at.number_input(key="quiz_seed").set_value(8)
    assert not run(at).metric and "Target 1 of 10" in at.subheader[0].value
    at.number_input(key="quiz_seed").set_value(7)
    assert len(run(at).metric) == 3


def test_the_last_round_ends_the_game():
    at = open_page(heuristics_view="Guess the source", quiz_seed="3")
    for _ in range(9):
        press(play(at, 2), "Next target")
    assert "That was the last one" in text_of(play(at, 2))
    assert len(at.dataframe[0].value) == 10 and "Next target" not in [button.label for button in at.button]


def answer(store, target: str, person: str, *answers: Answer) -> None:
    response = Response("", "short", "sourcescout 1", ("imagenet_1k", "dtd"), True, 1, datetime.now(UTC), answers)
    store.submit(target, person_of(person), response)


@pytest.fixture
def own_target(store, project, tmp_path) -> str:
    """A target with notes."""
    task = TargetTask(name="Own", label_type="binary", images=tmp_path, format="folder", notes="We lack diversity.")
    return store.save_target(project, task)


def test_failure_signatures_quote_the_team_s_words_with_evidence_and_origin(store, own_target, monkeypatch):
    monkeypatch.setattr(_state, "covered", lambda current: False)
    step = Step("dtd", IN, "other", "everyone *uses* it", datetime.now(UTC))
    store.add_to_shortlist(own_target, [step])
    answer(store, own_target, "someone else", Answer("reason", "", "The domain gap is small"))
    text = text_of(open_page(target=own_target))
    assert "never a verdict" in text
    pseudonym = store.responses(own_target)[0].person
    assert f"“The domain gap is small” :gray[({pseudonym})]" in text
    assert r"“everyone \*uses\* it” :gray[(Shortlist)]" in text
    for signature in ("domain_gap", "habit"):
        one = shipped().signatures[signature]
        assert one.name in text and one.instead in text
        assert all(figure.says in text.replace("\u2212", "-") for figure in one.evidence)
    assert "Secondary: a summary of arXiv" in text and "Ours: SourceScout" in text
    assert shipped().signatures["drift"].instead not in text


def test_answers_of_people_stay_out_while_the_evidence_is_covered(store, own_target, monkeypatch):
    answer(store, own_target, "someone else", Answer("reason", "", "The domain gap is small"))
    monkeypatch.setattr(_state, "covered", lambda current: True)
    text = text_of(open_page(target=own_target))
    assert "The domain gap is small" not in text and "Answers of people stay out" in text
    assert "1 person has said on the page Intuition" in text
