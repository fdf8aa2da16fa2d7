"""Altair charts, with one look for the screen and the report. Each takes a tidy frame and returns a chart.

Channels are written as objects (`alt.X2("high")`, not `"high:Q"`): what Altair has to infer doubles the time to draw.
"""

import altair as alt
import pandas as pd

from core.scoring.ranking import meaningful

TEAL, GREY, RED = "#1f8a92", "#7d8b8d", "#d0583d"  # readable on a light and on a dark page
_ROW, _AXIS = 36, 60


def ranking_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Values with their 95 % intervals, best first; the interval of the best as a band, so that one sees which others
    reach into it; and what shuffled labels give (grey tick: mean; bar: 95 %).

    `frame` as `core.scoring.ranking.ranking` returns it; candidates without a value are left out.
    """
    scored = frame[frame["value"].notna()].copy()
    scored["meaning"] = meaningful(scored).map({True: "can be read", False: "not meaningful here"})
    base = alt.Chart(scored).encode(
        y=alt.Y("candidate:N", sort=scored["candidate"].tolist(), title=None, axis=alt.Axis(labelLimit=260)),
        x=_x("value", title),
    )
    interval = base.mark_rule(color=TEAL, strokeWidth=2).encode(x=_x("low", title), x2=alt.X2("high"))
    kinds = ["can be read", "not meaningful here"]
    point = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color("meaning:N", legend=None, scale=alt.Scale(domain=kinds, range=[TEAL, RED])),
        shape=alt.Shape("meaning:N", legend=None, scale=alt.Scale(domain=kinds, range=["circle", "cross"])),
        tooltip=[*_texts("candidate", "source"), *_numbers("value", "low", "high", "null", "p"), *_texts("verdict")],
    )
    layers = [*_leader_band(scored, title), *_noise(base, scored, title), interval, point]
    return alt.layer(*layers).properties(height=_ROW * len(scored) + _AXIS, width="container")


def _leader_band(scored: pd.DataFrame, title: str) -> list[alt.Chart]:
    best = scored.head(1)
    if len(scored) < 2 or best[["low", "high"]].isna().any(axis=None) or not meaningful(scored).any():
        return []
    band = alt.Chart(best).mark_rect(color=TEAL, opacity=0.12)
    return [band.encode(x=_x("low", title), x2=alt.X2("high"))]


def _noise(base: alt.Chart, scored: pd.DataFrame, title: str) -> list[alt.Chart]:
    """What shuffled labels give; nothing for a score that has no null."""
    if scored["null"].isna().all():
        return []
    spread = 1.96 * scored["null_sd"].fillna(0)
    scored["null_low"], scored["null_high"] = scored["null"] - spread, scored["null"] + spread
    bar = base.mark_bar(color=GREY, opacity=0.25, height=14).encode(x=_x("null_low", title), x2=alt.X2("null_high"))
    tick = base.mark_tick(color=GREY, thickness=2, size=18).encode(x=_x("null", title))
    return [bar, tick]


def _x(column: str, title: str) -> alt.X:
    return alt.X(f"{column}:Q", title=title, scale=alt.Scale(zero=False))


def _texts(*columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:N") for column in columns]


def _numbers(*columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=".4f") for column in columns]


def svg(chart: alt.TopLevelMixin, width: int = 720) -> str:
    """The chart as SVG text, for a page that must stand alone."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.properties(width=width).to_dict())
