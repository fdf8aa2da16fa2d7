"""What stands out about a network on the target's images goes with its features: into the run and the ranking."""

import json

from core.catalog import Preprocessing
from core.report.ranking import ranking_html
from core.scoring import runner, spool
from core.scoring.plan import features_file, summary
from core.scoring.ranking import UNVERIFIED, ranking, remarks
from core.scoring.worker import work
from tests.scoring.conftest import network

WRONG = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3, pixel_range=(0.0, 255.0))


def test_a_wrong_range_is_told_in_the_run_the_ranking_and_the_page(task, plan_of, tmp_path):
    plan = plan_of(task, [network(), network("too large", 1, preprocessing=WRONG)])
    run = tmp_path / "run"
    runner.prepare(plan, run)
    work(run)
    assert "range looks wrong" in runner.status(run).candidates["too large"]["doubts"][0]
    results = list(spool.read_results(run).values())
    assert {result["candidate"] for result in results if "doubts" in result} == {"too large"}
    told = [(sentence, names) for _, sentence, names in remarks(ranking(plan, results, "knn")) if "range" in sentence]
    assert len(told) == 1 and told[0][1] == ["too large"]
    assert "range looks wrong" in ranking_html(summary(plan), results)
    kept = json.loads(features_file(plan, plan["candidates"][1]).with_suffix(".doubts.json").read_text())
    assert kept["scale"] > 10 and kept["n"] <= 24


def test_a_file_without_a_documented_preprocessing_is_told_in_the_ranking(task, plan_of):
    plan = plan_of(task)
    assert UNVERIFIED not in str(remarks(ranking(plan, [], "knn")))  # random initialisations were trained on nothing
    record = plan["candidates"][0]["checkpoint"]
    record["weights"] = "/w.pth"
    assert [names for _, text, names in remarks(ranking(plan, [], "knn")) if text == UNVERIFIED] == [["random 0"]]
    record["preprocessing_source"] = "its card"
    assert UNVERIFIED not in str(remarks(ranking(plan, [], "knn")))
