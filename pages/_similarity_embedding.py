"""The similarity page, view *To a network*: how alike target and sources are to networks, side by side."""

import pandas as pd
import streamlit as st

from core.similarity.embedding_charts import (
    BRUSH,
    distances_chart,
    distances_frame,
    inside,
    projection_chart,
)
from core.similarity.measures import MEASURES, NEEDS
from core.similarity.order import seen, tiers
from core.similarity.projection import METHODS
from pages._charts import spec_of
from pages._text import count, plain

HOW_TO_READ = (
    "Each point is one source, the line its 95 % interval. The grey mark is what *no difference at all* would give at "
    "this number of images: two halves of one set, compared with each other. A line that reaches the grey mark means "
    "that no difference was seen. Sources joined by *and* have intervals that overlap: there is no order between them."
)
NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA", "nca": "NCA", "lda": "LDA"}
MOST_SHOWN = 36  # images of a selection
COLUMNS = {
    "encoder": "Network", "source": "Source", "measure": "Measure", "value": "Value", "floor": "No difference gives",
    "excess": "Beyond that", "low": "from (95 %)", "high": "to (95 %)", "images": "Images of each", "note": "Note",
}  # fmt: skip


def show_embedding(results: dict) -> None:
    """Distances and projections of one target and its sources.

    `results`, plain JSON: {
      "target": {"name": str, "n": int},
      "encoders": [{
        "name": str, "width": int,
        "sources": [{"name": str, "n": int, "distances": {key of MEASURES: Distance as a dict}}],
        "projections": {key of METHODS: {"points": [[x, y], ...], "preservation": float, "trustworthiness": float}
                        or {"reason": str}},
      }],
      "images": {"set": [str], "class": [str | None], "caption": [str], "picture": [data URL | None]}
    }
    "images" names the rows of every "points", the target's first; it may be left out where there are no projections.
    """
    encoders = results["encoders"]
    if not any(encoder["sources"] for encoder in encoders):
        st.info("No source has been compared through a network yet.")
        return
    st.caption(
        f"Target: {plain(results['target']['name'])}, {count(results['target']['n'], 'image')}. Through "
        f"{count(len(encoders), 'network')}: a network turns an image into numbers, its features. "
        "Networks disagree, so look at several."
    )
    frame = distances_frame(results)
    keys = [key for key in MEASURES if frame.loc[frame["measure"] == key, "value"].notna().any()]
    first = [key for key in keys if MEASURES[key].first and (_without_images(frame) or not _of_fingerprints(key))]
    st.markdown(HOW_TO_READ)
    for key in first:
        _show_measure(key, encoders, frame)
    with st.expander("More measures"):
        for key in keys:
            if key not in first:
                _show_measure(key, encoders, frame)
        _show_missing(frame)
    with st.expander("All values"):
        _show_values(frame)
    if any(encoder.get("projections") for encoder in encoders):
        _show_projection(results)


def _of_fingerprints(key: str) -> bool:
    return MEASURES[key].needs == "fingerprints"


def _without_images(frame: pd.DataFrame) -> bool:
    """Whether of some source only a fingerprint is at hand: then measures of fingerprints alone compare all."""
    return set(frame["source"]) != set(frame.loc[frame["measure"] == "kid", "source"])


def _show_measure(key: str, encoders: list[dict], frame: pd.DataFrame) -> None:
    about = MEASURES[key]
    st.subheader(about.name, anchor=False, help=" ".join(filter(None, [about.limits, about.paper])))
    st.caption(f"{about.meaning} {'More' if about.alike == 'high' else 'Less'} means more alike. {NEEDS[about.needs]}")
    by_encoder = {encoder["name"]: _of(encoder, key) for encoder in encoders}
    orders = {name: tiers(distances, about.alike) for name, distances in by_encoder.items()}
    flat = {name: [source for tier in order for source in tier] for name, order in orders.items() if order}
    drawn = frame[frame["measure"] == key].drop(columns=["n", "needs", "note"])
    spec = spec_of(distances_chart, drawn, key, flat)
    st.vega_lite_chart(spec, alt=f"{about.name} of every source, per network", key=f"embedding_{key}")
    lines = [f"- {plain(name)}: {_order_in_words(order, by_encoder[name])}" for name, order in orders.items() if order]
    st.markdown(f"Most alike first, by network ({_sizes(frame, key)}):\n" + "\n".join(lines))


def _of(encoder: dict, key: str) -> dict[str, dict]:
    return {s["name"]: s["distances"][key] for s in encoder["sources"] if key in s["distances"]}


def _order_in_words(order: list[list[str]], distances: dict[str, dict]) -> str:
    words = "; then ".join(" and ".join(plain(source) for source in tier) for tier in order)
    same = [source for tier in order for source in tier if seen(distances[source]) is False]
    return words + (f". No difference seen: {', '.join(map(plain, same))}." if same else ".")


def _sizes(frame: pd.DataFrame, key: str) -> str:
    """How many images one measurement compares; they differ between sources of different size."""
    sizes = frame[(frame["measure"] == key) & frame["value"].notna()]["images"].unique()
    return f"N = {'; '.join(sizes)} images of target and source"


def _show_missing(frame: pd.DataFrame) -> None:
    """Why a measure has no value, once for each reason."""
    for (key, note), rows in frame[frame["value"].isna()].groupby(["measure", "note"], sort=False):
        sources = ", ".join(plain(name) for name in rows["source"].unique())
        st.caption(f"{MEASURES[key].name}, unknown for {sources}: {note}")


def _show_values(frame: pd.DataFrame) -> None:
    st.caption("From and to are the 95 % interval of what is beyond no difference. Empty: unknown.")
    table = frame.assign(measure=frame["measure"].map(lambda key: MEASURES[key].name))
    st.dataframe(
        table[list(COLUMNS)].rename(columns=COLUMNS), hide_index=True, alt="All distances",
        column_config={
            COLUMNS[name]: st.column_config.NumberColumn(format="%.4g")
            for name in ("value", "floor", "excess", "low", "high")
        },
    )  # fmt: skip


@st.fragment
def _show_projection(results: dict) -> None:
    """One projection; what is brushed in it opens below."""
    st.subheader("Target and sources in one picture", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        encoders = {encoder["name"]: encoder for encoder in results["encoders"] if encoder.get("projections")}
        encoder = encoders[st.selectbox("Network", encoders, key="embedding_encoder", width=320)]
        method = st.segmented_control(
            "Projection", list(encoder["projections"]), default=next(iter(encoder["projections"])), required=True,
            format_func=NAMES.get, key="embedding_method",
        )  # fmt: skip
        by = st.segmented_control(
            "Colour", ["set", "class"], default="set", required=True, key="embedding_colour",
            format_func={"set": "Data set", "class": "Class"}.get,
        )  # fmt: skip
    found = encoder["projections"][method]
    st.caption(METHODS[method])
    if "reason" in found:
        st.info(found["reason"])
        return
    points = _points(results["images"], found["points"])
    event = st.altair_chart(
        projection_chart(points, by), on_select="rerun", selection_mode=BRUSH,
        alt=f"{NAMES[method]} of all images, coloured by {by}",
        key=f"embedding_picture_{encoder['name']}_{method}_{by}",
    )  # fmt: skip
    _show_trust(found)
    _show_selected(inside(points, event["selection"].get(BRUSH, {})))


def _points(images: dict, points: list[list[float]]) -> pd.DataFrame:
    frame = pd.DataFrame(points, columns=["x", "y"])
    # with the set's name: "normal" of one set is not that of another
    classes = [f"{set_}: {name or 'no class'}" for set_, name in zip(images["set"], images["class"], strict=True)]
    return frame.assign(
        **{"set": images["set"], "class": classes, "caption": images["caption"], "image": images["picture"]}
    )


def _show_trust(found: dict) -> None:
    st.caption(
        f"How far to trust it: {100 * found['preservation']:.0f} % of the ten nearest neighbours of an image, by its "
        f"features, are still among its ten nearest here. Trustworthiness {found['trustworthiness']:.2f}: 1 if images "
        "that are neighbours here are near each other in the features too, about 0.5 for points laid out at random."
    )


def _show_selected(chosen: pd.DataFrame) -> None:
    if chosen.empty:
        st.caption("Drag a rectangle in the picture to see the images in it; a double click removes it.")
        return
    shown = chosen.head(MOST_SHOWN)
    st.markdown(
        f"**{count(len(chosen), 'image')} selected**"
        + (f", the first {MOST_SHOWN} of them" if len(chosen) > MOST_SHOWN else "")
    )
    with st.grid(min_column_width=110):
        for row in shown.itertuples():
            with st.container(gap=None):
                if row.image:
                    st.image(row.image, width="stretch", alt=row.caption)
                st.caption(f"{plain(row.set)}: {plain(row.caption)}")
