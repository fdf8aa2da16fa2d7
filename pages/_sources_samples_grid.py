"""Samples in a grid, page by page, and one of them large."""

import io
from itertools import groupby

import numpy as np
import streamlit as st
from PIL import Image

from core.errors import TargetError
from core.images.samples import (
    Samples,
    draw,
    few_of_each,
    figures_of,
    kind_of,
    label_of,
    look_at,
    rows_of,
)  # fmt: skip
from pages import _state
from pages._sources_samples_reading import Shown, thumbnails
from pages._text import code, count, plain

PAGE = 36  # images
FEW = 6  # of each class
TILE = 130  # pixels of width, at least
LONGEST_NAME = 20  # letters under a picture
LARGE = 720  # pixels of the longer side of an image looked at closely
LARGEST_SEED = 2**31
WHOLE = "Whole image"
ZOOMS = {WHOLE: 1, "2×": 2, "4×": 4, "8×": 8}
FEW_EACH, IN_ORDER, RANDOM = "A few of each class", "All in order", "Random"


@st.fragment
def show_grid(current: _state.View, name: str, shown: Shown, chosen: list[str]) -> None:
    """The images of the chosen classes, a page at a time; only those of the page are opened."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order, rows = _ordered(shown, chosen)
        first = (_ask_page((shown.key, tuple(chosen), order), -(-len(rows) // PAGE)) - 1) * PAGE
    st.caption(f"{first + 1:,} to {min(first + PAGE, len(rows)):,} of {count(len(rows), 'image')}")
    try:
        _show_page(shown, rows[first : first + PAGE])
    except TargetError as error:  # a damaged .npz
        _state.show_error(error)
    st.caption("A click on a name shows the image large. Images are only shown here; they stay where they are.")


def _ordered(shown: Shown, chosen: list[str]) -> tuple[str, np.ndarray]:
    rows = rows_of(shown.samples, chosen)
    orders = [FEW_EACH, IN_ORDER, RANDOM] if shown.n_classes > 1 else [IN_ORDER, RANDOM]
    order = st.segmented_control(
        "Order", orders, default=orders[0], required=True, key="samples_order", bind="query-params",
        persist_state="session",
    )  # fmt: skip
    if order == RANDOM:
        return order, draw(rows, len(rows), _ask_seed())
    return order, few_of_each(shown.samples, rows, FEW if order == FEW_EACH else len(rows))


def _ask_seed() -> int:
    return st.number_input(
        "Seed", 0, LARGEST_SEED, step=1, key="samples_seed", bind="query-params", persist_state="session", width=130,
        help="The same number always gives the same order; another one gives another.",
    )  # fmt: skip


def _ask_page(view: tuple, n_pages: int) -> int:
    """Another `view` begins with its first page; a link may name any page of the first one."""
    at = st.session_state.get("samples_page", 1)
    if st.session_state.get("samples_view", view) != view or at > n_pages:
        at = st.session_state["samples_page"] = 1
    st.session_state["samples_view"] = view
    page = st.number_input(
        f"Page, of {n_pages:,}", 1, n_pages, step=1, key="samples_page", bind="query-params", width=130
    )
    for name, icon, to in (("Previous", "chevron_left", page - 1), ("Next", "chevron_right", page + 1)):
        st.button(
            name, icon=f":material/{icon}:", key=f"samples_{name}", disabled=not 1 <= to <= n_pages,
            on_click=st.session_state.update, args=({"samples_page": to},),
        )  # fmt: skip
    return page


def _show_page(shown: Shown, rows: np.ndarray) -> None:
    """Pictures under the name of their class; each with it where classes are mixed or have one or two pictures here."""
    rows = rows.tolist()
    tiles = list(zip(rows, thumbnails(shown, tuple(rows)), [label_of(shown.samples, row) for row in rows], strict=True))
    blocks = [(label, list(block)) for label, block in groupby(tiles, key=lambda tile: tile[2])]
    if shown.n_classes and (len(blocks) > len(tiles) / 3 or len({label for label, _ in blocks}) < len(blocks)):
        _show_tiles(shown, tiles, with_label=True)
        return
    for label, block in blocks:
        if shown.n_classes:
            st.markdown(f"**{plain(label)}**")
        _show_tiles(shown, block, with_label=False)


def _show_tiles(shown: Shown, tiles: list[tuple[int, str | TargetError, str]], with_label: bool) -> None:
    with st.grid(min_column_width=TILE):
        for row, picture, label in tiles:
            with st.container(gap=None):
                _show_tile(shown, row, picture, label, with_label)


def _show_tile(shown: Shown, row: int, picture: str | TargetError, label: str, with_label: bool) -> None:
    id_ = shown.samples.ids[row]
    if with_label:
        st.caption(f"**{plain(_short(label))}**")
    if isinstance(picture, TargetError):
        st.caption(f":orange[:material/broken_image:] {picture.message}")
        return
    st.image(picture, width="stretch", alt=f"{label}: {id_}")
    name = id_ if shown.samples.in_npz else id_.rsplit("/", 1)[-1]
    if st.button(
        plain(name), key=f"samples_tile_{row}", type="tertiary", icon=":material/zoom_in:", wrap=False,
        width="stretch", help=f"Look closer: {plain(id_)}",
    ):  # fmt: skip
        st.dialog(plain(name), width="large")(_look_closer)(shown.samples, row)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 8]}…{name[-7:]}"


def _look_closer(samples: Samples, row: int) -> None:
    try:
        (values,) = look_at(samples, [row], np.array)
    except TargetError as error:  # a damaged .npz
        values = error
    if isinstance(values, TargetError):
        _state.show_error(values)
        return
    picture, about = st.columns([3, 2])
    with about:
        _say_facts(samples, row, values)
        zoom = ZOOMS[st.segmented_control("Zoom", list(ZOOMS), default=WHOLE, required=True, key="samples_zoom")]
        across, down = (
            st.slider(name, 0, 100, 50, key=f"samples_{name}", format="%d%%", disabled=zoom == 1) / 100
            for name in ("Across", "Down")
        )
    picture.image(_enlarged(values, zoom, across, down), alt=samples.ids[row])


def _say_facts(samples: Samples, row: int, values: np.ndarray) -> None:
    seen = figures_of(values)
    st.markdown(
        f"**{plain(label_of(samples, row))}**  \n"
        f"{seen['width']:,} × {seen['height']:,} pixels, {'colour' if seen['color'] else 'grey'}  \n"
        f"{kind_of(samples, row)}  \n"
        f"Grey values from 0 to 255: mean {seen['intensity']:.0f}, standard deviation {seen['contrast']:.0f}  \n"
        f"Saturation from 0 to 1: {seen['saturation']:.2f}"
    )
    st.caption(code(str(samples.path if samples.in_npz else samples.file(row))))


def _enlarged(values: np.ndarray, zoom: int, across: float, down: float) -> bytes:
    """PNG of a part of the image, 1 / `zoom` of its sides, LARGE pixels wide or high; the places are shares."""
    height, width = (max(1, side // zoom) for side in values.shape[:2])
    top, left = round((values.shape[0] - height) * down), round((values.shape[1] - width) * across)
    image = Image.fromarray(values[top : top + height, left : left + width])
    scale = LARGE / max(image.size)
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    image.resize([max(1, round(side * scale)) for side in image.size], method).save(buffer, "PNG")
    return buffer.getvalue()
