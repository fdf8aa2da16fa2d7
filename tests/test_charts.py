"""Charts: what is drawn, and that it stands alone."""

import numpy as np
import pandas as pd
import pytest

from core.charts import ranking_chart, svg


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
    assert {row["candidate"] for row in rows if row["meaning"] == "not meaningful here"} == {"below"}
    assert {"shape", "color"} <= set(chart.to_dict()["layer"][-1]["encoding"])


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
