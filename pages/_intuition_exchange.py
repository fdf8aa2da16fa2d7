"""The intuition page: answers as a table, out and in."""

import streamlit as st

from core.errors import SourceScoutError, SurveyError
from core.survey.exchange import COLUMNS, from_csv, to_csv
from core.survey.instrument import known_sets
from core.survey.responses import Response
from core.tables import decoded
from pages import _state
from pages._intuition_asked import inquiry_of
from pages._sources_shared import records
from pages._text import count

NOTE = (
    "Pseudonyms, no codes and no names. What people wrote of themselves is in it: their expertise may tell who they "
    "are. A table that was exported keeps the answers of people who withdraw later."
)


def show_exchange(current: _state.View, responses: list[Response]) -> None:
    """Out as a table, in from one, and away with what was imported."""
    with st.expander("Answers as a table (CSV): export, import", key="team_exchange"):
        if responses:
            st.download_button("Export all answers", to_csv(responses), "expectations.csv", "text/csv",
                               icon=":material/download:", on_click="ignore")  # fmt: skip
            st.caption(NOTE)
        _ask_for_table(current)
        _offer_removal(current)


def show_import(current: _state.View) -> None:
    """In from a table, for who may not see the answers yet."""
    with st.expander("Import answers from a table (CSV)", key="team_exchange"):
        _ask_for_table(current)


def _ask_for_table(current: _state.View) -> None:
    file = st.file_uploader(
        "Import answers (CSV)", "csv", key="team_file",
        help=f"From people who answered elsewhere. Columns: {', '.join(COLUMNS)}. Compare an exported table.",
    )  # fmt: skip
    if file is not None and st.button("Add these answers", icon=":material/upload:"):
        _import(current, file.getvalue())


def _import(current: _state.View, content: bytes) -> None:
    """All of the table or nothing."""
    sets = known_sets(_state.store().question_sets())
    try:
        asked_about = [*records(), *inquiry_of(current).sources]
        responses = from_csv(decoded(content, SurveyError), sets, asked_about)
        new = _state.store().import_responses(current.target_id, responses)
    except SourceScoutError as error:
        _state.show_error(error)
        st.caption("Nothing was stored.")
        return
    known = len(responses) - new
    st.toast(f"Imported: {count(new, 'response')}." + (f" {known} were here already." if known else ""))
    st.rerun()


def _offer_removal(current: _state.View) -> None:
    imported = _state.store().imported(current.project.id)
    if not imported:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        gone = st.selectbox("Remove imported answers of", list(imported), index=None, key="team_gone", width=300,
                            help="From all targets of this project.")  # fmt: skip
        if st.button("Remove them", icon=":material/delete:", disabled=gone is None):
            _state.store().withdraw(current.project.id, imported[gone])
            st.rerun()
