"""Charts of published outcomes and of the track record. Each takes a tidy frame and returns a chart."""

import altair as alt
import pandas as pd

from core.charts import DARK_INK, DEEP, GREY, HALF_REVERSED, LIGHT_INK, NEUTRAL, NO_VALUE, PALE, SOFT, TEAL

_DARK_FILL = 0.8  # fills beyond this are too dark for dark writing
BEST, BELOW, SHARED = "\u2605", "\u25bc", "\u2020"


def heat_map(frame: pd.DataFrame, starts: list[str], targets: list[str]) -> alt.LayerChart:
    """AUC in every cell, `starts` x `targets`, filled the darker the nearer to the best source of its target: a star
    marks that one, a red cell with a triangle what is below the baseline, a dagger shared images. `frame` as
    `core.evidence.views.cells` returns it, with names."""
    full = pd.MultiIndex.from_product([starts, targets], names=["start", "target"])
    drawn = frame.set_index(["start", "target"]).reindex(full).reset_index()
    drawn["shown"] = [_shown(cell) for cell in drawn.itertuples()]
    drawn["kind"] = [_kind(cell) for cell in drawn.itertuples()]
    drawn["ink"] = [_ink(cell) for cell in drawn.itertuples()]
    top = alt.Axis(orient="top", labelAngle=-40, labelLimit=170, labelOverlap=False, domain=False, ticks=False)
    left = alt.Axis(labelLimit=180, domain=False, ticks=False)
    base = alt.Chart(drawn).encode(
        x=alt.X("target:N", sort=targets, title=None, axis=top), y=alt.Y("start:N", sort=starts, title=None, axis=left),
        tooltip=[*(alt.Tooltip(f"{name}:N") for name in ("start", "target")), *_numbers(".4f", "auc", "std", "ci_low",
                 "ci_high"), *_numbers("+.2f", "gain")],
    )  # fmt: skip
    cell = base.mark_rect(stroke="white", strokeWidth=1)
    shades = alt.Scale(domain=[0, 0.5, 1], range=[PALE, SOFT, DEEP], interpolate="rgb")
    layers = [
        cell.transform_filter(_is("source")).encode(color=alt.Color("standing:Q", legend=None, scale=shades)),
        cell.transform_filter(_is("below")).encode(color=alt.ColorValue(HALF_REVERSED)),
        cell.transform_filter(_is("baseline")).encode(color=alt.ColorValue(NEUTRAL)),
        base.mark_text(fontSize=11).encode(text=alt.Text("shown:N"), color=alt.Color("ink:N", scale=None)),
    ]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return chart.properties(height=alt.Step(30), width="container")


def _is(kind: str) -> alt.FieldEqualPredicate:
    return alt.FieldEqualPredicate(field="kind", equal=kind)


def _kind(cell) -> str:
    if pd.isna(cell.auc):
        return "empty"
    if cell.baseline:
        return "baseline"
    return "below" if cell.gain < 0 else "source"


def _shown(cell) -> str:
    if pd.isna(cell.auc):
        return NO_VALUE
    marks = BEST * bool(cell.best) + BELOW * bool(cell.gain < 0) + SHARED * bool(cell.shared)
    return f"{cell.auc:.3f}".lstrip("0") + marks


def _ink(cell) -> str:
    if cell.kind == "empty":
        return GREY
    return LIGHT_INK if cell.kind == "source" and cell.standing > _DARK_FILL else DARK_INK


def size_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Mean rank (the best on top) against the number of images, on a logarithmic scale; `frame` as
    `core.evidence.views.sizes` returns it, with names and only known sizes."""
    frame = frame.assign(side=_sides(frame))
    x = alt.X("images:Q", title="images of the source", scale=alt.Scale(type="log", nice=False, padding=30),
              axis=alt.Axis(format="~s", tickCount=5))  # fmt: skip
    y = alt.Y("rank:Q", title="mean rank (1: the best)", scale=alt.Scale(reverse=True, zero=False, padding=15))
    numbers = [*_numbers(",.0f", "images"), *_numbers(".1f", "rank")]
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=[alt.Tooltip("start:N"), *numbers])
    point = base.mark_point(filled=True, size=90, opacity=1, color=TEAL)
    return alt.layer(point, *(_labels(base, side) for side in ("left", "right"))).properties(
        height=360, width="container"
    )


def _sides(frame: pd.DataFrame) -> list[str]:
    """Names by turns left and right of their points, so that neighbours do not overlap; at the right edge left."""
    return ["left" if large or place % 2 == 0 else "right" for place, large in enumerate(frame["large"])]


def _labels(base: alt.Chart, side: str) -> alt.Chart:
    names = base.transform_filter(alt.FieldEqualPredicate(field="side", equal=side)).encode(text=alt.Text("start:N"))
    return names.mark_text(
        align="right" if side == "left" else "left", dx=-9 if side == "left" else 9, fontSize=11, color=GREY
    )


def record_chart(frame: pd.DataFrame, score: str, beside: str) -> alt.LayerChart:
    """Weighted tau per target, in the order of `frame` (target, tau, low, high, score): of `score` with its 95 %
    interval, of `beside` as a grey diamond."""
    names = frame["target"].unique().tolist()
    y = alt.Y("target:N", sort=names, title=None, axis=alt.Axis(labelLimit=180))
    x = alt.X("tau:Q", title="weighted tau: 1 the same order, 0 none, \u22121 reversed",
              scale=alt.Scale(domain=[-1, 1]), axis=alt.Axis(tickCount=5))  # fmt: skip
    pair = {"domain": [score, beside]}
    color = alt.Color("score:N", title=None, scale=alt.Scale(**pair, range=[TEAL, GREY]),
                      legend=alt.Legend(orient="top", labelLimit=400))  # fmt: skip
    shape = alt.Shape("score:N", title=None, scale=alt.Scale(**pair, range=["circle", "diamond"]))
    tooltip = [alt.Tooltip("target:N"), alt.Tooltip("score:N"), *_numbers(".3f", "tau", "low", "high")]
    base = alt.Chart(frame).encode(y=y, color=color, tooltip=tooltip)
    one = alt.FieldEqualPredicate(field="score", equal=score)
    zero = alt.Chart(frame.head(1)).mark_rule(color=GREY, strokeDash=[3, 3]).encode(x=alt.XDatum(0))
    interval = base.mark_rule(strokeWidth=2).transform_filter(one).encode(x=alt.X("low:Q"), x2=alt.X2("high"))
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x=x, shape=shape)
    return alt.layer(zero, interval, point).properties(height=alt.Step(26), width="container")


def _numbers(form: str, *columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=form) for column in columns]
