"""The heuristics page: its cards, what they mean for the target in view, and the two case studies."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.sources.shortlist import IN, Step
from core.survey.heuristics import GROUPS, shipped
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
