"""The sources page: up to four data sets side by side, and how each stands to the target."""

import pandas as pd
import streamlit as st

from core.sources.compare import ALIKE, COMPARED, DIFFERS, standing, target_values
from core.sources.record import FIELDS, SourceDataset
from core.target import TargetTask
from pages import _state
from pages._sources_shared import UNKNOWN, short
from pages._text import plain

MOST_COMPARED = 4
MARKS = {ALIKE: ":green-background[{}]", DIFFERS: ":orange-background[{}]"}
PLAIN_NUMBERS = ("classes", "images")  # shown beside the target's, without a verdict
ROWS = (
    "modality", "anatomy", "content", "images", "classes", "patients", "label_type", "label_source", "label_quality",
    "color", "resolution", "population", "demographics", "bias", "access", "data_licence", "data_commercial",
    "weights_licence", "custom",
)  # fmt: skip


def show_comparison(current: _state.View, chosen: list[SourceDataset]) -> None:
    """One row per field; differences to the target stand out."""
    wanted = _wanted(current.task)
    head = f"Target: {plain(current.task.name)}" if current.task else "Target (none in view)"
    table = {head: [_target_cell(about, wanted) for about in ROWS]}
    for record in chosen:
        table[f"**{plain(record.name)}**"] = [_cell(record, about, wanted) for about in ROWS]
    frame = pd.DataFrame(table, index=[FIELDS[about].title for about in ROWS])
    st.table(frame, border="horizontal")
    st.caption(
        ":green-background[alike] and :orange-background[different] are told by the words of the target's description. "
        "More alike is not the same as more useful. Sources and dates of every fact are in the records."
    )


def _wanted(task: TargetTask | None) -> dict[str, object]:
    if task is None:
        return dict.fromkeys(COMPARED)
    classes = len(task.label_columns) or len(task.class_meanings) or None
    return target_values(task, classes, task.labelled_images)


def _target_cell(about: str, wanted: dict[str, object]) -> str:
    value = wanted.get(about)
    if about not in COMPARED:
        return ""
    if about == "data_commercial":
        return "must be allowed" if value else "need not be allowed"
    if value is None:
        return "not stated"
    if isinstance(value, tuple):
        return plain(", ".join(value))
    return f"{value:,}" if isinstance(value, int) else plain(str(value))


def _cell(record: SourceDataset, about: str, wanted: dict[str, object]) -> str:
    text = short(record, about)
    if text == UNKNOWN:
        return f":gray[{UNKNOWN}]"
    if about not in COMPARED or about in PLAIN_NUMBERS:
        return text
    return MARKS.get(standing(record, about, wanted.get(about)), "{}").format(text)
