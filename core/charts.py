"""Altair charts, with one look for the screen and the report. Each takes a tidy frame and returns a chart."""

import altair as alt
import pandas as pd

TEAL, GREY, RED = "#1f8a92", "#7d8b8d", "#d0583d"  # readable on a light and on a dark page
_ROW, _AXIS = 36, 60


def ranking_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Values with their 95 % intervals, best first, and what shuffled labels give (grey tick: mean; bar: 95 %).

    `frame` as `core.scoring.ranking.ranking` returns it; candidates without a value are left out.
    """
    scored = frame[frame["value"].notna()].copy()
    scored["meaning"] = scored["verdict"].map(lambda v: "not meaningful here" if v.startswith("not") else "can be read")
    scored["null_low"] = scored["null"] - 1.96 * scored["null_sd"].fillna(0)
    scored["null_high"] = scored["null"] + 1.96 * scored["null_sd"].fillna(0)
    base = alt.Chart(scored).encode(
        y=alt.Y("candidate:N", sort=scored["candidate"].tolist(), title=None, axis=alt.Axis(labelLimit=260))
    )
    x = alt.X("value:Q", title=title, scale=alt.Scale(zero=False))
    tooltip = [
        "candidate", "source",
        *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("value", "low", "high", "null", "p")),
        "verdict",
    ]  # fmt: skip
    noise = base.mark_bar(color=GREY, opacity=0.25, height=14).encode(
        x=alt.X("null_low:Q", title=title, scale=alt.Scale(zero=False)), x2="null_high:Q"
    )
    tick = base.mark_tick(color=GREY, thickness=2, size=18).encode(x=alt.X("null:Q", title=title))
    interval = base.mark_rule(color=TEAL, strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    point = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=x,
        tooltip=tooltip,
        color=alt.Color(
            "meaning:N", title=None, legend=None,
            scale=alt.Scale(domain=["can be read", "not meaningful here"], range=[TEAL, RED]),
        ),
        shape=alt.Shape(
            "meaning:N", title=None, legend=None,
            scale=alt.Scale(domain=["can be read", "not meaningful here"], range=["circle", "cross"]),
        ),
    )  # fmt: skip
    return (noise + tick + interval + point).properties(height=_ROW * len(scored) + _AXIS, width="container")


def svg(chart: alt.TopLevelMixin, width: int = 720) -> str:
    """The chart as SVG text, for a page that must stand alone."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.properties(width=width).to_dict())
