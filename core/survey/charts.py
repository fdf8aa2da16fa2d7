"""Charts of what people expect. Each takes tidy frames and returns a chart; the look is that of core/charts.py."""

import altair as alt
import pandas as pd

from core.charts import GREY, RED, TEAL, VIOLET

BEFORE, AFTER, YOU, MEASURED = "before the evidence", "evidence not covered", "you", "linear probe (score)"
_AMBER = "#b07d1a"
_COLORS = {BEFORE: TEAL, AFTER: GREY, YOU: _AMBER, MEASURED: VIOLET}
_SHAPES = {BEFORE: "circle", AFTER: "diamond", YOU: "square", MEASURED: "triangle-up"}
_LANE, _NAMES = 14, 200


def expectation_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """A row per source, in it a line per `who` from `low` to `high` with a point at `value`; 0 is the reference.

    `frame`: source, who, kind (one of those above), value, low, high, in the order in which they are drawn."""
    kinds = [kind for kind in _COLORS if kind in set(frame["kind"])]
    color = alt.Color("kind:N", title=None, legend=alt.Legend(orient="top", labelLimit=300),
                      scale=alt.Scale(domain=kinds, range=[_COLORS[kind] for kind in kinds]))  # fmt: skip
    shape = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]))
    numbers = [alt.Tooltip(f"{name}:Q", format="+.1f") for name in ("value", "low", "high")]
    base = alt.Chart(frame).encode(
        y=alt.Y("source:N", sort=frame["source"].unique().tolist(), title=None,
                axis=alt.Axis(labelLimit=_NAMES, grid=True, tickBand="extent")),
        yOffset=alt.YOffset("who:N", sort=frame["who"].unique().tolist()),
        color=color,
        tooltip=[alt.Tooltip("source:N"), alt.Tooltip("who:N"), *numbers],
    )  # fmt: skip
    zero = alt.Chart(pd.DataFrame({"at": [0]})).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.X("at:Q"))
    interval = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=alt.X("low:Q", title=title, axis=alt.Axis(tickCount=8)), x2=alt.X2("high")
    )
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=8)), shape=shape
    )
    height = alt.Step(_LANE, **{"for": "offset"})
    return alt.layer(zero, interval, point).properties(height=height, width="container")


def likeness_chart(
    judged: pd.DataFrame, means: pd.DataFrame, opposed: pd.DataFrame, x_title: str, y_title: str
) -> alt.LayerChart:
    """Perceived likeness against what is expected: large points the means with their names, small ones the people, and
    a red line for each pair of which the more similar source is expected to be worse.

    `judged`: person, source, likeness, expected; `means`: source, likeness, expected, people; `opposed`: likeness,
    expected, to_likeness, to_expected."""
    x = alt.X("likeness:Q", title=x_title, scale=alt.Scale(domain=[0.7, 5.3], nice=False),
              axis=alt.Axis(values=[1, 2, 3, 4, 5], format="d"))  # fmt: skip
    y = alt.Y("expected:Q", title=y_title, scale=alt.Scale(zero=False, padding=24), axis=alt.Axis(tickCount=6))
    numbers = [alt.Tooltip(f"{name}:Q", format=".1f") for name in ("likeness", "expected")]
    line = alt.Chart(opposed).mark_rule(color=RED, strokeDash=[5, 4], strokeWidth=1.2, opacity=0.6)
    people = alt.Chart(judged).mark_point(filled=True, color=TEAL, size=40, opacity=0.35)
    mean = alt.Chart(means).encode(x=x, y=y)
    layers = [
        line.encode(x=x, y=y, x2=alt.X2("to_likeness"), y2=alt.Y2("to_expected")),
        people.encode(x=x, y=y, tooltip=[alt.Tooltip("source:N"), alt.Tooltip("person:N"), *numbers]),
        mean.mark_point(filled=True, color=TEAL, size=140, opacity=1).encode(
            tooltip=[alt.Tooltip("source:N"), *numbers, alt.Tooltip("people:Q")]
        ),
        mean.mark_text(color=GREY, dy=-15, fontSize=12, fontWeight="bold", limit=_NAMES).encode(
            text=alt.Text("source:N")
        ),
    ]
    return alt.layer(*layers).properties(height=380, width="container")
