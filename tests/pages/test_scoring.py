"""The scoring page: what it needs first, what a run will cost, how it stands, and the ranking with all its cautions."""

import dataclasses
import io
import re
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.evidence.track import published_for
from core.metrics import METRICS, PRODUCT
from core.report.ranking import NO_GROUPS, NO_TEST_PART
from core.scoring import runner, spool
from core.scoring.agreement import MEANING
from core.scoring.plan import score_keys, summary
from pages import _scoring_ranking, _scoring_run, _state
from tests.pages.conftest import SHELL
from tests.scoring.conftest import *  # noqa: F403  (the tiny target)
from tests.scoring.conftest import network


@pytest.fixture
def target(project, task) -> str:
    return _state.store().save_target(project, task)


@pytest.fixture
def demo() -> str:
    return open_demo(_state.store())


def show(target: str | None = None, view: str | None = None, **link: str) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=120)
    for name, value in ({"target": target} if target else {}).items() | link.items():
        at.query_params[name] = value
    if view:
        at.session_state["scoring_view"] = view
    return run(at.run().switch_page("scoring.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> AppTest:
    widget(at, "button", label).click()
    return run(at)


def widget(at: AppTest, kind: str, label: str):
    return next(found for found in at.get(kind) if found.label == label)


def labels(at: AppTest, kind: str) -> list[str]:
    return [found.label for found in at.get(kind)]


def text_of(at: AppTest) -> str:
    elements = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.info, *at.error]
    return "\n".join(str(element.value) for element in elements)


def compute_only(at: AppTest, *metrics: str) -> AppTest:
    for label in _scoring_run.METRIC_GROUPS.values():
        if label in labels(at, "button_group"):
            offered = widget(at, "button_group", label)
            offered.set_value([key for key in metrics if METRICS[key].name in offered.options])
            at = run(at)
    return at


def register(project: str, *checkpoints) -> None:
    for checkpoint in checkpoints:
        _state.store().save_checkpoint(project, checkpoint)


def keep_run(target: str, plan: dict, results: list[dict], name: str = "run") -> Path:
    """A finished run as the app keeps it, with these results."""
    folder = runner.run_folder(plan).parent / name
    runner.prepare(plan, folder)
    for result in results:
        spool.write_result(folder, result)
    _state.store().add_run(name, target, folder, summary(plan))
    return folder


def results_of(plan: dict, values: dict[str, float], width: float = 0.01, **facts) -> list[dict]:
    """A result for every score of the plan: `values` by candidate, whatever the metric."""
    return [
        {"key": score["key"], "metric": score["metric"], "candidate": candidate["name"], "null": 0.0, "null_sd": 0.01,
         "value": values[candidate["name"]], "low": values[candidate["name"]] - width,
         "high": values[candidate["name"]] + width, "p": 0.005, "verdict": "reliable", "reason": "Fine.", **facts}
        for candidate in plan["candidates"] for score in candidate["scores"] if candidate["name"] in values
    ]  # fmt: skip


VALUES = {"random 0": 0.1, "random 1": 0.3}


# What it needs first --------------------------------------------------------------------------------------------------


def test_without_a_target_it_sends_to_the_target_page(project):
    at = show(project=project)
    assert "No target task is in view" in at.info[0].value
    assert not at.button


def test_without_candidates_it_sends_to_the_sources_page(target):
    at = show(target)
    assert "no candidates yet" in at.info[0].value
    assert "Start" not in labels(at, "button")


def test_without_scores_the_ranking_says_how_to_get_some(target):
    assert "no scores yet" in show(target, "Ranking").info[0].value


def test_without_torch_nothing_can_be_started_and_the_ranking_still_shows(demo, monkeypatch):
    for page in (_scoring_run, _scoring_ranking):
        monkeypatch.setattr(page, "torch_installed", lambda: False)
    at = show(demo, "Run")
    assert "PyTorch is not installed" in at.info[0].value
    assert "Start" not in labels(at, "button")
    at = show(demo, "Ranking")
    assert widget(at, "button", "Run again here").disabled
    assert len(at.dataframe[0].value) == 5


def test_an_unreadable_target_says_what_to_do(target, project, images):
    register(project, network())
    shutil.rmtree(images)
    at = show(target, "Run")
    assert "What to do" in at.error[0].value


# Before a run ---------------------------------------------------------------------------------------------------------


def test_metrics_that_do_not_apply_say_why(demo):
    at = show("demo-radiograph", "Run")
    offered = [name for label in _scoring_run.METRIC_GROUPS.values() if label in labels(at, "button_group")
               for name in widget(at, "button_group", label).options]  # fmt: skip
    assert sorted(offered) == sorted(m.name for m in METRICS.values() if "multi-label" in m.label_types)
    withheld = METRICS["gradient_ratio"]
    assert f"{withheld.name} is not offered. {withheld.why_not['multi-label']}" in text_of(at)


def test_the_plan_tells_what_is_cached_and_what_will_be_computed(target, project, task, plan_of):
    both = network(), network("random 1", 1)
    register(project, *both)
    plan = plan_of(task, list(both), metrics=list(METRICS))
    keep_run(target, plan, [r for r in results_of(plan, {"random 0": 0.1}) if r["metric"] != "nca"])
    at = show(target, "Run")
    table = at.dataframe[0].value.set_index("Candidate")
    assert table["Scores to compute"].to_dict() == {
        "random 0": f"1 of {len(METRICS)}", "random 1": f"{len(METRICS)} of {len(METRICS)}",
    }  # fmt: skip
    assert set(table["Features"]) == {"to extract"}
    assert set(table["Time"]) == {"unknown until it is checked"}
    assert "48 of 48 images" in text_of(at) and NO_TEST_PART in text_of(at)
    assert "Start" in labels(at, "button")


def test_a_checked_candidate_has_an_estimate_of_its_time(target, project):
    report = {"ok": True, "error": None, "images_per_second": 2.0, "feature_dim": 384, "memory_mb": 100.0}
    _state.store().save_checkpoint(project, network(), report)
    at = show(target, "Run")
    assert at.dataframe[0].value["Time"].iloc[0].startswith("about ")
    assert "Together about" in text_of(at)
    for metric in METRICS.values():
        assert f"{metric.name} about " in text_of(at), "what each metric takes"


def test_a_candidate_that_cannot_be_read_is_left_out_with_its_reason(target, project, tmp_path):
    register(project, network(), network("gone", weights=str(tmp_path / "gone.pth")))
    table = show(target, "Run").dataframe[0].value.set_index("Candidate")
    assert table["Scores to compute"]["gone"] == "left out"
    assert "cannot be read" in table["Note"]["gone"]


def test_choosing_nothing_starts_nothing(target, project):
    register(project, network())
    at = show(target, "Run")
    widget(at, "button_group", "Candidates").set_value([])
    run(at)
    assert "at least one candidate" in text_of(at)
    assert "Start" not in labels(at, "button")


def test_another_weights_file_is_planned_anew_at_once(target, project, tmp_path):
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"one")
    register(project, network("file", weights=str(weights)))
    at = show(target, "Run")
    assert "Note" not in at.dataframe[0].value
    weights.unlink()
    assert "cannot be read" in run(at).dataframe[0].value["Note"][0]


def test_what_is_computed_already_is_shown_and_not_run(target, project, task, plan_of):
    both = network(), network("random 1", 1)
    register(project, *both)
    plan = plan_of(task, list(both), metrics=list(METRICS))
    keep_run(target, plan, results_of(plan, VALUES))
    at = show(target, "Run")
    assert "Everything is computed already." in text_of(at)
    at = run(press(at, "Show the ranking"))
    assert "`random 1` comes first." in text_of(at)
    assert not runner.alive(runner.run_folder(plan))


# A run ----------------------------------------------------------------------------------------------------------------


def test_a_run_is_started_watched_and_read(target, project, task):
    register(project, network(), network("random 1", 1))
    at = show(target, "Run")
    at = press(compute_only(at, "logme", "knn"), "Start")
    (kept,) = _state.store().runs(target)
    deadline = time.monotonic() + 120
    while runner.alive(kept.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    at = run(at)
    assert "Finished" in text_of(at)
    assert len(_state.store().scores(kept.id)) == 4
    at = run(press(at, "See the ranking"))
    assert set(at.dataframe[0].value["candidate"]) == {"random 0", "random 1"}


def test_the_same_plan_under_two_targets_is_a_run_of_each(target, project, task):
    other = _state.store().save_target(project, task)
    register(project, network())
    for each in (target, other):
        at = show(each, "Run")
        at = press(compute_only(at, "knn"), "Start" if each == target else "Show the ranking")
        (kept,) = _state.store().runs(each)
        while runner.alive(kept.folder):
            time.sleep(0.1)
        run(at)
        assert _state.store().scores(kept.id)


def test_a_failed_candidate_says_why_and_what_to_do(target, project, task, plan_of):
    plan = plan_of(task)
    folder = keep_run(target, plan, results_of(plan, {"random 0": 0.1}))
    error = {"message": "The memory of this machine was not enough.", "remedy": "Use fewer images."}
    progress = {"state": "finished", "candidates": {"random 1": {"state": "failed", "error": error}}}
    spool.write_json(folder / "progress.json", progress)
    at = show(target, "Run")
    assert "Finished, without 1 candidate that failed" in text_of(at)
    assert "Use fewer images." in at.error[0].value
    assert "Resume" in labels(at, "button")
    at = show(target, "Ranking")
    assert "`random 1`: no value\\. The memory of this machine was not enough" in text_of(at)


def test_a_stopped_run_can_be_resumed_and_its_scores_show(target, task, plan_of):
    plan = plan_of(task)
    keep_run(target, plan, results_of(plan, {"random 0": 0.1}))
    at = show(target, "Run")
    assert "Stopped before the end" in text_of(at)
    assert "2 of 4 scores" in text_of(at)
    assert {"Resume", "See the ranking"} <= set(labels(at, "button"))


def test_the_run_started_last_is_watched(target, task, plan_of):
    first, second = plan_of(task), plan_of(task, metrics=["knn"])
    keep_run(target, first, results_of(first, VALUES), "first")
    keep_run(target, second, results_of(second, VALUES), "second")
    assert "2 of 2 scores" in text_of(show(target, "Run"))
    runner.prepare(first, _state.store().runs(target)[-1].folder)
    assert "4 of 4 scores" in text_of(show(target, "Run"))


def test_scores_outlive_a_run_folder_that_was_deleted(target, project, task, plan_of):
    register(project, network(), network("random 1", 1))
    plan = plan_of(task)
    folder = keep_run(target, plan, results_of(plan, VALUES))
    show(target, "Run")
    shutil.rmtree(folder)
    at = show(target, "Ranking")
    assert "`random 1` comes first." in text_of(at)
    assert "Start" in labels(show(target, "Run"), "button")


def test_a_damaged_plan_breaks_nothing(target, project, task, plan_of):
    register(project, network())
    folder = keep_run(target, plan_of(task), [])
    (folder / "plan.json").write_text("{")
    at = show(target, "Run")
    assert "no readable plan.json" in at.error[0].value
    assert "Start" in labels(at, "button")


# The ranking ----------------------------------------------------------------------------------------------------------


def test_the_first_view_tells_three_metrics_together(demo):
    at = show(demo)
    text = text_of(at).replace("\\", "")
    assert widget(at, "button_group", "Show").value == _scoring_ranking.FIRST_VIEW
    assert "`Synthetic textures` comes first, but cannot be told from" in text
    assert "`Synthetic textures`: a linear probe ranks 84 % of pairs right (79 to 88); nearest neighbours rank" in text
    assert text.count("LogME is") == 5 and "50 % is chance" in text
    table = at.dataframe[0].value
    assert table["tie_group"].is_monotonic_increasing and table["linear_probe"].is_monotonic_decreasing
    assert len(at.get("vega_lite_chart")) == 1
    assert "Tie groups are those of Linear probe." in text


@pytest.mark.parametrize("metrics", [("knn", "logme"), ("linear_probe",), ("nca", "gradient_ratio")])
def test_the_first_view_makes_do_with_the_metrics_there_are(target, task, plan_of, metrics):
    plan = plan_of(task, metrics=metrics)
    keep_run(target, plan, results_of(plan, VALUES))
    at = show(target, "Ranking")
    assert at.dataframe[0].value[metrics[0]].tolist() == [0.3, 0.1]
    assert "`random 1` comes first." in text_of(at)


def test_the_first_view_says_why_a_candidate_has_no_value_and_what_chance_is(target, task, plan_of):
    plan = plan_of(task, metrics=("linear_probe", "knn", "logme"))
    found = results_of(plan, {"random 0": 0.5}, verdict="not meaningful here", reason="Like noise.", p=0.4)
    keep_run(target, plan, found)
    text = text_of(show(target, "Ranking")).replace("\\", "")
    assert "nearest neighbours and LogME cannot be told from shuffled labels (p = 0.4, 0.4 and 0.4)" in text
    assert "`random 1`: no value. Not computed." in text


def test_a_caution_is_said_once_with_the_metrics_that_it_holds_for(target, task, plan_of):
    plan = plan_of(task, metrics=("linear_probe", "logme"))
    results = [
        result
        | {"verdict": "read with care", "reason": "Few images. Wide." if result["metric"] == "logme" else "Wide."}
        for result in results_of(plan, VALUES)
    ]
    keep_run(target, plan, results)
    text = text_of(show(target, "Ranking")).replace("\\", "")
    assert text.count("Few images. (LogME)") == 1
    assert text.count("Wide.") == 1 and "Wide. (" not in text


def test_the_matrix_holds_all_metrics_and_how_far_they_agree(demo):
    at = show(demo, scoring_metric="All metrics")
    text = text_of(at)
    assert re.search(r"Kendall's W is 0\.\d\d over \d+ metrics and 5 candidates", text) and MEANING in text
    assert "Left out: Suitability x adaptability and Adaptability (gradient ratio) (compares within" in text
    assert "reverses its sign across architectures" in text and "Relative to the list" in text
    assert len(at.get("vega_lite_chart")) == 2
    assert len(widget(at, "selectbox", "Metric").options) == len(METRICS) + 1


def test_with_few_candidates_the_matrix_says_why_no_agreement_is_shown(target, task, plan_of):
    plan = plan_of(task)
    keep_run(target, plan, results_of(plan, VALUES))
    at = show(target, "Ranking", scoring_metric="All metrics")
    assert "Agreement is shown from 5 candidates on; 2 of this run" in text_of(at)
    assert len(at.get("vega_lite_chart")) == 1


def test_a_made_up_run_with_every_metric_can_be_read(target, task, plan_of):
    contenders = [network(f"random {seed}", seed) for seed in range(6)]
    plan = plan_of(task, contenders, metrics=list(METRICS))
    results = results_of(plan, {f"random {seed}": 0.1 * seed for seed in range(6)})
    keep_run(target, plan, [flagged(r) if r["metric"] == "hscore" else r for r in results])
    at = show(target, "Ranking", scoring_metric="All metrics")
    assert "H-score (no value, or none that means something here, for 6 of 6)" in text_of(at)
    offered = widget(at, "button_group", "Show").options
    assert offered[2:] == [metric.name for metric in METRICS.values()] + [PRODUCT.name]
    explained = widget(at, "selectbox", "Metric")
    explained.select(PRODUCT.key)
    assert PRODUCT.formula in text_of(run(at))


def flagged(result: dict) -> dict:
    return result | {"verdict": "not meaningful here", "reason": "Not distinguishable from shuffled labels.", "p": 1.0}


@pytest.mark.parametrize("metric", [*METRICS.values(), PRODUCT], ids=lambda metric: metric.key)
def test_every_metric_is_explained_for_a_reviewer(target, task, plan_of, metric):
    plan = plan_of(task, metrics=list(METRICS))
    keep_run(target, plan, results_of(plan, VALUES))
    at = show(target, "Ranking", scoring_metric=metric.name)
    assert widget(at, "button_group", "Show").value == metric.key
    assert f"How to read {metric.name}" in labels(at, "expander")
    text = text_of(at)
    for told in (metric.question, metric.limits, metric.paper, metric.formula, metric.assumptions, metric.differs):
        assert told in text
    published = published_for(metric.key)
    of_ours = published is not None and not published.differs
    assert ("**Track record.** No record for ours yet" in text) != of_ours
    assert of_ours == ("**Track record.** The same formula on 11 published targets" in text)
    assert published is None or published.differs in text
    assert "What was each measure worth where the truth is known?" in {link.proto.label for link in at.get("page_link")}
    simulated = metric.needs != "gradients" and metric is not PRODUCT
    assert ("**In our simulation.** Share of pairs" in text) == simulated
    shown = [column for table in at.dataframe for column in table.value.columns]
    assert ("128 features, 2 classes" in shown) == simulated


@pytest.mark.parametrize("metric", ["linear_probe", "knn", "logme", "nca"])
def test_the_demo_ranks_by_each_metric(demo, metric):
    values = show(demo, scoring_metric=METRICS[metric].name).dataframe[0].value["value"].tolist()
    assert len(values) == 5 and values == sorted(values, reverse=True)


def test_gradient_ratios_stand_within_their_architecture(demo):
    at = show(demo, scoring_metric=METRICS["gradient_ratio"].name)
    table = at.dataframe[0].value
    assert table.columns[0] == "architecture"
    assert table.groupby("architecture")["tie_group"].min().tolist() == [1, 1]
    assert "in_chans = 1: `Synthetic limb radiographs` is the only one with a value" in text_of(at)
    assert len(at.get("vega_lite_chart")) == 2
    assert "reverses its sign across architectures" in text_of(at)


def test_the_product_says_that_it_is_relative_and_who_has_none(demo):
    text = text_of(show(demo, scoring_metric=PRODUCT.name))
    assert "Relative to the 4 candidates" in text.replace("\\", "")
    assert "relative to the candidates of the run" in text
    assert ":gray-badge[no value] `Synthetic limb radiographs`" in text


def test_a_metric_that_a_target_lacks_falls_back_to_one_that_it_has(demo):
    at = show(demo, scoring_metric=METRICS["gradient_ratio"].name)
    widget(at, "selectbox", "Target task").select("demo-radiograph")
    run(at)
    assert widget(at, "button_group", "Show").value == _scoring_ranking.FIRST_VIEW


def test_ties_are_said_in_words(target, task, plan_of):
    plan = plan_of(task)
    keep_run(target, plan, results_of(plan, VALUES, width=0.3))
    text = text_of(show(target, "Ranking"))
    assert "`random 1` comes first, but cannot be told from `random 0`." in text
    assert "has no pretraining" in text


def test_values_like_chance_name_no_first(target, task, plan_of):
    plan = plan_of(task)
    why = "Not distinguishable from shuffled labels. 48 images for 2048 features: too few."
    keep_run(target, plan, results_of(plan, VALUES, verdict="not meaningful here", reason=why))
    at = show(target, "Ranking", scoring_metric="LogME")
    assert "No candidate can be told from chance" in text_of(at)
    assert "comes first" not in text_of(at)
    for sentence in ("Not distinguishable from shuffled labels", "48 images for 2048 features"):
        assert text_of(at).count(sentence) == 1, "each caution is said once for all that it holds for"
    assert set(at.dataframe[0].value["verdict"]) == {"not meaningful here"}


def test_more_features_than_images_is_a_caution_before_the_values(target, task, plan_of):
    plan = plan_of(task)
    why = "200 images for 2048 features: go by the distance to shuffled labels."
    keep_run(target, plan, results_of(plan, VALUES, verdict="read with care", reason=why))
    assert "read with care] `random 1`, `random 0`: 200 images for 2048 features" in text_of(
        show(target, "Ranking")
    ).replace("\\", "")


def test_what_makes_numbers_optimistic_is_said(target, task, plan_of, demo):
    plan = plan_of(task)
    keep_run(target, plan, results_of(plan, VALUES))
    text = text_of(show(target, "Ranking"))
    assert NO_TEST_PART in text and NO_GROUPS in text
    assert f"part {plan['part']['hash'][:12]}" in text
    text = text_of(show(demo, "Ranking"))
    assert NO_TEST_PART not in text and NO_GROUPS not in text


def test_two_runs_stand_beside_each_other(target, task, plan_of):
    first, second = plan_of(task), plan_of(task, max_images=40)
    keep_run(target, first, results_of(first, VALUES), "first")
    keep_run(target, first, results_of(first, {"random 0": 0.1, "random 1": 0.35}), "again")
    keep_run(target, second, results_of(second, VALUES), "fewer")
    at = show(target, "Ranking", scoring_metric="LogME")
    assert len(set(widget(at, "selectbox", "Run").options)) == 3
    widget(at, "selectbox", "Run").select("first")
    at = run(at)
    widget(at, "selectbox", "Compare with").select("again")
    at = run(at)
    assert "The same images; the values differ by at most 0.05." in text_of(at)
    assert at.dataframe[1].value["difference"].abs().tolist() == pytest.approx([0.05, 0.0])
    widget(at, "selectbox", "Compare with").select("fewer")
    assert "different images" in text_of(run(at))


def test_names_are_shown_as_they_were_typed(target, task, plan_of):
    plan = plan_of(task, [dataclasses.replace(network(), name="**a** `b`")])
    keep_run(target, plan, results_of(plan, {"**a** `b`": 0.2}))
    assert "`**a** 'b'` comes first." in text_of(show(target, "Ranking"))


@pytest.fixture
def files(monkeypatch) -> dict[str, tuple[str, str]]:
    """Name and text of what can be downloaded, by the label of its button."""
    files = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, data, name, *_, **__: files.update({label: (name, data())})
    )
    return files


def test_the_csv_holds_the_ranking_and_what_it_rests_on(demo, files):
    show(demo, scoring_metric="LogME")
    name, text = files["Values as CSV"]
    table = pd.read_csv(io.StringIO(text))
    assert name.endswith("-logme.csv")
    assert list(table.columns[:4]) == ["candidate", "value", "low", "high"]
    assert table["value"].is_monotonic_decreasing and table["tie_group"].tolist()[0] == 1
    (kept,) = _state.store().runs(demo)
    assert set(table["part_hash"]) == {kept.summary["part"]["hash"]}
    assert set(table["synthetic"]) == {True} and set(table["metric"]) == {"logme"}
    name, text = files["Page as HTML"]
    assert name.endswith(".html") and text.startswith("<!doctype html>")
    assert all(key in text for key in score_keys(kept.summary))


def test_the_tidy_csv_holds_every_metric_of_every_candidate(demo, files):
    show(demo)
    assert set(files) == {"All metrics as CSV", "Page as HTML"}
    name, text = files["All metrics as CSV"]
    table = pd.read_csv(io.StringIO(text))
    assert name.endswith("-all.csv") and len(table) == (len(METRICS) + 1) * 5
    assert list(table.columns[:2]) == ["metric", "candidate"]
    assert {"value", "low", "high", "null", "p", "z", "verdict", "reason", "permutations", "n"} <= set(table.columns)
    (kept,) = _state.store().runs(demo)
    scores = [r for r in _state.store().scores(kept.id) if not METRICS[r["metric"]].pool_relative]
    given = {(r["metric"], r["candidate"]): r["value"] for r in scores}
    shown = table.set_index(["metric", "candidate"])["value"].to_dict()
    assert {key: shown[key] for key in given} == pytest.approx(given)


def test_a_candidate_can_be_taken_into_ones_own_code(demo):
    at = show(demo)
    code = at.code[0].value
    assert "load_state_dict(state, strict=True)" in code and "sha256" in code


@pytest.mark.parametrize(
    ("view", "metric"), [("Run", "First view"), ("Ranking", "First view"), ("Ranking", "All metrics")]
)
def test_a_warm_rerun_is_quick(demo, view, metric):
    at = show(demo, view, scoring_metric=metric)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run(at)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.3
