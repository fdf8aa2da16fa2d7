"""What in this tool stands for a word: the measures, where they are, and the values of the data sets in view."""

import pandas as pd
import streamlit as st

from core.errors import SourceScoutError
from core.metrics import METRICS
from core.scoring.ranking import ranking
from core.similarity.measures import MEASURES
from core.similarity.semantic import compare
from core.similarity.visual_glossary import FEATURES, GROUPS
from core.sources.record import FIELDS, SourceDataset
from core.sources.shortlist import shortlisted
from core.survey.glossary import MeasuredBy
from core.target import COLORS, TargetTask
from pages import _state
from pages._registry import BUILT
from pages._similarity_meaning import TAXONOMY, profiles_of
from pages._sources_shared import UNKNOWN, records, short
from pages._target_reading import Found, read
from pages._text import count, plain

STEPS = {step.key: step for step in BUILT}
MEANING = "similarity/Meaning"
MOST_SOURCES = 8  # in one table
NOT_RECORDED = ":gray[not recorded of a target]"


def show_values(measured_by: MeasuredBy, current: _state.View) -> None:
    """The measures in words, the values at hand, and links to where all of them are. Distances and scores of a target
    are shown once they are open to who sits here."""
    covered = _state.covered(current)
    meaning = bool(measured_by.fields) and MEANING in measured_by.views
    _show_measures(measured_by)
    if measured_by.fields:
        _show_facts(measured_by.fields, current, meaning and not covered)
    for metric in measured_by.metrics:
        _show_scores(metric, current, covered)
    if covered and (meaning or measured_by.metrics):
        _say_covered()
    with st.container(horizontal=True):
        for view in measured_by.views:
            _link_to_view(view)


def _show_measures(measured_by: MeasuredBy) -> None:
    looks = [f"**{FEATURES[key].name}**: {FEATURES[key].meaning}" for key in measured_by.looks if key in FEATURES]
    groups = [
        f"**{title}**: " + ", ".join(one.name.lower() for one in FEATURES.values() if one.group == key)
        for key, title in GROUPS.items()
        if key in measured_by.looks
    ]
    distances = [f"**{MEASURES[key].name}**: {MEASURES[key].meaning}" for key in measured_by.distances]
    if lines := groups + looks + distances:
        st.markdown("\n".join(f"- {line}" for line in lines))
        st.caption("They are measured on images, on the similarity page, where their values are.")


def _show_facts(fields: tuple[str, ...], current: _state.View, meaning: bool) -> None:
    """What is known of the target and of the sources in view, and how far apart they are in `meaning`."""
    known = records()
    chosen = [key for key in _sources_in_view(current) if key in known]
    sources = {key: known[key] for key in chosen[:MOST_SOURCES]}
    rows = [{"": plain(source.name)} | {FIELDS[about].title: short(source, about) for about in fields}
            for source in sources.values()]  # fmt: skip
    meaning = meaning and current.task is not None
    if meaning:
        rows = [row | {"Distance in meaning": far} for row, far in zip(rows, _distances(current, sources), strict=True)]
    if current.task:
        rows = [{"": f"**{plain(current.task.name)}** (target)"} | _of_target(fields, current.task), *rows]
    if rows:
        st.table(pd.DataFrame(rows).set_index("").fillna(""))
    if meaning and chosen:
        st.caption("Distance in meaning: 0 the same, 1 nothing in common, with the default weights; in brackets the "
                   "range that unknown properties leave open.")  # fmt: skip
    if len(chosen) > MOST_SOURCES:
        st.caption(f"The first {MOST_SOURCES} of {len(chosen)} sources; the rest are in their records.")
    if not chosen:
        st.caption("No source is on the shortlist or compared yet; the sources page shows these facts of all.")


def _distances(current: _state.View, sources: dict[str, SourceDataset]) -> list[str]:
    """With default weights, and the range that the unknown leaves open."""
    target, profiles = profiles_of(current, sources)
    found = [compare(target, profile, TAXONOMY) for profile in profiles.values()]
    return ["unknown" if one.distance is None else f"{one.distance:.2f} ({one.low:.2f} to {one.high:.2f})"
            for one in found]  # fmt: skip


def _sources_in_view(current: _state.View) -> list[str]:
    """Keys of the sources that this session compares with the target, else of those on its shortlist."""
    compared = st.session_state.get("similarity_sources", [])
    return compared or (shortlisted(_state.store().shortlist(current.target_id)) if current.target_id else [])


def _of_target(fields: tuple[str, ...], task: TargetTask) -> dict[str, str]:
    """What the target tells, by title of the field."""
    known = {"modality": plain(task.modality), "anatomy": plain(task.anatomy), "color": COLORS[task.color],
             "label_type": task.label_type}  # fmt: skip
    try:
        known |= _of_images(read(task))
    except SourceScoutError:
        known |= dict.fromkeys(("images", "patients", "classes", "resolution"), "its images cannot be read")
    return {FIELDS[about].title: known.get(about, NOT_RECORDED) or UNKNOWN for about in fields}


def _of_images(found: Found) -> dict[str, str]:
    inspection, counts = found.inspection, found.inspection.counts
    smallest = counts["train" if "train" in counts else "all"].min()
    sizes = [f"{one.width} x {one.height} pixels" for one in inspection.sizes.itertuples()]  # most frequent first
    more = f", and {count(len(sizes) - 1, 'other size')}" if sizes[1:] else ""
    return {
        "images": f"{len(found.part.indices):,} in its training part" if found.part else "none to train on",
        "patients": "" if inspection.n_groups is None else f"{count(inspection.n_groups, 'group')} in all parts",
        "classes": f"{len(counts):,}, the smallest with {count(smallest, 'image')} to train on",
        "resolution": sizes[0] + more if sizes else "",
    }


def _say_covered() -> None:
    st.caption("Distances and scores of this target stay covered until you have said what you expect, or skipped that.")
    if "intuition" in STEPS:
        step = STEPS["intuition"]
        st.page_link(step.file, label=step.title, icon=f":material/{step.icon}:")


def _show_scores(metric: str, current: _state.View, covered: bool) -> None:
    """The metric in words and, unless `covered`, the values of the newest run that has it, with what chance gives."""
    about = METRICS[metric]
    st.markdown(f"- **{about.name}**: {about.meaning}")
    if covered:
        return
    scores = ((run, [one for one in _state.store().scores(run.id) if one["metric"] == metric]) for run in current.runs)
    run, results = next(((run, found) for run, found in scores if found), (None, []))
    if run is None:
        st.caption("No run has computed it for the target in view yet.")
        return
    frame = ranking(run.summary, results, metric)
    number = st.column_config.NumberColumn
    first = ["architecture"] if about.one_architecture else []  # only within one can values be compared
    st.dataframe(
        frame[[*first, "candidate", "value", "low", "high", "null", "p", "verdict"]], hide_index=True, placeholder="",
        alt=f"{about.name} of each candidate",
        column_config={
            "architecture": "Architecture",
            "candidate": "Candidate",
            "value": number(f"Value ({about.unit})", format="%.3f"),
            "low": number("95 % from", format="%.3f"),
            "high": number("to", format="%.3f"),
            "null": number("Noise scores", format="%.3f"),
            "p": number("p", format="%.3f"),
            "verdict": "How far to trust it",
        },
    )  # fmt: skip
    st.caption(f"{plain(current.task.name)}, {count(run.summary['sample']['n'], 'image')}.")


def _link_to_view(view: str) -> None:
    """A link to PAGE or PAGE/VIEW."""
    key, _, name = view.partition("/")
    step = STEPS[key]
    st.page_link(step.file, label=f"{step.title}, {name}" if name else step.title, icon=f":material/{step.icon}:",
                 query_params={f"{key}_view": name} if name else None)  # fmt: skip
