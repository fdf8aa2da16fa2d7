"""The Words page, and words on other pages: look up, values at hand, what is ambiguous in a text being written."""

from datetime import datetime

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.sources.catalogue import catalogue
from core.sources.shortlist import Step
from core.survey.glossary import shipped
from core.target import TargetTask
from pages import _state
from pages._registry import BUILT
from pages._words import WORDS_HERE
from tests.pages.conftest import SHELL

TISSUE = "demo-tissue"
TERMS = list(shipped().entries)


@pytest.fixture
def demo(store) -> None:
    open_demo(store)


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def open_page(file: str = "words.py", **link: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params["target"] = TISSUE
    at.run()
    at.query_params.update(link)
    return run(at.switch_page(file))


def text_of(at: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*at.markdown, *at.caption, *at.subheader])


def test_without_a_project_all_words_are_there_and_open(store):
    at = open_page()
    assert {button.label for button in at.button} >= set(TERMS)
    next(button for button in at.button if button.label == "size").click()
    at = run(at)
    assert at.subheader[0].value == "size" and "Counted where" in text_of(at)
    assert "No source is on the shortlist" in text_of(at) and not at.table
    next(button for button in at.button if button.label == "All words").click()
    assert {button.label for button in run(at).button} >= set(TERMS)


def test_every_word_opens_with_all_that_is_said_of_it_and_where_that_was_read(demo):
    at = open_page(term=TERMS[0])
    for term, one in shipped().entries.items():
        text = text_of(at)
        assert at.subheader[0].value == term and one.definition in text and one.here in text
        for statement in one.also_meant:
            assert statement.text in text and (statement.by is None or f"]({statement.by.address})" in text)
        following = TERMS[(TERMS.index(term) + 1) % len(TERMS)]
        at.selectbox(key="term").select(following)
        run(at)


def test_another_spelling_opens_the_same_word(demo):
    assert open_page(term="domain shift").subheader[0].value == "domain gap"


def test_size_shows_the_training_images_of_the_target_and_what_records_of_the_shortlist_print(demo, store):
    steps = [Step(key, "in", "other", "", datetime(2026, 11, 21)) for key in ("chexpert", "imagenet_1k")]
    store.add_to_shortlist(TISSUE, steps)
    table = open_page(term="size").table[0].value
    assert len(table) == 3
    plan = store.runs(TISSUE)[0].summary
    assert table["Images"].iloc[0] == f"{plan['part']['n']} in its training part"
    assert f"the smallest with {min(plan['sample']['counts'].values())} images" in table["Classes"].iloc[0]
    assert "groups" in table["Patients"].iloc[0]
    assert f"{catalogue()['chexpert'].value('images'):,}" in table["Images"].iloc[1]
    assert f"{catalogue()['chexpert'].value('patients'):,}" in table["Patients"].iloc[1]


def test_sources_that_are_compared_come_with_their_distance_in_meaning(demo):
    at = open_page("similarity.py")
    at.session_state["similarity_sources"] = ["nct_crc_he_100k", "imagenet_1k"]
    run(at)
    compared = at.dataframe[0].value.set_index("Source")
    at.query_params["term"] = "semantic similarity"
    table = run(at.switch_page("words.py")).table[0].value
    for name in ("NCT-CRC-HE-100K", "ImageNet-1K"):
        row = table.loc[name.replace("-", r"\-")]
        told = f"{compared.loc[name, 'Distance']:.2f} ({compared.loc[name, 'Range']})"
        assert row["Distance in meaning"] == told


def test_the_target_tells_what_its_images_do(demo):
    row = open_page(term="visual similarity").table[0].value.iloc[0]
    assert row["Resolution"] == "96 x 96 pixels" and row["Colour"] == "colour"


def test_a_metric_comes_with_the_scores_of_the_run_and_what_chance_gives(demo, store):
    shown = open_page(term="linear probe").dataframe[0].value.set_index("candidate")
    run_id = store.runs(TISSUE)[0].id
    scored = {one["candidate"]: one for one in store.scores(run_id) if one["metric"] == "linear_probe"}
    assert set(shown.index) == set(scored)
    for name, one in scored.items():
        assert tuple(shown.loc[name, ["value", "null", "p"]]) == (one["value"], one["null"], one["p"])


def test_a_sentence_is_answered_with_the_questions_of_its_ambiguous_words(demo):
    at = open_page()
    at.text_area(key="words_sentence").set_value("The domain gap is small, because they look alike.")
    text = text_of(run(at))
    for term in ("domain gap", "visual similarity"):
        assert f"**{term}** can mean several things" in text
        assert all(question in text for question in shipped().entries[term].questions)
    at.button(key="words_more_visual similarity").click()
    assert run(at).subheader[0].value == "visual similarity"
    at.text_area(key="words_sentence").set_value("Trained for 20 epochs.")
    assert "None of the ambiguous words" in text_of(run(at))


def test_every_view_that_a_word_names_exists(demo):
    named = {view for one in shipped().entries.values() for view in one.measured_by.views}
    files = {step.key: step.file for step in BUILT}
    for page in {view.partition("/")[0] for view in named}:
        at = open_page(files[page])
        views = {view.partition("/")[2] for view in named if view.startswith(f"{page}/")}
        assert not views or views <= set(at.segmented_control(key=f"{page}_view").options)


@pytest.mark.parametrize(
    ("view", "term"),
    [
        ("Meaning", "semantic similarity"),
        ("Looks", "visual similarity"),
        ("To a network", "embedding similarity"),
        ("Side by side", "similarity"),
    ],
)
def test_every_view_of_the_similarity_page_links_to_its_word(demo, view, term):
    links = [link.proto for link in open_page("similarity.py", similarity_view=view).get("page_link")]
    link = next(link for link in links if link.label == f"What is meant by {term}?")
    assert link.help == shipped().entries[term].definition


def test_the_words_of_every_view_are_in_the_glossary():
    assert all(terms and set(terms) <= set(shipped().entries) for terms in WORDS_HERE.values())


@pytest.mark.parametrize("page", ["overview", *(step.key for step in BUILT)])
def test_every_view_of_every_page_opens_the_definitions_of_its_words(demo, page):
    views = [view for view in WORDS_HERE if view.partition("/")[0] == page]
    at = open_page(f"{page}.py")
    if views != [page]:
        assert [f"{page}/{name}" for name in at.segmented_control(key=f"{page}_view").options] == views
    for view in views:
        if view != page:
            at.segmented_control(key=f"{page}_view").set_value(view.partition("/")[2])
            run(at)
        told = text_of(at)
        for term in WORDS_HERE[view]:
            address = f"words?project=demo&target={TISSUE}&term={term.replace(' ', '+')}"
            assert f"**[{term}]({address})**: {shipped().entries[term].definition}" in told


def test_an_ambiguous_word_is_pointed_out_below_the_field_that_it_is_typed_into(demo):
    at = open_page("sources.py", sources_view="Shortlist")
    assert "What is meant here?" not in text_of(at)
    at.text_input(key="shortlist_why").set_value("The domain gap is small")
    hint = next(one for one in run(at).caption if "What is meant here?" in one.value)
    gap = shipped().entries["domain gap"]
    assert all(question in hint.value for question in gap.questions) and gap.definition in hint.proto.help
    at.text_input(key="shortlist_why").set_value("900 patients")
    assert "What is meant here?" not in text_of(run(at))


def test_the_notes_of_a_target_are_asked_back(store, project):
    at = open_page("target.py")
    next(area for area in at.text_area if area.label == "Notes").set_value("Of poor image quality")
    assert all(question in text_of(run(at)) for question in shipped().entries["image quality"].questions)


def test_distances_stay_covered_until_they_are_opened(store, project, tmp_path, monkeypatch):
    task = TargetTask(name="Own", label_type="binary", images=tmp_path, format="folder", modality="CT")
    target = store.save_target(project, task)
    store.add_to_shortlist(target, [Step("chexpert", "in", "other", "", datetime(2026, 11, 21))])
    monkeypatch.setattr(_state, "covered", lambda current: True)
    at = open_page(term="semantic similarity", target=target)
    assert "Modality" in at.table[0].value and "Distance in meaning" not in at.table[0].value
    assert "stay covered" in text_of(at)
    monkeypatch.setattr(_state, "covered", lambda current: False)
    assert "Distance in meaning" in run(at).table[0].value and "stay covered" not in text_of(at)


def test_scores_stay_covered_until_they_are_opened(demo, monkeypatch):
    assert open_page(term="linear probe").dataframe
    monkeypatch.setattr(_state, "covered", lambda current: True)
    at = open_page(term="linear probe")
    assert not at.dataframe and "stay covered" in text_of(at)
