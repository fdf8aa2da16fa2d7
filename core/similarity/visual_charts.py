"""Charts of how alike sets of images look, in the look of `core.charts`: a source in teal, the target in violet."""

import altair as alt
import numpy as np
import pandas as pd

from core.charts import GREY, TEAL, VIOLET
from core.similarity.visual import LARGEST, PROFILE, PROFILE_N, PROFILE_SD
from core.similarity.visual_glossary import FEATURES, RING_EDGES

_ROW, _AXIS, _HEIGHT = 30, 50, 320


def distances_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Distances with their intervals (teal) and what chance alone gives (grey), a row per source, in order of `frame`:
    columns `source`, `value`, `low`, `high`, `floor`."""
    x = alt.X("value:Q", title="Distance, standard deviations", scale=alt.Scale(domain=[0, LARGEST]))
    y = alt.Y("source:N", sort=frame["source"].tolist(), title=None, axis=alt.Axis(labelLimit=180))
    numbers = [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("value", "low", "high", "floor")]
    base = alt.Chart(frame).encode(y=y, tooltip=[alt.Tooltip("source:N"), *numbers])
    floor = base.mark_bar(color=GREY, opacity=0.3, height=14).encode(x=alt.X("floor:Q"), x2=alt.X2Datum(0))
    interval = base.mark_rule(color=TEAL, strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high"))
    point = base.mark_point(filled=True, size=110, opacity=1, color=TEAL).encode(x=x)
    return alt.layer(floor, interval, point).properties(height=_ROW * len(frame) + _AXIS, width="container")


def distributions_chart(key: str, target: np.ndarray, source: np.ndarray, names: tuple[str, str]) -> alt.LayerChart:
    """Histograms of one feature, as shares of the images: the source as bars, the target as a line over them. `names`
    of target and source."""
    feature, edges = FEATURES[key], FEATURES[key].edges
    filled = np.flatnonzero(target + source)
    first, last = max(filled[0] - 1, 0), min(filled[-1] + 2, len(target))
    parts = []
    for name, counts in zip(names, (target, source), strict=True):
        share = counts[first:last] / counts.sum()
        parts.append(
            pd.DataFrame({"set": name, "left": edges[first:last], "right": edges[first + 1 : last + 1], "share": share})
        )
    unit = f", {feature.unit}" if feature.unit else ""
    scale = alt.Scale(type="log" if feature.log else "linear", zero=False, nice=False)
    axis = alt.Axis(tickCount=6, format="~g") if feature.log else alt.Axis(tickCount=6)
    x = alt.X("left:Q", title=f"{feature.name}{unit}", scale=scale, axis=axis)
    base = _pair(pd.concat(parts), names).encode(
        x=x, y=alt.Y("share:Q", title="Share of images", axis=alt.Axis(format="%", tickCount=4))
    )
    bars = base.mark_rect(opacity=0.75).encode(x2=alt.X2("right"), y2=alt.Y2Datum(0))
    line = base.mark_line(interpolate="step-after", strokeWidth=2)
    return _source_below_target(bars, line, names)


def profiles_chart(target: dict, source: dict, names: tuple[str, str]) -> alt.LayerChart:
    """Mean radial power profiles, a band of one standard deviation of the images around each; from what
    `core.similarity.visual.counts_of` gave of target and source."""
    centres = np.sqrt(RING_EDGES[:-1] * RING_EDGES[1:])
    parts = []
    for name, held in zip(names, (target, source), strict=True):
        mean, sd = held[PROFILE], held[PROFILE_SD]
        parts.append(
            pd.DataFrame(
                {
                    "set": name,
                    "waves": centres,
                    "power": mean,
                    "low": mean - sd,
                    "high": mean + sd,
                    "n": held[PROFILE_N],
                }
            )
        )
    x = alt.X("waves:Q", title="Waves per short side: coarse to fine", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("power:Q", title="Power, powers of ten", axis=alt.Axis(tickCount=6))
    base = _pair(pd.concat(parts).dropna(), names).encode(x=x)
    band = base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))
    return alt.layer(band, base.mark_line(strokeWidth=2).encode(y=y)).properties(height=_HEIGHT, width="container")


def _pair(frame: pd.DataFrame, names: tuple[str, str]) -> alt.Chart:
    legend = alt.Legend(orient="top", labelLimit=600, symbolType="square", symbolOpacity=1)
    scale = alt.Scale(domain=list(names), range=[VIOLET, TEAL])
    color = alt.Color("set:N", title=None, legend=legend, scale=scale)
    figures = [name for name in frame.columns if name != "set"]
    tooltip = [alt.Tooltip("set:N"), *(alt.Tooltip(f"{name}:Q", format=".3~g") for name in figures)]
    return alt.Chart(frame).encode(color=color, tooltip=tooltip)


def _source_below_target(bars: alt.Chart, line: alt.Chart, names: tuple[str, str]) -> alt.LayerChart:
    of_target, of_source = (alt.FieldEqualPredicate(field="set", equal=name) for name in names)
    layers = bars.transform_filter(of_source), line.transform_filter(of_target)
    return alt.layer(*layers).properties(height=_HEIGHT, width="container")
