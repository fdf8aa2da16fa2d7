"""Images that are copies of each other, and marks that could give the class away: what was found, with pictures."""

import pandas as pd
import streamlit as st

from core.images.near import SimilarSet
from core.images.shortcuts import CERTAIN, FEWEST_IMAGES, MOST_IMAGES, PERMUTATIONS, STRONG, YES_NO, Check
from core.target import TargetTask
from pages._target_reading import THUMBNAIL, Found, label_of, shortcuts, similar, split_of, thumbnails
from pages._text import code, count, plain

COPIES, SHORTCUTS = "target-copies", "target-shortcuts"  # anchors; a heading with a target's name has one, too
SETS_SHOWN = 3
MOST_PICTURES = 6  # of one set or class
ON_REQUEST = 10_000  # with more images, comparing them waits for a click
PARTS = {"train": "training", "val": "validation", "test": "test"}


def show_alike(task: TargetTask, found: Found) -> None:
    """Copies across classes and parts, then marks that go with a class."""
    if found.part is None:
        return
    st.subheader("Are there copies among the images?", anchor=COPIES)
    if _wanted(found, "similar", len(found.listing)):
        show_sets(task, found)
    st.subheader("Could something else give the class away?", anchor=SHORTCUTS)
    show_shortcuts(found)


def _wanted(found: Found, name: str, n: int) -> bool:
    key = f"target_{name}_wanted_{found.key}"
    if n <= ON_REQUEST or st.session_state.get(key):
        return True
    st.caption(f"Comparing {n:,} images with each other reads some of them again, which takes a while.")
    if st.button("Look for near-duplicates", icon=":material/search:"):
        st.session_state[key] = True
        st.rerun()
    return False


@st.fragment
def show_sets(task: TargetTask, found: Found) -> None:
    """Sets of equal or nearly equal images, those across classes or parts first, side by side."""
    sets = similar(task, found)
    if not sets:
        st.markdown("No. No two images are equal or near-duplicates of each other.")
        _say_limits()
        return
    classes, splits = (sum(getattr(s, name) for s in sets) for name in ("across_classes", "across_splits"))
    near = sum(not same.exact for same in sets)
    st.markdown(
        f"**{count(len(sets), 'set')}** of images that are alike: {len(sets) - near:,} with equal pixels, "
        f"{near:,} with near-duplicates, which differ in size, brightness or compression, or are neighbouring frames. "
        f"{count(sum(len(s.rows) for s in sets), 'image')} in all."
    )
    if classes:
        st.markdown(
            f":orange[:material/warning:] **{count(classes, 'set')} across classes**: perhaps the same picture under "
            "different labels.  \n:gray[Look at them: one of the labels may be wrong.]"
        )
    if splits:
        st.markdown(
            f":orange[:material/warning:] **{count(splits, 'set')} across parts**: test results will be too good.  \n"
            ":gray[Remove the copies from the test or validation part.]"
        )
    shown = st.session_state.setdefault(f"target_sets_shown_{found.key}", SETS_SHOWN)
    for same in sets[:shown]:
        _show_set(found, same)
    with st.container(horizontal=True, vertical_alignment="center"):
        if shown < len(sets) and st.button(f"Show more ({len(sets) - shown:,} left)", key="target_sets_more"):
            st.session_state[f"target_sets_shown_{found.key}"] = shown + 2 * SETS_SHOWN
            st.rerun(scope="fragment")
        st.download_button(
            "Download all sets as CSV", lambda: _table(found, sets).to_csv(index=False).encode(), "similar_images.csv",
            "text/csv", icon=":material/download:", on_click="ignore", key="target_sets_download",
        )  # fmt: skip
    _say_limits()


def _say_limits() -> None:
    st.caption(
        "In a test with changed copies, 96 to 100% of those saved again, resized, made brighter or darker, or lettered "
        "were found, and a third to nine tenths of those cropped by 2% or turned by one degree. Copies that were "
        "cropped or turned further or mirrored are not found, nor are different images of one patient. Where all "
        "images look much the same, two must be even more alike to be called near-duplicates."
    )


def _show_set(found: Found, same: SimilarSet) -> None:
    rows = same.rows[:MOST_PICTURES]
    with st.container(border=True):
        more = f", {len(rows)} of {len(same.rows)} shown" if len(same.rows) > len(rows) else ""
        st.caption(("Equal pixels" if same.exact else "Near-duplicates") + more)
        with st.container(horizontal=True, gap="small"):
            for row, picture in zip(rows, thumbnails(found, rows), strict=True):
                with st.container(width=THUMBNAIL + 20, gap=None):
                    st.image(picture, width=THUMBNAIL, alt=found.listing.ids[row])
                    part = PARTS.get(split_of(found, row), "")
                    st.caption(f"**{plain(label_of(found, row))}**{f' · {part}' if part else ''}  \n"
                               f"{code(found.listing.ids[row])}")  # fmt: skip


def _table(found: Found, sets: tuple[SimilarSet, ...]) -> pd.DataFrame:
    rows = [
        (n, found.listing.ids[row], label_of(found, row), split_of(found, row), same.exact, same.across_classes,
         same.across_splits)
        for n, same in enumerate(sets, start=1) for row in same.rows
    ]  # fmt: skip
    names = ["set", "image", "label", "part", "equal pixels", "different labels", "different parts"]
    return pd.DataFrame(rows, columns=names)


def show_shortcuts(found: Found) -> None:
    """The risks in words and pictures, then every check with its figures."""
    seen = shortcuts(found)
    if seen.n < FEWEST_IMAGES:
        st.markdown(f"That cannot be told from {count(seen.n, 'image')}; at least {FEWEST_IMAGES} are needed.")
    elif not seen.checks:
        st.markdown(
            f"None of the marks that SourceScout knows tells images of the {count(seen.n, 'image')} looked at apart."
        )
    elif not seen.risks:
        st.markdown("**Nothing was found.** No mark, size or shape that SourceScout looks for goes with a class.")
    else:
        st.markdown(
            f":orange[:material/warning:] **Shortcut risk: {count(len(seen.risks), 'marker')} "
            f"{'goes' if len(seen.risks) == 1 else 'go'} with a class.** A network may learn these instead of the "
            "disease; scores on these images are then too good for any other hospital."
        )
        for check in seen.risks[:SETS_SHOWN]:
            _show_risk(found, seen.boxes, check)
        for check in seen.risks[SETS_SHOWN:]:
            st.markdown(f":orange[:material/warning:] {plain(check.sentence)}")
    if seen.checks:
        with st.expander("All checks", icon=":material/table:"):
            st.dataframe(_checks_table(seen.checks), hide_index=True)
            st.caption(
                f"Strength 0 to 1: correlation ratio (for two classes and yes or no: Cramér's V). p: {PERMUTATIONS:,} "
                f"permutations, adjusted for all checks; a risk has p ≤ {CERTAIN} and a strength of {STRONG} or more."
            )
    st.caption(
        f"Looked at: {count(seen.n, 'image')} of the training part, one per group, at most {MOST_IMAGES:,}. Found are "
        "bright letters near the edge, words of three or more bright letters anywhere, drawn crosses in pairs, "
        "borders, colour on grey, and sizes. On breast ultrasound that the rules were not tuned on, though looked at "
        "twice while they were made, 13 of 19 images with callipers and 12 of 19 with words were found, and 1 of 128 "
        "without callipers was flagged. Dark or blurred letters, words of two letters, lines without crosses, tubes "
        "and electrodes, differences in noise or contrast, and marks on images below 64 pixels are missed. "
        "Finding nothing is no proof that there is no shortcut."
    )


def _show_risk(found: Found, boxes: dict, check: Check) -> None:
    with st.container(border=True):
        st.markdown(f":orange[:material/warning:] {plain(check.sentence)}  \n:gray[{check.remedy}]")
        rows = check.examples[:MOST_PICTURES]
        marked = check.marker in ("text", "letter", "overlay", "calliper")
        drawn = tuple(tuple(map(tuple, boxes.get(row, ()))) if marked else () for row in rows)
        with st.container(horizontal=True, gap="xsmall"):
            for row, picture in zip(rows, thumbnails(found, rows, drawn), strict=True):
                st.image(picture, width=THUMBNAIL // 2 if not marked else THUMBNAIL, alt=found.listing.ids[row])


def _checks_table(checks: tuple[Check, ...]) -> pd.DataFrame:
    rows = [
        {
            "marker": check.name,
            "for": check.label or "classes",
            "risk": check.risk,
            "strength": round(check.strength, 2),
            "p": round(check.p, 4),
            "share or median per class": ", ".join(
                f"{line['class']}: {line['value']:.0%}"
                if check.marker in YES_NO
                else f"{line['class']}: {line['value']:.3g}"
                for _, line in check.by_class.iterrows()
            ),
        }
        for check in checks
    ]
    return pd.DataFrame(rows)
