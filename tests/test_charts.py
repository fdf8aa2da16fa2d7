"""Charts: what is drawn, and that it stands alone."""

import numpy as np
import pandas as pd
import pytest

from core.charts import (
    GREY,
    NO_VALUE,
    RELATIVE,
    WITHIN,
    agreement_chart,
    histograms_chart,
    marked,
    matrix_chart,
    open_range_chart,
    outcomes_chart,
    overview_chart,
    ranking_chart,
    svg,
)
from core.metrics import PRODUCT


def a_frame(**changes) -> pd.DataFrame:
    columns = {
        "candidate": ["first", "tied", "below", "without"], "source": "s", "value": [0.9, 0.8, 0.5, np.nan],
        "low": [0.85, 0.7, 0.4, np.nan], "high": [0.95, 0.9, 0.6, np.nan], "null": [0.5, 0.5, 0.5, np.nan],
        "null_sd": [0.01, np.nan, 0.02, np.nan], "p": 0.005, "verdict": "reliable",
    }  # fmt: skip
    return pd.DataFrame(columns | changes)


def marks(chart) -> list[str]:
    return [layer["mark"]["type"] for layer in chart.to_dict()["layer"]]


def test_values_intervals_noise_and_the_band_of_the_first_are_drawn():
    assert marks(ranking_chart(a_frame(), "AUC")) == ["rect", "bar", "tick", "rule", "point"]


def test_a_score_without_a_null_has_no_noise_to_draw():
    assert marks(ranking_chart(a_frame(null=np.nan, null_sd=np.nan), "AUC")) == ["rect", "rule", "point"]


@pytest.mark.parametrize("changes", [{"verdict": "not meaningful here"}, {"low": np.nan, "high": np.nan}])
def test_there_is_no_band_where_nobody_leads_or_no_interval_is_known(changes):
    assert "rect" not in marks(ranking_chart(a_frame(**changes), "AUC"))


def test_candidates_keep_the_order_of_the_ranking_and_those_without_a_value_are_left_out():
    point = ranking_chart(a_frame(), "AUC").to_dict()["layer"][-1]
    assert point["encoding"]["y"]["sort"] == ["first", "tied", "below"]


def test_what_is_not_meaningful_differs_in_shape_and_not_in_colour_alone():
    verdicts = ["reliable", "reliable", "not meaningful here", ""]
    chart = ranking_chart(a_frame(verdict=verdicts), "AUC")
    rows = [row for data in chart.to_dict()["datasets"].values() for row in data]
    assert {row["candidate"] for row in rows if row.get("meaning") == "not meaningful here"} == {"below"}
    assert {"shape", "color"} <= set(chart.to_dict()["layer"][-1]["encoding"])


def several(**changes) -> pd.DataFrame:
    """Two metrics of the same candidates, as `core.scoring.overview.side_by_side` gives them."""
    frames = [a_frame(metric=metric, reason="r", standing=[1.0, 0.5, 0.0, np.nan]) for metric in ("knn", "logme")]
    return pd.concat(frames, ignore_index=True).assign(**changes)


def rows_of(chart) -> list[dict]:
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def test_the_first_view_has_a_column_for_each_metric_and_the_same_rows_in_all():
    spec = overview_chart(several()).to_dict()
    assert spec["facet"]["column"]["sort"] == [
        "Nearest neighbours, AUC", "LogME, nats per image above chance",
    ]  # fmt: skip
    assert spec["resolve"] == {"scale": {"x": "independent"}}
    assert [layer["mark"]["type"] for layer in spec["spec"]["layer"]] == ["bar", "tick", "rule", "point"]
    assert spec["spec"]["layer"][-1]["encoding"]["y"]["sort"] == ["first", "tied", "below"]


def test_a_cell_that_is_not_meaningful_is_crossed_and_never_filled():
    verdicts = ["reliable", "not meaningful here", "reliable", ""] * 2
    chart = matrix_chart(several(verdict=verdicts, standing=[1.0, np.nan, 0.0, np.nan] * 2))
    filled, written = (layer["data"]["name"] for layer in chart.to_dict()["layer"])
    datasets = chart.to_dict()["datasets"]
    assert {row["candidate"] for row in datasets[filled]} == {"first", "below"}
    cells = {row["candidate"]: (row["shown"], row["ink"]) for row in datasets[written]}
    assert cells["tied"] == ("\u00d70.80", GREY) and cells["without"] == (NO_VALUE, GREY)
    assert cells["first"][0] == "0.900"


def test_metrics_that_need_a_word_of_their_own_are_marked():
    assert marked("knn") == "Nearest neighbours"
    assert marked("gradient_ratio").endswith(f" {WITHIN}")
    assert marked(PRODUCT.key).endswith(f" {RELATIVE}{WITHIN}")


def test_each_pair_of_metrics_is_shown_once_with_its_tau():
    names = ["linear_probe", "knn", "logme"]
    taus = pd.DataFrame([[1, 0.8, -1], [0.8, 1, 0.2], [-1, 0.2, 1]], index=names, columns=names)
    pairs = {(row["one"], row["other"]): row["tau"] for row in rows_of(agreement_chart(taus))}
    assert pairs == {
        ("Nearest neighbours", "Linear probe"): 0.8, ("LogME", "Linear probe"): -1.0,
        ("LogME", "Nearest neighbours"): 0.2,
    }  # fmt: skip


def test_the_svg_holds_the_names_as_text_and_loads_nothing():
    names = ["<script>x</script>", "a & b", '"quoted"', "without"]
    text = svg(ranking_chart(a_frame(candidate=names), "nats < chance"))
    assert text.startswith("<svg") and "<script" not in text
    assert "&lt;script&gt;" in text and "a &amp; b" in text
    assert "http" not in text.replace("http://www.w3.org/", "")


def test_the_frame_is_not_modified():
    frame = a_frame()
    ranking_chart(frame, "AUC")
    pd.testing.assert_frame_equal(frame, a_frame())
    scores = several()
    overview_chart(scores), matrix_chart(scores)
    pd.testing.assert_frame_equal(scores, several())


@pytest.mark.parametrize("groups", [["source"], ["source", "target"]])
def test_histograms_have_a_panel_per_figure_and_a_line_for_the_second_group(groups):
    rows = [("width", group, left, left + 1, 0.5) for group in groups for left in (0.0, 1.0)]
    rows += [("height", group, left, left + 2, 0.5) for group in groups for left in (4.0, 6.0)]
    bins = pd.DataFrame(rows, columns=["figure", "group", "left", "right", "share"])
    chart = histograms_chart(bins, {"width": "Width, pixels", "height": "Height, pixels"})
    drawn = svg(chart)
    assert "Width, pixels" in drawn and all(group in drawn for group in groups)
    kinds = [layer["mark"]["type"] for layer in chart.to_dict()["spec"]["layer"]]
    assert kinds == ["rect", "line"][: len(groups)]


def test_distances_keep_their_order_and_have_what_stays_open_as_a_bar():
    frame = pd.DataFrame({"source": ["b", "a"], "distance": [0.1, np.nan], "low": [0.05, 0], "high": [0.6, 1]})
    chart = open_range_chart(frame, "distance")
    assert marks(chart) == ["bar", "point"]
    assert chart.to_dict()["layer"][0]["encoding"]["y"]["sort"] == ["b", "a"]
    assert svg(chart).startswith("<svg")


def test_measured_outcomes_keep_their_order_and_groups_differ_in_shape():
    rows = [("a", 0.7, 0.6, 0.8, "asked"), ("b", 0.9, 0.8, 1.0, "other")]
    chart = outcomes_chart(pd.DataFrame(rows, columns=["name", "value", "low", "high", "group"]), "AUC")
    assert marks(chart) == ["rule", "point"]
    point = chart.to_dict()["layer"][1]["encoding"]
    assert point["y"]["sort"] == ["a", "b"]
    assert point["shape"]["scale"] == {"domain": ["asked", "other"], "range": ["circle", "diamond"]}
