"""The evidence page: every study, the track record with and without the large sources, and the cover."""

import pytest
from streamlit.testing.v1 import AppTest

from core.evidence.outcomes import studies
from core.evidence.track import BASELINES, published_scores, summary, track_record
from core.evidence.views import verdicts
from core.metrics import METRICS
from pages import _state
from pages._evidence_outcomes import TITLES
from pages._text import plain
from tests.pages.conftest import SHELL


def open_page(**link: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params.update(link)
    at.run()
    return run(at.switch_page("evidence.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def text_of(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption])


def test_every_study_has_a_title():
    assert set(TITLES) == set(studies().studies)


@pytest.mark.parametrize("study", studies().studies.values(), ids=lambda study: study.key)
def test_every_study_is_shown_with_citation_data_sets_and_uncertainty(study):
    at = open_page()
    at.selectbox(key="evidence_study").select(study.key)
    text = text_of(run(at))
    found = verdicts(study.key)
    assert f"[{plain(study.citation)}]({study.address})" in text
    assert ("Unpublished, may change" in text) == study.changing
    assert f"from {found['origin'].nunique()} data sets" in text
    table = at.dataframe[0].value
    assert len(table) == len(found) and list(table["lead, AUC points"]) == [f"{lead:.2f}" for lead in found["lead"]]
    published = found[["std", "ci_low"]].notna().any(axis=None)
    assert published == ("not published" not in set(table["uncertainty of the best"]))
    unknown = found["negative"].isna().all()
    assert unknown == (set(table["below no source"]) == {"unknown"}) == ("worse than none is unknown" in text)


@pytest.mark.parametrize(("study", "told"), [
    ("juodelyte2024_datasets", "Spearman's rho 0."),
    ("juodelyte2024_architectures", "every network was trained on the same source"),
    ("vandenbrandt2021_cats", "the catalogue knows the size of 4"),
])  # fmt: skip
def test_larger_is_better_is_tested_where_sizes_are_known(study, told):
    at = open_page()
    at.selectbox(key="evidence_study").select(study)
    assert told in text_of(run(at))
    assert len(at.get("vega_lite_chart")) == (2 if "rho" in told else 1)


def test_the_track_record_stands_beside_the_baselines_and_says_of_each_whether_it_is_ours():
    at = open_page(evidence_view="Track record")
    table, means = at.table[0].value, summary(track_record())
    assert len(table) == len(published_scores()) + len(BASELINES)
    for score in published_scores().values():
        row = table.loc[score.name]
        assert row["weighted tau"] == f"{means.loc[score.key, 'tau']:.2f}"
        assert row["regret, AUC points"] == f"{means.loc[score.key, 'regret']:.2f}"
        assert row["record of ours?"] == (f"no: {score.differs}" if score.differs else "yes: the same formula")
    assert sum("baseline" in name for name in table.index) == len(BASELINES)
    text = text_of(at)
    assert "large sources from small ones" in text and "strong in this pool" in text
    without = next(one.value for one in at.markdown if "No record is borrowed" in one.value)
    published = {score.metric for score in published_scores().values()}
    assert all((metric.name in without) == (metric.key not in published) for metric in METRICS.values())


def test_without_the_large_sources_the_table_changes_and_so_does_its_reading():
    at = open_page(evidence_view="Track record")
    at.toggle(key="evidence_without_large").set_value(True)
    table, means = run(at).table[0].value, summary(track_record(without_large=True))
    assert table.loc["LEEP", "weighted tau"] == f"{means.loc['leep', 'tau']:.2f}"
    assert "no better than a random pick" in text_of(at)


@pytest.mark.parametrize("score", published_scores().values(), ids=lambda score: score.key)
def test_every_score_is_drawn_target_by_target(score):
    at = open_page(evidence_view="Track record")
    at.selectbox(key="evidence_score").select(score.key)
    assert score.implementation in text_of(run(at))
    assert len(at.get("vega_lite_chart")) == 1
    assert ("3 targets for which values are missing" in text_of(at)) == (score.key == "sfda")


@pytest.mark.parametrize("view", ["Outcomes", "Track record"])
def test_while_covered_nothing_is_shown(store, project, tmp_path, monkeypatch, view):
    monkeypatch.setattr(_state, "covered", lambda current: True)
    at = open_page(evidence_view=view)
    assert "stays covered until you have written down" in text_of(at)
    assert not at.get("vega_lite_chart") and not at.table and not at.dataframe
