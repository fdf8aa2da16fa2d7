"""The Similarity page, in meaning: from records, with weights and what people set; and from people's answers."""

from dataclasses import replace
from datetime import datetime

import pytest
from streamlit.testing.v1 import AppTest

from core.comparison import sentences
from core.demo import PROJECT_ID, open_demo
from core.similarity.questionnaire import TARGET, Answer, shipped
from core.similarity.taxonomy import shipped as taxonomy
from core.sources.catalogue import catalogue
from core.sources.shortlist import Step
from core.store import data_set_of
from tests.pages.conftest import SHELL

TISSUE = "demo-tissue"
THREE = ["chexpert", "nct_crc_he_100k", "imagenet_1k"]


@pytest.fixture
def demo(store) -> None:
    open_demo(store)


def open_page(sources=THREE) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params["target"] = TISSUE
    at.run()
    if sources:
        at.session_state["similarity_sources"] = sources
    return run(at.switch_page("similarity.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def named(elements, label: str):
    return next(element for element in elements if element.label == label)


def press(at: AppTest, label: str) -> AppTest:
    named(at.button, label).click()
    return run(at)


def text_of(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.info, *at.error, *at.subheader, *at.toast]
    return "\n".join(str(part.value) for part in parts)


def answer(at: AppTest):
    return at.dataframe[0].value.set_index("Source")


def why(at: AppTest):
    return at.table[0].value


def test_without_a_target_the_page_says_where_to_begin(project):
    at = AppTest.from_file(str(SHELL), default_timeout=60).run()
    run(at.switch_page("similarity.py"))
    assert "No target task is in view" in text_of(at)


def test_without_a_shortlist_the_page_asks_for_sources_and_reminds_first(demo):
    at = open_page(sources=None)
    assert "Choose sources above" in text_of(at) and not at.dataframe
    assert "-0.11 (p = 0.61)" in at.info[0].value and "+0.24 (p = 0.26)" in at.info[0].value
    assert "arXiv:2107.05940" in at.info[0].value
    assert len(answer(press(at, "The whole catalogue"))) == len(catalogue())


def test_the_shortlist_is_what_is_compared_at_first(demo, store):
    when = datetime(2026, 11, 21)
    store.add_to_shortlist(TISSUE, [Step(key, "in", "other", "", when) for key in ("dtd", "kimiapath960")])
    at = open_page(sources=None)
    assert set(answer(at).index) == {"DTD (Describable Textures Dataset)", "KIMIA Path960"}


def test_sources_are_in_the_order_of_their_distance_with_the_range_that_stays_open(demo):
    at = open_page()
    table = answer(at)
    assert list(table.index)[0] == "NCT-CRC-HE-100K" and table["Distance"].is_monotonic_increasing
    low, high = (float(part) for part in table.loc["NCT-CRC-HE-100K", "Range"].split(" to "))
    assert low < table.loc["NCT-CRC-HE-100K", "Distance"] < high
    assert table.loc["NCT-CRC-HE-100K", "Words"] > table.loc["CheXpert", "Words"]
    assert r"**NCT\-CRC\-HE\-100K** is nearest" in text_of(at)


def test_why_shows_every_property_and_what_no_taxonomy_knows(demo):
    at = open_page()
    table = why(at)
    assert list(table.index) == [about.title for about in taxonomy().properties.values()]
    assert "match" in table.loc["Colour", "How alike"]
    assert "Glandular tissue" in table.loc["Anatomy", "Target"] and "unknown" in table.loc["Anatomy", "How alike"]
    assert "from the modality" in table.loc["Acquisition", "Target"]
    assert "our reading of" in table.loc["Object or texture"].iloc[1]


def test_what_is_unknown_can_be_set_is_kept_and_can_be_unset(demo, store):
    at = open_page()
    before = answer(at).loc["NCT-CRC-HE-100K"]
    key = f"place_{data_set_of(TISSUE)}_anatomy"
    at.selectbox(key=key).select("colon")
    run(at)
    assert store.placed(PROJECT_ID) == {data_set_of(TISSUE): {"anatomy": "colon"}}
    assert "set here" in why(at).loc["Anatomy", "Target"] and "match" in why(at).loc["Anatomy", "How alike"]
    assert answer(at).loc["NCT-CRC-HE-100K", "Unknown"] == before["Unknown"] - 1
    at = open_page()
    assert at.selectbox(key=key).value == "colon"
    at.selectbox(key=key).select("unknown")
    run(at)
    assert store.placed(PROJECT_ID) == {} and answer(at).loc["NCT-CRC-HE-100K", "Range"] == before["Range"]


def test_changed_weights_are_said_change_the_distance_and_go_back_by_a_click(demo):
    at = open_page()
    before = answer(at)["Distance"]
    at.slider(key="weight_label_type").set_value(2.0)
    run(at)
    assert "label type 2 (default 0.5)" in text_of(at)
    assert answer(at)["Distance"]["CheXpert"] != before["CheXpert"]
    press(at, "Default weights")
    assert "default 0.5" not in text_of(at) and answer(at)["Distance"].equals(before)
    for about in taxonomy().properties:
        at.slider(key=f"weight_{about}").set_value(0.0)
    run(at)
    assert "All weights are 0" in at.error[0].value and not at.dataframe


def test_a_target_of_which_nothing_is_known_says_so(demo, store):
    task = store.targets(PROJECT_ID)[TISSUE]
    store.save_target(PROJECT_ID, replace(task, modality="", anatomy="", color=""), TISSUE)
    at = open_page(["tcga_histology"])
    assert "nothing can be said" in text_of(at)
    assert answer(at).loc["TCGA slides (The Cancer Genome Atlas)", "Range"] == "0.00 to 1.00"
    assert "What unrelated texts give is unknown" in text_of(at)


# From people ---------------------------------------------------------------------------------------------------------


def people(sources=THREE) -> AppTest:
    at = open_page(sources)
    at.session_state["meaning_by"] = "From people"
    return run(at)


def describe(at: AppTest, person: str, data_set: str, **told: str) -> AppTest:
    at.text_input(key="people_person").set_value(person)
    at.selectbox(key="people_data_set").select(data_set)
    run(at)
    for question, value in told.items():
        at.pills(key=f"people_{person}_{data_set}_{question}").set_value(value)
    return press(at, "Save")


def test_two_people_describe_the_target_and_a_source(demo, store):
    at = people()
    assert "Nobody has described both" in text_of(at)
    describe(at, "P1", TARGET, medical="yes", colour="many", texture="texture")
    describe(at, "P1", "imagenet_1k", medical="no", colour="many", texture="both")
    describe(at, "P2", TARGET, medical="yes", colour="cannot judge")
    describe(at, "P2", "imagenet_1k", medical="no", colour="many")
    assert len(store.answers(PROJECT_ID)) == 10
    row = at.dataframe[0].value.set_index("Source").loc["ImageNet-1K"]
    one, other = (10 / 3 * 1.25) ** 0.5, 10**0.5
    assert (row["People"], row["Answered"]) == (2, "3/10, 1/10")
    assert (row["P1"], row["P2"], row["Mean"]) == pytest.approx((one, other, (one + other) / 2))
    agreed = at.dataframe[1].value.set_index("Characteristic")
    assert (agreed.loc["Medical", "Same answer"], agreed.loc["Medical", "Pairs"]) == (1, 2)
    assert agreed["Alpha"].isna().all()
    assert "P2 has answered" in text_of(at) and "ImageNet\\-1K 2/10" in text_of(at)


def test_answers_are_there_again_can_be_corrected_and_taken_back(demo, store):
    describe(people(), "P1", "chexpert", medical="no", colour="one")
    at = describe(people(), "P1", "chexpert", medical="yes")
    assert at.pills(key="people_P1_chexpert_colour").value == "one"
    assert {one.question: one.answer for one in store.answers(PROJECT_ID)} == {"medical": "yes", "colour": "one"}
    at.selectbox(key="people_gone").select("P1")
    run(at)
    press(at, "Remove answers")
    assert store.answers(PROJECT_ID) == []


def test_answers_on_the_target_stay_with_it_and_those_on_sources_serve_all_targets(demo, store):
    version = shipped().version
    told = [Answer("P1", data_set_of("demo-radiograph"), "medical", "yes", version),
            Answer("P1", "chexpert", "medical", "yes", version)]  # fmt: skip
    store.add_answers(PROJECT_ID, told)
    at = people()
    at.text_input(key="people_person").set_value("P1")
    run(at)
    assert r"Tissue patches \(synthetic\) 0/10" in text_of(at) and "CheXpert 1/10" in text_of(at)


def test_a_sentence_encoder_adds_a_column_with_its_floor(demo, tmp_path, monkeypatch):
    model = tmp_path / "mini"
    model.mkdir()
    (model / "modules.json").write_text('[{"type": "sentence_transformers.models.Transformer"}]')
    (model / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(sentences, "_encoded", lambda folder, texts: [[1.0, 0.0], *[[0.6, 0.8]] * (len(texts) - 1)])
    at = open_page()
    named(at.text_input, "Folder of the encoder").set_value(str(tmp_path / "none"))
    assert "holds no sentence encoder" in text_of(run(at))
    named(at.text_input, "Folder of the encoder").set_value(str(model))
    assert "Sentences" not in answer(run(at))
    at = run(press(at, "Read the descriptions"))
    assert answer(at)["Sentences"].tolist() == pytest.approx([0.6] * 3)
    assert "how close mini places" in text_of(at) and "0.60 at most" in text_of(at)


def test_without_the_package_the_page_says_how_to_get_it(demo, monkeypatch):
    monkeypatch.setattr(sentences, "installed", lambda: False)
    at = open_page()
    assert "pip install sentence-transformers" in text_of(at)
    assert all(box.label != "Folder of the encoder" for box in at.text_input)
