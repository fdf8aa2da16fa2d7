"""The intuition page: which sources are asked about, with which question set, and who may look at the evidence."""

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from core.errors import SourceScoutError, SurveyError
from core.sources.catalogue import sources_of
from core.sources.shortlist import shortlisted
from core.store import Inquiry
from core.survey.instrument import (
    FEWEST_SOURCES,
    MOST_SOURCES,
    QuestionSet,
    dump_questions,
    known_sets,
    parse_questions,
    shipped,
)
from core.survey.responses import latest
from pages import _state
from pages._sources_shared import gist, records
from pages._text import count, distinct, plain


def inquiry_of(current: _state.View) -> Inquiry:
    """What is asked about the target in view; while nobody has said it, a proposal."""
    stored = _state.store().inquiry(current.target_id)
    if stored and len(stored.sources) >= FEWEST_SOURCES:
        return stored
    return Inquiry(_proposal(current), shipped().name, bool(stored and stored.opened))


def asked_in(inquiry: Inquiry) -> QuestionSet:
    return _sets()[inquiry.asked]


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """Names of sources by key; what has no record is named by its candidate."""
    known = records()
    return distinct({key: known[key].name if key in known else key for key in keys})


def show_sources(keys: Iterable[str]) -> None:
    """What the sources are, folded away; nothing that was measured."""
    known = records()
    with st.popover("What are these sources?", icon=":material/help:", type="tertiary"):
        st.markdown("".join(f"- **{plain(name)}**: {gist(known[key])}\n" for key, name in names_of(keys).items()
                            if key in known) or "They have no record in the catalogue.")  # fmt: skip


def show_asked(current: _state.View, inquiry: Inquiry) -> None:
    """Choose sources and question set; open where there are too few sources to begin."""
    unready = len(inquiry.sources) < FEWEST_SOURCES
    with st.expander("What is asked, of which sources", icon=":material/tune:", expanded=unready):
        chosen = _choose_sources(current, inquiry)
        asked = _choose_set(current, inquiry)
        if people := len(latest(_state.store().responses(current.target_id))):
            st.warning(
                f"{count(people, 'person has', 'people have')} answered already. After a change here, what they said "
                "is about the earlier list: it is kept, and shown apart from later answers.",
                icon=":material/history:",
            )
        wanted = replace(inquiry, sources=tuple(chosen), asked=asked)
        saved = wanted == _state.store().inquiry(current.target_id)
        if st.button("Ask this", icon=":material/save:", disabled=saved or len(chosen) < FEWEST_SOURCES):
            _state.store().save_inquiry(current.target_id, wanted)
            st.rerun()
        _exchange_sets(asked)


def show_opening(current: _state.View, inquiry: Inquiry) -> None:
    """For whoever created the project: open the evidence for everybody, or cover it again. That of synthetic data is
    never covered."""
    if current.project.synthetic or current.project.creator not in ("", _state.me()):
        return
    label = "Cover it again" if inquiry.opened else "Open the evidence for everybody"
    about = "Only for you, who created this project. Who answers while it is open is recorded as not blinded."
    if st.button(label, icon=":material/lock_open:", help=about if current.project.creator else None):
        _state.store().save_inquiry(current.target_id, replace(inquiry, opened=not inquiry.opened))
        st.rerun()


def _proposal(current: _state.View) -> tuple[str, ...]:
    """The sources of the candidates, then the shortlist. A candidate of an unknown source stands for itself; a random
    initialisation comes from none."""
    found = [key for one in _own_sources(current).values() for key in one]
    found += shortlisted(_state.store().shortlist(current.target_id))
    return tuple(dict.fromkeys(found))[:MOST_SOURCES]


def _own_sources(current: _state.View) -> dict[str, tuple[str, ...]]:
    """What each candidate was pretrained on, by its name."""
    known = records()
    pretrained = [one.checkpoint for one in current.candidates if one.checkpoint.weights != "random"]
    return {one.name: sources_of(one, known) or (one.name,) for one in pretrained}


def _choose_sources(current: _state.View, inquiry: Inquiry) -> list[str]:
    own = [key for keys in _own_sources(current).values() for key in keys]
    names = names_of(dict.fromkeys([*inquiry.sources, *own, *records()]))
    return st.multiselect(
        f"Sources, {FEWEST_SOURCES} to {MOST_SOURCES}", list(names), default=list(inquiry.sources),
        format_func=names.get, max_selections=MOST_SOURCES, key=f"asked_sources_{current.target_id}_{inquiry.sources}",
        placeholder="data sets",
        help="Proposed are the sources of the registered candidates and the shortlist. Fewer are answered sooner.",
    )  # fmt: skip


def _sets() -> dict[str, QuestionSet]:
    return known_sets(_state.store().question_sets())


def _choose_set(current: _state.View, inquiry: Inquiry) -> str:
    sets = _sets()
    asked = st.selectbox(
        "Questions", list(sets), index=list(sets).index(inquiry.asked),
        format_func=lambda name: f"{sets[name].title} ({name})", key=f"asked_set_{current.target_id}_{inquiry.asked}",
    )  # fmt: skip
    st.caption(plain(sets[asked].origin))
    return asked


def _exchange_sets(asked: str) -> None:
    """For researchers: out as TOML, changed, and in again under another version."""
    st.download_button("Export these questions (TOML)", dump_questions(_sets()[asked]), f"{asked}.toml",
                       "application/toml", icon=":material/download:", on_click="ignore")  # fmt: skip
    file = st.file_uploader(
        "Import questions (TOML)", "toml", key="asked_file",
        help="Export some, change them, and raise the version: answers refer to key and version.",
    )  # fmt: skip
    if file is not None and st.button("Add these questions", icon=":material/upload:"):
        _import(file.getvalue())


def _import(content: bytes) -> None:
    try:
        added = parse_questions(content.decode("utf-8-sig"))
        if added.name == shipped().name and added != shipped():
            raise SurveyError(f"`{added.name}` is the set that ships.", "Give yours another key or version.")
        _state.store().add_question_set(added)
    except UnicodeDecodeError:
        _state.show_error(SurveyError("The file is no text in UTF-8.", "Save it as TOML in UTF-8."))
    except SourceScoutError as error:
        _state.show_error(error)
    else:
        st.toast(f"Added: {added.title} ({added.name}). Choose it under *Questions*.")
        st.rerun()
