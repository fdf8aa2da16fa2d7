"""The similarity page: ten characteristics that several people answer, the expert distance, and how far they agree."""

import math
import statistics
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.errors import SimilarityError
from core.similarity import questionnaire
from core.similarity.questionnaire import (
    CANNOT_JUDGE,
    FEWEST_DATA_SETS,
    LONGEST_NAME,
    TARGET,
    Answer,
    agreement,
    by_person,
    distances,
    from_csv,
    to_csv,
)
from core.sources.record import SourceDataset
from core.store import data_set_of
from core.tables import decoded
from pages import _state
from pages._text import count, plain

ASKED = questionnaire.shipped()
FARTHEST = math.sqrt(len(ASKED.questions))


def show_people(current: _state.View, sources: dict[str, SourceDataset]) -> None:
    """What people answered, and the form."""
    names = {TARGET: f"The target: {current.task.name}"} | {key: record.name for key, record in sources.items()}
    answers = _answers(current)
    st.subheader("How far people see them apart", anchor=False)
    st.markdown(
        f"Each person describes the target and the sources by {len(ASKED.questions)} characteristics, on their own. "
        "The expert distance grows with the number of those in which a source differs, from 0 to "
        f"{FARTHEST:.2f} (the square root of {len(ASKED.questions)})."
    )
    _show_distances(answers, names)
    _show_agreement([one for one in answers if one.data_set in names])
    _ask(current, answers, names)
    _exchange(current, answers)


def _answers(current: _state.View) -> list[Answer]:
    """Those on the target in view and on sources; the target goes by TARGET here, whatever its id."""
    ours = data_set_of(current.target_id)
    told = [one for one in _state.store().answers(current.project.id) if one.version == ASKED.version]
    told = [replace(one, data_set=TARGET) if one.data_set == ours else one for one in told]
    return [one for one in told if not one.data_set.startswith(data_set_of(""))]


def _show_distances(answers: list[Answer], names: dict[str, str]) -> None:
    sources = [key for key in names if key != TARGET]
    found = distances(ASKED, answers, sources)
    people = list(dict.fromkeys(person for told in found.values() for person in told))
    if not people:
        st.info("Nobody has described both the target and one of these sources yet. The form is below.")
        return
    rows = []
    for key in sources:
        values = [one.value for one in found[key].values()]
        rows.append({
            "Source": names[key],
            "People": len(values),
            "Mean": statistics.mean(values) if values else None,
            "Spread (SD)": statistics.stdev(values) if len(values) > 1 else None,
            "Answered": ", ".join(f"{one.answered}/{one.of}" for one in found[key].values()),
            **{person: found[key][person].value if person in found[key] else None for person in people},
        })  # fmt: skip
    frame = pd.DataFrame(rows).sort_values("Mean", kind="stable")
    numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in ("Mean", "Spread (SD)", *people)}
    st.dataframe(frame, hide_index=True, placeholder="", column_config=numbers, alt="Expert distances")
    st.caption(
        "Per characteristic 0 for the same answer, 0.5 where one answer holds of either side, 1 for different ones; "
        "the square root of the sum of squares, as in the early scoring of the study that the questions are modelled "
        f"on ({ASKED.cites}). What somebody cannot judge is left out, and the rest scaled up to {len(ASKED.questions)} "
        "characteristics. One column per person; the spread is the standard deviation over people."
    )


def _show_agreement(answers: list[Answer]) -> None:
    found = {key: agreement(answers, key) for key in ASKED.questions}
    if not any(one.pairs for one in found.values()):
        return
    st.subheader("How far people agree", anchor=False)
    st.dataframe(
        pd.DataFrame({
            "Characteristic": [question.title for question in ASKED.questions.values()],
            "Data sets": [one.data_sets for one in found.values()],
            "Pairs": [one.pairs for one in found.values()],
            "Same answer": [one.same for one in found.values()],
            "Alpha": [one.alpha for one in found.values()],
        }),
        hide_index=True, placeholder="", alt="Agreement per characteristic",
        column_config={"Same answer": st.column_config.NumberColumn(format="percent"),
                       "Alpha": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    st.caption(
        "Over the data sets that two or more people judged: the share of pairs of people who gave the same answer, and "
        "Krippendorff's alpha (2011, for answers without an order), which is 1 for full agreement and 0 for what "
        f"chance gives. Alpha is given from {FEWEST_DATA_SETS} data sets on; it is not defined where all gave one "
        "answer."
    )


def _ask(current: _state.View, answers: list[Answer], names: dict[str, str]) -> None:
    st.subheader("Describe a data set", anchor=False)
    left, right = st.columns(2)
    person = left.text_input(
        "Who answers: a pseudonym or a number", key="people_person", max_chars=LONGEST_NAME, persist_state="session",
        help="Best no name: what is written here is shown on this page and stands in the export.",
    ).strip()  # fmt: skip
    data_set = right.selectbox("Data set", list(names), format_func=names.get, key="people_data_set")
    if not person:
        st.caption("The questions come when it is known who answers.")
        return
    told = by_person(answers).get(person, {})
    st.caption(f"{plain(person)} has answered: " + ", ".join(
        f"{plain(name)} {len(told.get(key, {}))}/{len(ASKED.questions)}" for key, name in names.items()))  # fmt: skip
    before = told.get(data_set, {})
    with st.form(f"people_{person}_{data_set}"):
        given = {}
        for question in ASKED.questions.values():
            wording = question.answers | {CANNOT_JUDGE: CANNOT_JUDGE}
            given[question.key] = st.pills(
                question.asks, list(wording), format_func=wording.get, default=before.get(question.key), wrap=True,
                key=f"people_{person}_{data_set}_{question.key}",
            )  # fmt: skip
        if st.form_submit_button("Save", type="primary", icon=":material/save:"):
            _save(current, person, data_set, given)


def _save(current: _state.View, person: str, data_set: str, given: dict[str, str | None]) -> None:
    kept = _stored_name(current, data_set)
    answers = [Answer(person, kept, key, answer, ASKED.version) for key, answer in given.items() if answer]
    _state.store().save_answers(current.project.id, person, kept, answers)
    st.toast(f"Saved: {count(len(answers), 'answer')} of {len(given)}.")
    st.rerun()


def _stored_name(current: _state.View, data_set: str) -> str:
    return data_set_of(current.target_id) if data_set == TARGET else data_set


def _exchange(current: _state.View, answers: list[Answer]) -> None:
    """Out as a table, in from one, and away."""
    with st.expander("Export, import, remove answers", key="people_exchange"):
        if answers:
            st.download_button("Export all answers as CSV", to_csv(answers), "answers.csv", "text/csv",
                               icon=":material/download:", on_click="ignore")  # fmt: skip
        file = st.file_uploader(
            "Import answers (CSV)", "csv", key="people_file",
            help=f"Columns: {', '.join(questionnaire.COLUMNS)}. The data set is a source's key, or `{TARGET}`.",
        )  # fmt: skip
        if file is not None and st.button("Add these answers", icon=":material/upload:"):
            _import(current, file.getvalue())
        people = list(by_person(answers))
        if people:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                gone = st.selectbox("Remove all answers of", people, index=None, key="people_gone", width=300)
                if st.button("Remove answers", icon=":material/delete:", disabled=gone is None):
                    _state.store().remove_answers(current.project.id, gone)
                    st.rerun()


def _import(current: _state.View, content: bytes) -> None:
    try:
        answers = from_csv(decoded(content, SimilarityError), ASKED)
    except SimilarityError as error:
        _state.show_error(error)
    else:
        kept = [replace(one, data_set=_stored_name(current, one.data_set)) for one in answers]
        _state.store().add_answers(current.project.id, kept)
        st.toast(f"Imported: {count(len(kept), 'answer')}.")
        st.rerun()
