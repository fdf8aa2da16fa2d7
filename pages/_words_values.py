"""What in this tool stands for a word: the measures, where they are, and the values of the data sets in view."""

import pandas as pd
import streamlit as st

from core.errors import SourceScoutError
from core.metrics import METRICS
from core.scoring.ranking import ranking
from core.similarity.measures import MEASURES
from core.similarity.visual_glossary import FEATURES, GROUPS
from core.sources.record import FIELDS
from core.sources.shortlist import shortlisted
from core.survey.glossary import MeasuredBy
from core.target import COLORS, TargetTask
from pages import _state
from pages._registry import BUILT
from pages._sources_shared import records, short
from pages._target_form import TYPE_NAMES
from pages._target_reading import read
from pages._text import count, plain

STEPS = {step.key: step for step in BUILT}
MOST_SOURCES = 8  # in one table
NOT_RECORDED = ":gray[not recorded of a target]"


def show_values(measured_by: MeasuredBy, current: _state.View) -> None:
    """The measures in words, the values at hand, and links to where all of them are."""
    _show_measures(measured_by)
    if measured_by.fields:
        _show_facts(measured_by.fields, current)
    for metric in measured_by.metrics:
        _show_scores(metric, current)
    with st.container(horizontal=True):
        for view in measured_by.views:
            link_to_view(view)


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


def _show_facts(fields: tuple[str, ...], current: _state.View) -> None:
    """What is known of the target and of the sources in view."""
    known = records()
    sources = [known[key] for key in sources_in_view(current) if key in known]
    rows = {plain(source.name): [short(source, about) for about in fields] for source in sources[:MOST_SOURCES]}
    if current.task:
        rows = {f"**{plain(current.task.name)}** (target)": _of_target(fields, current.task)} | rows
    if rows:
        st.table(pd.DataFrame.from_dict(rows, orient="index", columns=[FIELDS[about].title for about in fields]))
    if len(sources) > MOST_SOURCES:
        st.caption(f"The first {MOST_SOURCES} of {len(sources)} sources; the rest are in their records.")
    if not sources:
        st.caption("No source is on the shortlist or compared yet; the sources page shows these facts of all.")


def sources_in_view(current: _state.View) -> list[str]:
    """Keys of the sources that this session compares with the target, else of those on its shortlist."""
    compared = st.session_state.get("similarity_sources", [])
    return compared or (shortlisted(_state.store().shortlist(current.target_id)) if current.target_id else [])


def _of_target(fields: tuple[str, ...], task: TargetTask) -> list[str]:
    try:
        found = read(task)
    except SourceScoutError:
        images, classes = "its images cannot be read", ""
    else:
        images = f"{len(found.part.indices):,} in its training part" if found.part else "none to train on"
        classes = f"{len(found.listing.class_names):,}"
    known = {
        "images": images, "classes": classes, "modality": plain(task.modality), "anatomy": plain(task.anatomy),
        "color": COLORS[task.color], "label_type": TYPE_NAMES[task.label_type],
    }  # fmt: skip
    return [(known[about] or ":gray[unknown]") if about in known else NOT_RECORDED for about in fields]


def _show_scores(metric: str, current: _state.View) -> None:
    """The values of the newest run that has this metric, with what chance gives."""
    about = METRICS[metric]
    st.markdown(f"- **{about.name}**: {about.meaning}")
    for run in current.runs:
        results = [result for result in _state.store().scores(run.id) if result["metric"] == metric]
        if results:
            break
    else:
        return
    frame = ranking(run.summary, results, metric)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame[["candidate", "value", "low", "high", "null", "p", "verdict"]], hide_index=True, placeholder="",
        alt=f"{about.name} of each candidate",
        column_config={
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


def link_to_view(view: str) -> None:
    """A link to PAGE or PAGE/VIEW."""
    key, _, name = view.partition("/")
    step = STEPS[key]
    st.page_link(step.file, label=f"{step.title}, {name}" if name else step.title, icon=f":material/{step.icon}:",
                 query_params={f"{key}_view": name} if name else None)  # fmt: skip
