"""How large, bright and colourful samples are, beside the target's images; and which samples are copies of others."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import histograms_chart
from core.errors import SourceScoutError
from core.images.near import SimilarSet
from core.images.samples import draw, histograms, label_of, rows_of
from pages import _state
from pages._sources_samples_reading import Shown, figures, figures_of_target, similar, thumbnails
from pages._target_reading import THUMBNAIL, read
from pages._text import code, count, plain

MEASURED = 500  # images at most
COMPARED = 2_000
SETS_SHOWN, MOST_PICTURES = 5, 6
TITLES = {
    "width": "Width, pixels",
    "height": "Height, pixels",
    "aspect": "Width : height",
    "intensity": "Mean grey value, 0 black to 255 white",
    "contrast": "Contrast: standard deviation of grey values",
    "saturation": "Mean saturation, 0 grey to 1 pure colours",
}


def show_figures(current: _state.View, name: str, shown: Shown, chosen: list[str]) -> None:
    """Histograms over a sample of the images, with the target's own laid over them."""
    rows = rows_of(shown.samples, chosen)
    sample = draw(rows, MEASURED, _ask_seed(len(rows) > MEASURED))
    seen = figures(shown, sample)
    if seen.empty:
        st.markdown(f"None of {count(len(sample), 'image')} can be read.")
        return
    if len(seen) < len(sample):
        st.caption(f":orange[:material/warning:] {count(len(sample) - len(seen), 'image')} cannot be read.")
    tables = {_with_n(name, seen): seen} | _figures_of_target(current)
    st.markdown(_colour_sentence(tables))
    st.altair_chart(
        histograms_chart(histograms(tables), TITLES), alt="Histograms of size, intensity and colour of the images"
    )
    st.caption(
        f"Share of images per bar. Measured: {count(len(seen), 'image')} of {len(rows):,}, "
        f"{'drawn at random' if len(rows) > len(sample) else 'all there are'}. An image counts as grey where its red, "
        "green and blue are equal everywhere. Alike in these figures does not mean useful as a source."
    )
    with st.expander("The numbers", icon=":material/table:"):
        st.dataframe(_summary(tables), hide_index=True)


def _ask_seed(matters: bool) -> int:
    if not matters:
        return 0
    return st.number_input(
        "Seed of the sample", 0, 2**31, step=1, key="samples_draw", bind="query-params", persist_state="session",
        width=160, help="The same number always draws the same images.",
    )  # fmt: skip


def _figures_of_target(current: _state.View) -> dict[str, pd.DataFrame]:
    """The figures of the training part of the target in view, where there is one and it can be read."""
    if current.task is None:
        return {}
    if not st.toggle("Lay the target over them", True, key="samples_target", persist_state="session"):
        return {}
    try:
        found = read(current.task)
    except SourceScoutError as error:
        _state.show_error(error)
        return {}
    if found.part is None:
        return {}
    seen = figures_of_target(found, draw(found.part.indices, MEASURED, 0))
    if seen.empty:
        return {}
    st.caption(f"Target: {plain(current.task.name)}, {found.part.name}.")
    return {_with_n("Target", seen): seen}


def _with_n(name: str, table: pd.DataFrame) -> str:
    return f"{name} (N = {len(table):,})"


def _colour_sentence(tables: dict[str, pd.DataFrame]) -> str:
    shares = [f"{plain(group)}: **{table['color'].mean():.0%}**" for group, table in tables.items()]
    return f"Images in colour, the others grey: {'; '.join(shares)}."


def _summary(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Median and the middle 90 % of each figure, a column per group."""

    def said(values: pd.Series) -> str:
        low, middle, high = np.percentile(values, (5, 50, 95))
        return f"{middle:.3g} ({low:.3g} to {high:.3g})"

    columns = {group: [said(table[figure]) for figure in TITLES] for group, table in tables.items()}
    return pd.DataFrame({"median (5% to 95%)": list(TITLES.values()), **columns})


def show_similar(current: _state.View, name: str, shown: Shown, chosen: list[str]) -> None:
    """Sets of equal and nearly equal images in a sample, side by side."""
    rows = rows_of(shown.samples, chosen)
    sample = np.sort(draw(rows, COMPARED, _ask_seed(len(rows) > COMPARED)))
    wanted = f"samples_similar_{shown.key}"
    if not st.session_state.get(wanted):
        st.caption(f"{count(len(sample), 'image')} of {len(rows):,} would be opened and compared with each other.")
        if not st.button("Look for near-duplicates", icon=":material/search:", key="samples_similar_look"):
            return
        st.session_state[wanted] = True
        st.rerun()
    sets, n_read = similar(shown, sample)
    among = f"{count(n_read, 'image')}" + (f" of {len(rows):,}, drawn at random" if len(rows) > len(sample) else "")
    if not sets:
        st.markdown(f"**None.** Among {among}, no two are equal or near-duplicates of each other.")
    else:
        exact, across = (sum(getattr(same, kind) for same in sets) for kind in ("exact", "across_classes"))
        differ = f" {count(across, 'set')} across classes." if across else ""
        st.markdown(
            f"**{count(len(sets), 'set')}** of images that are alike among {among}: {exact:,} with equal pixels, "
            f"{len(sets) - exact:,} with near-duplicates.{differ}"
        )
    _show_sets(shown, sets)
    st.caption(
        "Near-duplicates show the same picture, resized, saved again, brighter or darker. Copies that were cropped, "
        "turned or mirrored are mostly not found."
        + (" A copy is only found when both images are in the sample." if len(rows) > len(sample) else "")
    )


@st.fragment
def _show_sets(shown: Shown, sets: tuple[SimilarSet, ...]) -> None:
    key = f"samples_sets_shown_{shown.key}"
    n = st.session_state.setdefault(key, SETS_SHOWN)
    for same in sets[:n]:
        _show_set(shown, same)
    if n < len(sets):
        st.button(
            f"Show more ({len(sets) - n:,} left)", key="samples_sets_more", on_click=st.session_state.update,
            args=({key: n + 2 * SETS_SHOWN},),
        )  # fmt: skip


def _show_set(shown: Shown, same: SimilarSet) -> None:
    rows = same.rows[:MOST_PICTURES]
    with st.container(border=True):
        more = f", {len(rows)} of {len(same.rows)} shown" if len(same.rows) > len(rows) else ""
        st.caption(("Equal pixels" if same.exact else "Near-duplicates") + more)
        with st.container(horizontal=True, gap="small"):
            for row, picture in zip(rows, thumbnails(shown, rows), strict=True):
                with st.container(width=THUMBNAIL + 20, gap=None):
                    id_ = shown.samples.ids[row]
                    if isinstance(picture, str):
                        st.image(picture, width=THUMBNAIL, alt=id_)
                    st.caption(f"**{plain(label_of(shown.samples, row))}**  \n{code(id_)}")
