"""Charts of distances between features, and of projections."""

import altair as alt
import pandas as pd

from core.charts import GREY, TEAL, VIOLET
from core.similarity.measures import MEASURES

OTHERS = ["#1f8a92", "#c98a1b", "#d0583d", "#4f6db8", "#6b8e23", "#9a6a4f", "#2f2f2f", "#b05c97"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
BRUSH = "brush"
_ROW, _PANEL, _COLUMNS, _POINTS = 34, 240, 3, 480


def distances_frame(results: dict) -> pd.DataFrame:
    """One row per encoder, source and measure of `results` (as `pages._similarity_embedding` takes them): the value,
    what no difference gives, the excess with its interval, and that interval laid around the value."""
    rows = [
        {"encoder": encoder["name"], "source": source["name"], "measure": key, **distance}
        for encoder in results["encoders"]
        for source in encoder["sources"]
        for key, distance in source["distances"].items()
    ]
    frame = pd.DataFrame(rows)
    numbers = ["value", "floor", "excess", "low", "high"]
    frame[numbers] = frame[numbers].astype(float)
    frame["from"], frame["to"] = frame["floor"] + frame["low"], frame["floor"] + frame["high"]
    signed = frame["measure"].map(lambda key: MEASURES[key].signed)
    frame["from"] = frame["from"].where(signed, frame["from"].clip(lower=0))
    frame["images"] = [f"{a:,}" if a == b else f"{a:,} and {b:,}" for a, b in frame["n"]]
    return frame


def distances_chart(frame: pd.DataFrame, key: str, orders: dict[str, list[str]]) -> alt.ConcatChart:
    """One measure, a panel per encoder with its own order of the sources: values with 95 % intervals, and grey ticks
    for what no difference gives. `frame` as by `distances_frame`; `orders`: encoder -> sources, most alike first."""
    frame = frame[(frame["measure"] == key) & frame["value"].notna()]
    panels = [_panel(frame[frame["encoder"] == encoder], encoder, key, order) for encoder, order in orders.items()]
    return alt.concat(*panels, columns=_COLUMNS, spacing=24)


def _panel(rows: pd.DataFrame, encoder: str, key: str, order: list[str]) -> alt.LayerChart:
    base = alt.Chart(rows).encode(
        y=alt.Y("source:N", sort=order, title=None, axis=alt.Axis(labelLimit=150)),
        tooltip=[
            alt.Tooltip("source:N"),
            *(alt.Tooltip(f"{name}:Q", format=".4g") for name in ("value", "floor", "excess", "low", "high")),
            alt.Tooltip("images:N", title="images of each"),
        ],
    )

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", title=MEASURES[key].unit, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4))

    tick = base.mark_tick(color=GREY, thickness=3, size=20).encode(x=x("floor"))
    interval = base.mark_rule(color=TEAL, strokeWidth=2).encode(x=x("from"), x2=alt.X2("to"))
    point = base.mark_point(filled=True, color=TEAL, size=90, opacity=1).encode(x=x("value"))
    title = alt.TitleParams(encoder, anchor="start", fontSize=13, limit=_PANEL + 100)
    return alt.layer(tick, interval, point).properties(width=_PANEL, height=_ROW * len(order), title=title)


def projection_chart(points: pd.DataFrame, by: str) -> alt.Chart:
    """A scatter of `points` (x, y, set, class, caption, image), coloured `by` "set" or "class"; the target's images are
    violet circles where sets are coloured. Images show beside the pointer; a brush selects."""
    names = list(dict.fromkeys(points[by]))
    colours = [VIOLET, *OTHERS] if by == "set" else [*OTHERS, VIOLET]
    colour_scale = alt.Scale(domain=names, range=[colours[i % len(colours)] for i in range(len(names))])
    shape_scale = alt.Scale(domain=names, range=[SHAPES[i % len(SHAPES)] for i in range(len(names))])
    legend = alt.Legend(orient="top", title=None, columns=6, labelLimit=220, symbolLimit=40)
    bare = alt.Axis(labels=False, ticks=False, grid=False, title=None)  # the axes of a projection have no unit
    brush = alt.selection_interval(name=BRUSH)
    chart = alt.Chart(points).mark_point(filled=True, size=32, opacity=0.65).encode(
        x=alt.X("x:Q", axis=bare, scale=alt.Scale(zero=False)),
        y=alt.Y("y:Q", axis=bare, scale=alt.Scale(zero=False)),
        color=alt.Color(f"{by}:N", scale=colour_scale, legend=legend),
        shape=alt.Shape(f"{by}:N", scale=shape_scale, legend=legend),
        tooltip=[alt.Tooltip("image:N"), alt.Tooltip("set:N"), alt.Tooltip("class:N"), alt.Tooltip("caption:N")],
    )  # fmt: skip
    return chart.add_params(brush).properties(height=_POINTS, width="container")


def inside(points: pd.DataFrame, box: dict[str, list[float]]) -> pd.DataFrame:
    """The `points` within the brushed `box` {"x": [low, high], "y": [low, high]}; none for an empty box."""
    if not {"x", "y"} <= set(box):
        return points.iloc[:0]
    return points[points["x"].between(*sorted(box["x"])) & points["y"].between(*sorted(box["y"]))]
