"""What was found in the images of a target: cautions, numbers, counts, examples, what is damaged or double."""

import altair as alt
import pandas as pd
import streamlit as st

from core.images.inspect import Finding
from core.target import COLORS, TargetTask
from pages._target_reading import THUMBNAIL, Found, examples
from pages._text import code, count, plain

ICONS = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":gray[:material/info:]",
}
PARTS = {"all": "all images", "train": "training", "val": "validation", "test": "test"}
FINDINGS_SHOWN = 5
MANY = 6  # with more classes than this, each shows fewer examples
MOSTLY = 0.8
LONGEST_LIST = 2000  # ids shown in a table; the download holds all


def show_found(task: TargetTask, found: Found) -> None:
    """What the verdict rests on."""
    show_findings(found)
    show_numbers(task, found)
    show_counts(task, found)
    show_examples(task, found)
    show_lists(found)


def show_findings(found: Found) -> None:
    """What is to be known of the images, with what to do."""
    findings = found.inspection.findings
    if not findings:
        return
    with st.container(border=True):
        for number, finding in enumerate(findings[:FINDINGS_SHOWN]):
            _show_finding(finding, number)
        if len(findings) > FINDINGS_SHOWN:
            with st.expander(f"{len(findings) - FINDINGS_SHOWN} more", icon=":material/more_horiz:"):
                for number, finding in enumerate(findings[FINDINGS_SHOWN:], FINDINGS_SHOWN):
                    _show_finding(finding, number)


def _show_finding(finding: Finding, number: int) -> None:
    remedy = f"  \n:gray[{finding.remedy}]" if finding.remedy else ""
    text, images = st.columns([6, 1], vertical_alignment="center") if finding.ids else (st.container(), None)
    text.markdown(f"{ICONS[finding.level]} {finding.text}{remedy}")
    if images:
        with images.popover(count(len(finding.ids), "image"), key=f"target_finding_{number}"):
            _show_ids(pd.DataFrame({"image": finding.ids}), f"target_finding_ids_{number}")


def _show_ids(table: pd.DataFrame, key: str) -> None:
    if len(table) > LONGEST_LIST:
        st.caption(f"The first {LONGEST_LIST:,} of {len(table):,}; the download holds all.")
    st.dataframe(table.head(LONGEST_LIST), hide_index=True)
    _download(table, f"{key.removeprefix('target_')}.csv", key)


def _download(table: pd.DataFrame, file_name: str, key: str) -> None:
    st.download_button(
        "Download as CSV",
        lambda: table.to_csv(index=False).encode(),
        file_name,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"{key}_download",
    )


def show_numbers(task: TargetTask, found: Found) -> None:
    """How many images, classes, groups; how large; grey or colour."""
    seen, listing = found.inspection, found.listing
    with st.container(horizontal=True):
        st.metric("Images read", f"{seen.n_images:,}", border=True)
        st.metric("Labels" if listing.labels.ndim == 2 else "Classes", len(listing.class_names), border=True)
        groups = "not known" if seen.n_groups is None else f"{seen.n_groups:,}"
        st.metric("Patients or groups", groups, border=True)
        st.metric("Width × height", _size_range(seen.sizes), border=True, help=_most_frequent_size(seen.sizes))
        st.metric("Colour", _color_found(seen.color), border=True, help=_color_counts(seen.color))
        n_test = found.n_test
        st.metric("Test part", f"{n_test:,} locked" if n_test else "none", border=True)


def _size_range(sizes: pd.DataFrame) -> str:
    if sizes.empty:
        return "none"
    spans = [
        f"{sizes[side].min()}" + (f"–{sizes[side].max()}" if sizes[side].nunique() > 1 else "")
        for side in ("width", "height")
    ]
    return f"{spans[0]} × {spans[1]}"


def _most_frequent_size(sizes: pd.DataFrame) -> str | None:
    if sizes.empty:
        return None
    first = sizes.iloc[0]
    return f"{len(sizes)} different sizes in pixels; most often {first['width']} × {first['height']}."


def _color_found(color: dict[str, int]) -> str:
    """One word for all images, "mostly" in front of it where a few differ."""
    name = max(color, key=color.get)
    share = color[name] / max(sum(color.values()), 1)
    return COLORS[name] if share == 1 else f"mostly {COLORS[name]}" if share > MOSTLY else "mixed"


def _color_counts(color: dict[str, int]) -> str:
    counts = ", ".join(f"{n:,} {COLORS[name]}" for name, n in color.items())
    return f"{counts}: judged from the pixels, not from the file type."


def show_counts(task: TargetTask, found: Found) -> None:
    """Images per class and part, as a chart with its table."""
    multi_label = found.listing.labels.ndim == 2
    st.subheader("Images per label" if multi_label else "Images per class", anchor=False)
    if multi_label:
        none = int((found.listing.labels.sum(axis=1) == 0).sum())
        st.caption(f"An image counts once for each of its labels; {count(none, 'image')} carry none of them.")
    counts = found.inspection.counts.rename(columns=PARTS)
    if task.class_meanings:
        counts.insert(1, "meaning", counts["class"].map(task.class_meanings).fillna(""))
    st.altair_chart(_counts_chart(counts), alt="Bar chart of the number of images per class and part")
    with st.expander("The numbers", icon=":material/table:"):
        st.dataframe(counts, hide_index=True)
        _download(counts, "images_per_class.csv", "target_counts")


def _counts_chart(counts: pd.DataFrame) -> alt.Chart:
    parts = [part for part in PARTS.values() if part in counts]
    long = counts.melt("class", parts, "part", "images").assign(order=lambda t: t["part"].map(parts.index))
    part = alt.Color("part:N", title=None, sort=parts, legend=alt.Legend(orient="top") if len(parts) > 1 else None)
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("images:Q", title="images", axis=alt.Axis(tickMinStep=1, tickCount=8, format=",d")),
            y=alt.Y("class:N", title=None, sort=list(counts["class"]), axis=alt.Axis(labelLimit=240)),
            color=part,
            order=alt.Order("order:Q"),
            tooltip=[alt.Tooltip(channel) for channel in ("class:N", "part:N", "images:Q")],
        )
        .properties(height=alt.Step(26))
    )


@st.fragment
def show_examples(task: TargetTask, found: Found) -> None:
    """Some images of each class, from the training part only."""
    st.subheader("Examples", anchor=False)
    turn = st.session_state.setdefault("target_examples_turn", 0)
    names = found.listing.class_names
    n_columns = 2 if len(names) in (2, 4) else 3
    per_class = 3 if len(names) > MANY else 8 if n_columns == 2 else 6
    shown = examples(found, per_class, turn)
    columns = st.columns(n_columns)
    for number, (name, (ids, thumbnails)) in enumerate(zip(names, shown, strict=True)):
        with columns[number % len(columns)], st.container(border=True):
            st.markdown(f"**{code(name)}** {plain(task.class_meanings.get(name, ''))}")
            if not ids:
                st.caption("No readable image in the training part.")
            else:  # one element for all pictures: each of its own would take longer to draw than to find
                st.image(list(thumbnails), width=THUMBNAIL // 2, alt=[f"{name}: {id_}" for id_ in ids])
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Show others", icon=":material/refresh:", key="target_examples_others"):
            st.session_state["target_examples_turn"] = turn + 1
            st.rerun(scope="fragment")
        with st.popover("Which images are these?"):
            rows = [(name, id_) for name, (ids, _) in zip(names, shown, strict=True) for id_ in ids]
            st.dataframe(pd.DataFrame(rows, columns=["class", "image"]), hide_index=True)
    st.caption("From the training part only. They are shown on this page alone; images never leave this machine.")


def show_lists(found: Found) -> None:
    """Every unreadable and every double image, where there are any."""
    seen = found.inspection
    if seen.unreadable:
        with st.expander(f"Unreadable: {count(len(seen.unreadable), 'image')}", icon=":material/broken_image:"):
            broken = found.index[found.index["error"] != ""]
            _show_ids(broken[["id", "error"]].rename(columns={"id": "image", "error": "reason"}), "target_unreadable")
    if seen.duplicates:
        with st.expander(
            f"Duplicates: {count(len(seen.duplicates), 'set')} of equal pixels", icon=":material/content_copy:"
        ):
            rows = [
                (number, id_, same.across_classes, same.across_splits)
                for number, same in enumerate(seen.duplicates, start=1)
                for id_ in same.ids
            ]
            names = ["set", "image", "different labels", "different parts"]
            _show_ids(pd.DataFrame(rows, columns=names), "target_duplicates")
