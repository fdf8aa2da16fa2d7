"""Altair charts, with one look for the screen and the report. Each takes a tidy frame and returns a chart.

Channels are written as objects (`alt.X2("high")`, not `"high:Q"`): what Altair has to infer doubles the time to draw.
"""

import altair as alt
import pandas as pd

from core.scoring.ranking import describe, meaningful

TEAL, GREY, RED = "#1f8a92", "#7d8b8d", "#d0583d"  # readable on a light and on a dark page
VIOLET = "#8a63b8"  # the target, laid over what is compared with it
PALE, SOFT, DEEP = "#dceeee", "#9ccccf", "#0b6e75"  # what fills cells, from worse to better
HALF_REVERSED, NEUTRAL = "#e5a696", "#eef1f1"  # between red and teal, for orders from reversed to the same
DARK_INK, LIGHT_INK = "#1c2b2d", "#ffffff"  # what is written in them
NO_VALUE = "\u2013"
RELATIVE, WITHIN = "\u2020", "\u2021"  # daggers at the names of metrics that need a word of their own
_ROW, _AXIS, _PANEL, _NAMES = 36, 60, 180, 180
_DARK_FILL = 0.85  # fills beyond this are too dark for dark writing


def ranking_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Values with their 95 % intervals, best first; the interval of the best as a band, so that one sees which others
    reach into it; and what shuffled labels give (grey tick: mean; bar: 95 %).

    `frame` as `core.scoring.ranking.ranking` returns it; candidates without a value are left out.
    """
    scored = frame[frame["value"].notna()].copy()
    y = alt.Y("candidate:N", sort=scored["candidate"].tolist(), title=None, axis=alt.Axis(labelLimit=260))
    layers = [*_leader_band(scored, title), *_values(scored, title, y)]
    return alt.layer(*layers).properties(height=_ROW * len(scored) + _AXIS, width="container")


def overview_chart(scores: pd.DataFrame) -> alt.FacetChart:
    """Several metrics side by side: one column each, the candidates in the same rows, values with their intervals and
    what shuffled labels give. `scores` as `core.scoring.overview.side_by_side` returns it; a candidate without any
    value is left out."""
    scored = scores[scores["value"].notna()].copy()
    candidates = [name for name in scores["candidate"].unique() if name in set(scored["candidate"])]
    units = {key: f"{describe(key).name}, {describe(key).unit}" for key in scored["metric"].unique()}
    scored["panel"] = scored["metric"].map(units)
    y = alt.Y("candidate:N", sort=candidates, title=None, axis=alt.Axis(labelLimit=_NAMES))
    header = alt.Header(title=None, labelAnchor="start", labelFontSize=13, labelLimit=_PANEL + 60)
    panels = alt.Column("panel:N", sort=list(units.values()), header=header)
    layers = alt.layer(*_values(scored, "", y), data=scored)
    layers = layers.properties(width=_PANEL, height=_ROW * len(candidates))
    return layers.facet(column=panels, spacing=24).resolve_scale(x="independent")


def _values(scored: pd.DataFrame, title: str, y: alt.Y) -> list[alt.Chart]:
    """Noise, intervals and values of the candidates of `scored`, which gets the columns that are drawn."""
    scored["meaning"] = meaningful(scored).map({True: "can be read", False: "not meaningful here"})
    base = alt.Chart(scored).encode(y=y, x=_x("value", title))
    interval = base.mark_rule(color=TEAL, strokeWidth=2).encode(x=_x("low", title), x2=alt.X2("high"))
    kinds = ["can be read", "not meaningful here"]
    point = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color("meaning:N", legend=None, scale=alt.Scale(domain=kinds, range=[TEAL, RED])),
        shape=alt.Shape("meaning:N", legend=None, scale=alt.Scale(domain=kinds, range=["circle", "cross"])),
        tooltip=[*_texts("candidate", "source"), *_numbers("value", "low", "high", "null", "p"), *_texts("verdict")],
    )
    return [*_noise(base, scored, title), interval, point]


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


def matrix_chart(scores: pd.DataFrame) -> alt.LayerChart:
    """Candidates x metrics: the value in every cell, filled the darker the better the candidate's tie group within the
    metric. What is not meaningful here is crossed and never filled, and so is what has nothing to be compared with, but
    for the cross. `scores` as `core.scoring.overview.side_by_side` returns it."""
    cells = scores[["candidate", "metric", "value", "low", "high", "p", "standing", "verdict", "reason"]].copy()
    cells["name"] = cells["metric"].map({key: marked(key) for key in cells["metric"].unique()})
    flagged = cells["value"].notna() & ~meaningful(cells)
    cells["shown"] = [_shown(value, crossed) for value, crossed in zip(cells["value"], flagged, strict=True)]
    cells["ink"] = cells["standing"].map(lambda at: GREY if pd.isna(at) else LIGHT_INK if at > _DARK_FILL else DARK_INK)
    base = alt.Chart(cells).encode(
        x=alt.X(
            "name:N", sort=cells["name"].unique().tolist(), title=None,
            axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=170, labelOverlap=False, domain=False, ticks=False),
        ),
        y=alt.Y(
            "candidate:N", sort=cells["candidate"].unique().tolist(), title=None,
            axis=alt.Axis(labelLimit=_NAMES, domain=False, ticks=False),
        ),
        tooltip=[*_texts("candidate", "name"), *_numbers("value", "low", "high", "p"), *_texts("verdict", "reason")],
    )  # fmt: skip
    fill = alt.Color(
        "standing:Q", legend=None, scale=alt.Scale(domain=[0, 0.5, 1], range=[PALE, SOFT, DEEP], interpolate="rgb")
    )
    filled = alt.Chart(cells[cells["standing"].notna()]).mark_rect(stroke="white", strokeWidth=1)
    text = base.mark_text(fontSize=11).encode(text=alt.Text("shown:N"), color=alt.Color("ink:N", scale=None))
    rect = filled.encode(x=base.encoding.x, y=base.encoding.y, color=fill, tooltip=base.encoding.tooltip)
    return alt.layer(rect, text).resolve_scale(color="independent").properties(height=alt.Step(30), width="container")


def _shown(value: float, crossed: bool) -> str:
    """A value as short as a cell is narrow; the exact one is in the tables."""
    if pd.isna(value):
        return NO_VALUE
    if crossed:
        return f"\u00d7{value:.2f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def marked(metric: str) -> str:
    """The name of a metric, with a dagger where it is relative to the list, and a double one where it compares within
    one architecture only."""
    about = describe(metric)
    return " ".join(filter(None, [about.name, RELATIVE * about.pool_relative + WITHIN * about.one_architecture]))


def agreement_chart(taus: pd.DataFrame) -> alt.LayerChart:
    """Kendall's tau-b of every two metrics, each pair once: red for opposite orders, teal for the same."""
    names = [describe(metric).name for metric in taus.index]
    pairs = [
        {"one": names[i], "other": names[j], "tau": float(taus.iloc[i, j])} for i in range(len(names)) for j in range(i)
    ]
    cells = pd.DataFrame(pairs)
    cells["ink"] = cells["tau"].abs().map(lambda tau: LIGHT_INK if tau > _DARK_FILL else DARK_INK)
    base = alt.Chart(cells).encode(
        x=alt.X("other:N", sort=names, title=None, axis=alt.Axis(labelAngle=-40, labelLimit=170, labelOverlap=False)),
        y=alt.Y("one:N", sort=names, title=None, axis=alt.Axis(labelLimit=_NAMES)),
        tooltip=[*_texts("one", "other"), alt.Tooltip("tau:Q", format=".2f")],
    )
    scale = alt.Scale(domain=[-1, -0.5, 0, 0.5, 1], range=[RED, HALF_REVERSED, NEUTRAL, SOFT, DEEP], interpolate="rgb")
    rect = base.mark_rect(stroke="white", strokeWidth=1).encode(color=alt.Color("tau:Q", legend=None, scale=scale))
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("tau:Q", format=".2f"), color=alt.Color("ink:N", scale=None)
    )
    layers = alt.layer(rect, text).resolve_scale(color="independent")
    return layers.properties(height=alt.Step(28), width=alt.Step(48))


def histograms_chart(bins: pd.DataFrame, titles: dict[str, str]) -> alt.FacetChart:
    """Shares of images by figure, a panel each: the first group as bars, a second one as a line over them.

    `bins` as `core.images.samples.histograms` returns it; `titles` by figure, in the order of the panels."""
    groups = bins["group"].unique().tolist()
    last = bins.groupby(["figure", "group"], sort=False).tail(1)
    ends = last.assign(left=last["right"])  # so that the line goes to the end of its last step
    drawn = pd.concat([bins, ends]).assign(panel=lambda table: table["figure"].map(titles))
    color = alt.Color(
        "group:N", title=None, legend=alt.Legend(orient="top", labelLimit=600, symbolType="square"),
        scale=alt.Scale(domain=groups, range=[TEAL, VIOLET][: len(groups)]),
    )  # fmt: skip
    x = alt.X("left:Q", title=None, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(tickCount=5))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=4))
    tooltip = [*_texts("group"), *(alt.Tooltip(f"{name}:Q", format=".3g") for name in ("left", "right", "share"))]
    base = alt.Chart(drawn).encode(x=x, y=y, color=color, tooltip=tooltip)
    first = alt.FieldEqualPredicate(field="group", equal=groups[0])
    bars = base.mark_rect(opacity=0.75).encode(x2=alt.X2("right"), y2=alt.Y2Datum(0))
    layers = [bars.transform_filter(first)]
    if len(groups) > 1:
        line = base.mark_line(interpolate="step-after", strokeWidth=2)
        layers.append(line.transform_filter(alt.FieldEqualPredicate(field="group", equal=groups[1])))
    header = alt.Header(title=None, labelAnchor="start", labelFontSize=13, labelLimit=300)
    panels = alt.layer(*layers, data=drawn).properties(width=250, height=120)
    facet = alt.Facet("panel:N", sort=list(titles.values()), header=header)
    return panels.facet(facet, columns=3, spacing=24).resolve_scale(x="independent", y="independent")


def open_range_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Distances in [0, 1] in the order of `frame` (source, distance, low, high): the known gives the point, and what is
    unknown leaves the bar open. One without a distance has a bar only."""
    y = alt.Y("source:N", sort=frame["source"].tolist(), title=None, axis=alt.Axis(labelLimit=260))
    scale = alt.Scale(domain=[0, 1])
    tooltip = [*_texts("source"), *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("distance", "low", "high"))]
    base = alt.Chart(frame).encode(y=y, tooltip=tooltip)
    bar = base.mark_bar(color=TEAL, opacity=0.3, height=10).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5)), x2=alt.X2("high")
    )
    point = base.mark_point(filled=True, size=110, opacity=1, color=TEAL).encode(
        x=alt.X("distance:Q", title=title, scale=scale)
    )
    return alt.layer(bar, point).properties(height=alt.Step(26), width="container")


def outcomes_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Measured values with their 95 % intervals, in the order of `frame` (name, value, low, high, group): the first
    group in colour, any other in grey and with another shape."""
    y = alt.Y("name:N", sort=frame["name"].tolist(), title=None, axis=alt.Axis(labelLimit=260))
    groups = frame["group"].unique().tolist()
    color = alt.Color("group:N", title=None, legend=alt.Legend(orient="top", labelLimit=400),
                      scale=alt.Scale(domain=groups, range=[TEAL, GREY][: len(groups)]))  # fmt: skip
    shape = alt.Shape("group:N", title=None, scale=alt.Scale(domain=groups, range=["circle", "diamond"][: len(groups)]))
    base = alt.Chart(frame).encode(y=y, color=color, tooltip=[*_texts("name"), *_numbers("value", "low", "high")])
    low, value = (_x(column, title).axis(tickCount=6) for column in ("low", "value"))
    interval = base.mark_rule(strokeWidth=2).encode(x=low, x2=alt.X2("high"))
    point = base.mark_point(filled=True, size=110, opacity=1).encode(x=value, shape=shape)
    return alt.layer(interval, point).properties(height=alt.Step(32), width="container")


def _x(column: str, title: str) -> alt.X:
    return alt.X(f"{column}:Q", title=title, scale=alt.Scale(zero=False))


def _texts(*columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:N") for column in columns]


def _numbers(*columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=".4f") for column in columns]


def svg(chart: alt.TopLevelMixin, width: int = 720) -> str:
    """The chart as SVG text, for a page that must stand alone."""
    import vl_convert

    stretches = chart.to_dict().get("width") == "container"
    return vl_convert.vegalite_to_svg((chart.properties(width=width) if stretches else chart).to_dict())
