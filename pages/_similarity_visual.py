"""How alike images look: two answers per source, and every feature behind them."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import pandas as pd
import streamlit as st

from core.similarity.visual import LARGEST, Difference, answers, compare, keys_in, median
from core.similarity.visual_charts import distances_chart, distributions_chart, profiles_chart
from core.similarity.visual_glossary import FEATURES, GROUPS, SIDE, SIZE
from pages._charts import spec_of
from pages._text import plain

NAMED = 3  # differences of a group that its sentence names
UNITS = (
    f"Distances are in standard deviations of both sets together: 0 is alike, {LARGEST:g} is nothing in common. "
    "Points: distances. Lines: 95 % intervals. Grey: what chance alone gives where both are drawn from one set."
)
GROUP_MEANING = {
    "colour": "What would stay the same if the pixels of each image were shuffled.",
    "structure": "What depends on where the pixels are: sharpness, noise, edges, texture, coarse and fine.",
}


class Measured(Protocol):
    """A set of images, or its fingerprint: `visual` is what `counts_of` gave, None where nothing was measured yet."""

    name: str
    n: int
    visual: dict[str, np.ndarray] | None

    def pictures(self, key: str, end: Literal["low", "high"]) -> list[tuple[str, str]]:
        """Caption and data URL of images at one end of a feature; none for a fingerprint."""


compare_looks = st.cache_data(compare, max_entries=50, show_spinner=False)


def show_visual(target: Measured, sources: Sequence[Measured]) -> None:
    """The two answers, in words, and behind them each feature of one source beside the target."""
    if target.visual is None:
        st.markdown(f"The images of {plain(target.name)} have not been measured yet.")
        return
    if missing := [plain(source.name) for source in sources if source.visual is None]:
        st.caption(f"Not measured yet: {', '.join(missing)}.")
    measured = [source for source in sources if source.visual is not None]
    if not measured:
        return
    differences = {source.name: compare_looks(target.visual, source.visual) for source in measured}
    _show_answers(differences)
    _show_words(target, measured, differences)
    _show_closer(target, measured, differences)
    _show_table(target, measured, differences)


def _show_answers(differences: dict[str, dict[str, Difference]]) -> None:
    """One column per answer, each in its own order: they are never merged."""
    by_source = {name: answers(found) for name, found in differences.items()}
    for column, (group, title) in zip(st.columns(len(GROUPS), gap="large"), GROUPS.items(), strict=True):
        with column:
            st.subheader(title, anchor=False)
            st.caption(GROUP_MEANING[group])
            _show_answer(title, {name: found[group] for name, found in by_source.items()})
    st.caption(f"{UNITS} Each answer is the mean over its features. Looking alike does not mean useful as a source.")


def _show_answer(title: str, found: dict[str, Difference]) -> None:
    known = {name: difference for name, difference in found.items() if difference.value is not None}
    ordered = sorted(known, key=lambda name: known[name].value)
    if ordered:
        rows = [{"source": name, **vars(known[name])} for name in ordered]
        spec = spec_of(distances_chart, pd.DataFrame(rows))
        st.vega_lite_chart(spec, alt=f"{title}: distance of each source, with interval")
        st.markdown(_order_in_words(ordered, known))
    if unknown := [f"{plain(name)} ({found[name].note})" for name in found if name not in known]:
        st.markdown(f"Unknown: {', '.join(unknown)}.")
    for note in sorted({difference.note for difference in known.values()} - {""}):
        of = [plain(name) for name in ordered if known[name].note == note]
        st.caption(f"{', '.join(of) if len(of) < len(ordered) else 'All'}: {note}.")


def _order_in_words(ordered: list[str], known: dict[str, Difference]) -> str:
    """Which source is nearest, and what cannot be told apart."""
    nearest = known[ordered[0]]
    said = [f"Nearest: **{plain(ordered[0])}**, {_with_interval(nearest)}."] if len(ordered) > 1 else []
    if among := [plain(name) for name in ordered[1:] if known[name].low <= nearest.high]:
        said.append(f"Not told apart from it: {', '.join(among)}.")
    if same := [plain(name) for name in ordered if not known[name].seen]:
        said.append(f"No difference seen: {', '.join(same)}.")
    return " ".join(said)


def _with_interval(difference: Difference) -> str:
    return f"{difference.value:.2f} ({difference.low:.2f} to {difference.high:.2f})"


def _show_words(target: Measured, sources: list[Measured], differences: dict[str, dict[str, Difference]]) -> None:
    st.markdown(f"**What differs most from {plain(target.name)}**")
    st.caption(
        f"Up to {NAMED} features per answer, of those whose interval does not reach 0; behind each its distance."
    )
    for source in sources:
        lines = [
            f"{title}: {_largest_in_words(target, source, differences[source.name], keys_in(group))}"
            for group, title in GROUPS.items()
        ]
        lines += _size_in_words(target, source)
        st.markdown("  \n".join([f"- **{plain(source.name)}**", *(f"  {line}." for line in lines)]))


def _largest_in_words(target: Measured, source: Measured, found: dict[str, Difference], keys: list[str]) -> str:
    """ "saturation higher (1.40), contrast lower (0.31)": of the source, against the target."""
    clear = sorted((key for key in keys if found[key].low), key=lambda key: -found[key].value)
    said = [f"{_lower(key)} {_direction(target, source, key)} ({found[key].value:.2f})" for key in clear[:NAMED]]
    return ", ".join(said) or "no feature differs clearly"


def _lower(key: str) -> str:
    return FEATURES[key].name.lower()


def _direction(target: Measured, source: Measured, key: str) -> str:
    here, there = (median(key, one.visual[key]) for one in (target, source))
    return "higher" if there > here else "lower" if there < here else "spread differently"


def _size_in_words(target: Measured, source: Measured) -> list[str]:
    """A caution where images are smaller than the scale of measuring, and those of the other set are not as small."""
    here, there = (median("short_side", one.visual["short_side"]) for one in (target, source))
    smaller, larger = sorted((here, there))
    if not (smaller < 0.9 * SIDE and larger > 1.2 * smaller):
        return []
    share = f"{there / here:.0%}" if there < here else f"{there / here:.1f} times"
    return [
        f"Resolution: the short side of its images is about {share} that of the target's, so structure is measured on "
        "details of different size"
    ]


@st.fragment
def _show_closer(target: Measured, sources: list[Measured], differences: dict[str, dict[str, Difference]]) -> None:
    """One feature of one source beside the target, with pictures, and the power spectra of both."""
    st.subheader("Look closer", anchor=False)
    by_name = {source.name: source for source in sources}
    with st.container(horizontal=True):
        source = by_name[st.selectbox("Source", list(by_name), key="visual_source", width=320)]
        found = differences[source.name]
        keys = sorted(FEATURES, key=lambda key: _place(key, found[key]))
        key = st.selectbox(
            "Feature", keys, format_func=_label, key="visual_feature", help="The one that differs most is the first."
        )
    names = (f"{target.name}: target, N = {target.n:,}", f"{source.name}: source, N = {source.n:,}")
    left, right = st.columns(2, gap="large")
    with left:
        _show_feature(target, source, key, found[key], names)
    with right:
        _show_profiles(target, source, names)


def _place(key: str, difference: Difference) -> tuple[bool, float]:
    """The largest distance first; what belongs to neither answer, and what is unknown, at the end."""
    return FEATURES[key].group == SIZE, 1.0 if difference.value is None else -difference.value


def _label(key: str) -> str:
    """ "Sharpness (structure and texture)"."""
    return f"{FEATURES[key].name} ({_group(key).lower()})"


def _group(key: str) -> str:
    group = FEATURES[key].group
    return "Size, in neither answer" if group == SIZE else GROUPS[group]


def _show_feature(
    target: Measured, source: Measured, key: str, difference: Difference, names: tuple[str, str]
) -> None:  # fmt: skip
    st.markdown(f"**{FEATURES[key].name}**")
    st.caption(FEATURES[key].meaning)
    if difference.value is None:
        st.markdown(f"Distance unknown: {difference.note}.")
    else:
        verdict = "" if difference.seen else " No difference seen."
        by_chance = f"by chance alone up to {difference.floor:.2f}"
        st.markdown(f"Distance **{_with_interval(difference)}**, {by_chance}.{verdict}")
    if source.visual[key].any() and target.visual[key].any():
        spec = spec_of(distributions_chart, key, target.visual[key], source.visual[key], names)
        st.vega_lite_chart(spec, alt=f"{FEATURES[key].name} of the images of both sets")
    _show_pair(target, source, key)


def _show_pair(target: Measured, source: Measured, key: str) -> None:
    """An example of each, from the ends that lie apart."""
    source_end = "low" if _direction(target, source, key) == "lower" else "high"
    target_end = "high" if source_end == "low" else "low"
    for column, one, end in zip(st.columns(2), (target, source), (target_end, source_end), strict=True):
        with column:
            st.caption(f"{plain(one.name)}: {end} {_lower(key)}")
            pictures = one.pictures(key, end)
            if not pictures:
                st.caption("No picture: a fingerprint holds no images.")
            for caption, picture in pictures[:1]:
                st.image(picture, width="stretch", alt=caption, caption=plain(caption))


def _show_profiles(target: Measured, source: Measured, names: tuple[str, str]) -> None:
    st.markdown("**Coarse and fine structure**")
    st.caption(
        "How much of what one sees is coarse (left) or fine (right): the mean power spectrum of the images, each at "
        "its own contrast; shaded: one standard deviation of the images."
    )
    spec = spec_of(profiles_chart, target.visual, source.visual, names)
    st.vega_lite_chart(spec, alt="Radial power profiles of both sets")


def _show_table(target: Measured, sources: list[Measured], differences: dict[str, dict[str, Difference]]) -> None:
    with st.expander("All features of all sources", icon=":material/table:"):
        table = pd.DataFrame(
            {
                "Source": source.name,
                "Answer": _group(key),
                "Feature": FEATURES[key].name,
                "Unit": FEATURES[key].unit,
                "Distance": found.value,
                "Low": found.low,
                "High": found.high,
                "By chance": found.floor,
                "Median, target": median(key, target.visual[key]),
                "Median, source": median(key, source.visual[key]),
                "Note": found.note,
            }
            for source in sources
            for key, found in differences[source.name].items()
        )
        distances = dict.fromkeys(
            ["Distance", "Low", "High", "By chance"], st.column_config.NumberColumn(format="%.2f")
        )
        medians = dict.fromkeys(["Median, target", "Median, source"], st.column_config.NumberColumn(format="%.3g"))
        st.caption("Medians are read from histograms, to half a bin.")
        st.dataframe(table, hide_index=True, placeholder="", column_config=distances | medians)
        st.download_button(
            "Download as CSV", table.to_csv(index=False), "looks.csv", "text/csv", icon=":material/download:",
            key="visual_csv",
        )  # fmt: skip
