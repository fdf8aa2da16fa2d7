"""The exported page: it needs nothing else, gives nothing away, and says what the ranking says."""

import json
import re
from functools import cache
from html.parser import HTMLParser

import pytest

from core.demo import shipped_plan
from core.metrics import METRICS
from core.report.ranking import (
    CELLS,
    NUMBERS,
    PAIRS,
    agreement_sentences,
    answer,
    answers,
    columns_of,
    ranking_html,
    without_paths,
)
from core.scoring import spool
from core.scoring.agreement import agreement
from core.scoring.overview import first_metrics, sentences, side_by_side
from core.scoring.plan import summary
from core.scoring.ranking import ACROSS, describe, metrics_in, ranking
from core.settings import RESEARCH_USE, demo_folder
from tests.scoring.conftest import *  # noqa: F403  (the tiny target)
from tests.scoring.conftest import network

HOSTILE = "<script>alert(1)</script>&\"'`"


class Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, the text, and the cells of all table rows."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.text, self.rows = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.tags and self.tags[-1][0] == "td":
            self.rows[-1][-1] += data.strip()


def shipped(name: str) -> tuple[dict, list[dict]]:
    return shipped_plan(name), list(spool.read_results(demo_folder() / "runs" / name).values())


@pytest.fixture(params=["tissue", "radiograph"])
def demo_name(request):
    return request.param


@pytest.fixture
def demo(demo_name):
    return shipped(demo_name)


@cache
def html_of(name: str) -> str:
    return ranking_html(*shipped(name))


@pytest.fixture
def html(demo_name):
    """The page of that demo, as it is: making it takes seconds."""
    return html_of(demo_name)


def test_it_needs_nothing_else(html):
    assert "http" not in re.sub(r"http://www\.w3\.org/\S*", "", html)
    page = Page(html)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    loaded = [value for _, facts in page.tags for key, value in facts.items() if key in ("src", "href", "xlink:href")]
    assert not [value for value in loaded if not value.startswith("#")]
    assert "url(" not in re.sub(r"url\(#", "", html)


def test_it_says_what_it_is_for_and_on_which_images_it_rests(demo, html):
    plan, _ = demo
    text = " ".join(Page(html).text.split())
    assert RESEARCH_USE in text
    assert "Synthetic data:" in text
    assert f"{plan['sample']['n']} of {plan['part']['n']} images" in text
    assert plan["part"]["hash"] in text and plan["sample"]["hash"] in text
    assert all(candidate["identity"] in text for candidate in plan["candidates"])
    assert all(score["key"] in text for candidate in plan["candidates"] for score in candidate["scores"])
    assert text.count("import torch") >= len(plan["candidates"])


def test_real_data_is_not_called_synthetic():
    plan, results = shipped("tissue")
    plan["target"] |= {"synthetic": False}
    assert "Synthetic data:" not in ranking_html(plan, results)


def test_what_makes_numbers_optimistic_is_said():
    plan, results = shipped("tissue")
    plan |= {"grouped": False, "part": plan["part"] | {"locked": False}}
    text = Page(ranking_html(plan, results)).text
    assert "No test part is locked" in text and "No patient groups are known" in text
    assert "No test part is locked" not in html_of("tissue")


def test_its_numbers_are_those_of_the_ranking(demo, html):
    plan, results = demo
    page = Page(html)
    rows = [row for row in page.rows if row]
    for metric in metrics_in(plan):
        names = list(columns_of(describe(metric)))
        assert ("architecture" in names) == describe(metric).one_architecture
        frame = ranking(plan, results, metric)
        shown, rows = rows[: len(frame)], rows[len(frame) :]
        assert [row[names.index("candidate")] for row in shown] == frame["candidate"].tolist()
        for name in NUMBERS:
            values = [float(row[names.index(name)] or "nan") for row in shown]
            assert values == pytest.approx(frame[name].tolist(), abs=5.1e-5, nan_ok=True), (metric, name)
        assert all(text in page.text for text in answers(frame, describe(metric)))
    assert rows == []


def test_it_begins_with_the_first_view_the_matrix_and_the_agreement(demo, html):
    plan, results = demo
    text = Page(html).text
    scores = side_by_side(plan, results, metrics_in(plan))
    first = side_by_side(plan, results, first_metrics(plan))
    assert all(f"{name}: {sentence}" in text for name, sentence in sentences(first).items())
    assert all(sentence in text for sentence in agreement_sentences(agreement(scores)))
    assert html.index("First view") < html.index("All metrics") < html.index("Agreement between metrics")
    assert CELLS in text and PAIRS in text
    assert (ACROSS in text) == ("gradient_ratio" in metrics_in(plan))


def test_candidates_of_several_architectures_get_an_answer_each():
    frame = frame_of([result(name, value, 0.01) for name, value in {"a": 0.9, "b": 0.5, "c": 0.7}.items()])
    frame["architecture"] = frame["candidate"].map({"a": "x", "b": "x", "c": "y"})
    assert answers(frame, METRICS["gradient_ratio"]) == [
        "x: a comes first.", "y: c is the only one with a value, so there is nothing to compare it with.",
    ]  # fmt: skip
    assert answers(frame, METRICS["logme"]) == ["a comes first."]


def test_hostile_names_are_only_text():
    plan, results = shipped("tissue")
    text = json.dumps([plan, results]).replace("Synthetic textures", json.dumps(HOSTILE)[1:-1])
    plan, results = json.loads(text)
    plan["target"] |= {"name": HOSTILE, "class_names": [HOSTILE, *plan["target"]["class_names"][1:]]}
    html = ranking_html(plan, results)
    assert "<script" not in html
    assert HOSTILE in Page(html).text
    assert HOSTILE in sentences(side_by_side(plan, results, first_metrics(plan)))


def test_it_holds_no_path_of_this_machine(demo, tmp_path):
    plan, results = demo
    plan["candidates"][0] |= {"error": {
        "message": f"`{tmp_path}/john doe/net.pth` cannot be read: no such file {tmp_path}/other/net.pth.",
        "remedy": r"Look at C:\Users\jane\net.pth; then and/or press 1/2.",
    }}  # fmt: skip
    plan["candidates"][0].pop("identity")
    html = ranking_html(plan | {"features_folder": str(tmp_path)}, results)
    for private in (str(demo_folder()), str(tmp_path), "john doe", "jane"):
        assert private not in html
    text = Page(html).text
    assert "`net.pth` cannot be read: no such file net.pth." in text
    assert "Look at net.pth; then and/or press 1/2." in text
    assert "objects.safetensors" in text


def test_taking_paths_out_leaves_the_plan_as_it_was():
    plan, _ = shipped("tissue")
    before = json.dumps(plan)
    assert without_paths(plan)["candidates"][0]["checkpoint"]["weights"] == "objects.safetensors"
    assert json.dumps(plan) == before


def test_a_run_that_has_only_begun_has_a_page_too(task, plan_of, tmp_path):
    plan = summary(plan_of(task, [network(), network("gone", weights=str(tmp_path / "gone.pth"))]))
    text = Page(ranking_html(json.loads(json.dumps(plan)), [])).text
    assert "No candidate has a value." in text
    assert "Not computed." in text
    assert "gone.pth" in text and str(tmp_path) not in text


def result(name: str, value: float, width: float, verdict: str = "reliable") -> dict:
    return {"candidate": name, "metric": "logme", "value": value, "low": value - width, "high": value + width,
            "verdict": verdict, "reason": "Because."}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "width", "sentence"),
    [
        ({"a": 0.9, "b": 0.5, "c": 0.1}, 0.01, "a comes first."),
        ({"a": 0.9, "b": 0.5, "c": 0.1}, 0.3, "a comes first, but cannot be told from b."),
        ({"a": 0.3, "b": 0.5, "c": 0.1}, 0.5, "b comes first, but cannot be told from a and c. a has no pretraining"),
        ({}, 0.0, "No candidate has a value."),
    ],
)
def test_the_answer_names_the_first_and_who_is_tied_with_it(values, width, sentence):
    assert answer(frame_of([result(name, value, width) for name, value in values.items()])).startswith(sentence)


def test_the_answer_names_nobody_when_all_are_like_chance():
    frame = frame_of([result(name, 0.01, 0.1, "not meaningful here") for name in "abc"])
    assert answer(frame).startswith("No candidate can be told from chance")


def frame_of(results: list[dict]):
    def candidate(name):
        weights = "random" if name == "a" and results and results[0]["value"] == 0.3 else "timm"
        return {"name": name, "checkpoint": {"architecture": "x", "library": "timm", "weights": weights}}

    return ranking({"candidates": [candidate(name) for name in "abc"]}, results, "logme")
