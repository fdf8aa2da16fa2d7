"""What do we mean by our words? A glossary whose words are pinned to what is measured of the data sets at hand."""

import streamlit as st

from core.survey.glossary import ABSTRACT, OURS, SECONDARY, Entry, Statement, ambiguous_in, entry, shipped
from pages import _state
from pages._text import plain
from pages._words_values import show_values

KINDS = {
    ABSTRACT: ("from the paper's abstract", "green"),
    SECONDARY: ("from a summary by others", "orange"),
    OURS: ("ours", "gray"),
}
PER_ROW = 3


def ask_term() -> str | None:
    """The word to look up, by any of its spellings; the URL holds it."""
    names = [name for one in shipped().entries.values() for name in one.names]
    return st.selectbox("Look up a word", sorted(names, key=str.lower), index=None, key="term", bind="query-params",
                        placeholder="Type or choose a word")  # fmt: skip


def open_term(term: str | None) -> None:
    st.session_state["term"] = term


def show_entry(one: Entry, current: _state.View) -> None:
    """One word in full."""
    with st.container(border=True):
        st.subheader(one.term, anchor=False)
        if one.also:
            st.caption(f"In texts also: {plain(', '.join(one.also))}")
        st.markdown(f"{one.definition} {_kind(OURS)}")
        if one.questions:
            st.markdown("**An ambiguous word. It is clear once you answer:**\n" + _questions(one))
        if one.also_meant:
            st.markdown("**What people also mean by it, and what is said of it**")
            st.markdown("\n".join(f"- {_statement(statement)}" for statement in one.also_meant))
        st.markdown(f"**What stands for it here**  \n{one.here}")
        show_values(one.measured_by, current)


def _kind(kind: str) -> str:
    words, color = KINDS[kind]
    return f":{color}-badge[{words}]"


def _statement(statement: Statement) -> str:
    cited = f"  \n:small[[{plain(statement.by.text)}]({statement.by.address})]" if statement.by else ""
    return f"{statement.text} {_kind(statement.kind)}{cited}"


def _questions(one: Entry) -> str:
    return "\n".join(f"{number}. {question}" for number, question in enumerate(one.questions, 1))


def show_all(entries: list[Entry]) -> None:
    """All words with their definitions, row by row."""
    for first in range(0, len(entries), PER_ROW):
        for place, one in zip(st.columns(PER_ROW), entries[first : first + PER_ROW], strict=False):
            with place.container(border=True, height="stretch"):
                st.button(one.term, key=f"words_{one.term}", type="tertiary", on_click=open_term, args=(one.term,),
                          icon=":material/help:" if one.questions else ":material/menu_book:")  # fmt: skip
                st.caption(one.definition)


def show_trial() -> None:
    """A sentence of one's own, and what is ambiguous in it."""
    st.subheader("Try it: paste a sentence", anchor=False)
    sentence = st.text_area("A sentence, a reason or a note", key="words_sentence", max_chars=2_000, height=80,
                            placeholder="The domain gap is small.")  # fmt: skip
    st.caption("It is saved nowhere.")
    if not sentence:
        return
    found = ambiguous_in(sentence)
    if not found:
        st.markdown("None of the ambiguous words of this glossary is in it.")
    for one in found:
        with st.container(border=True):
            st.markdown(f"**{one.term}** can mean several things:\n" + _questions(one))
            st.button(f"More on {one.term}", key=f"words_more_{one.term}", on_click=open_term, args=(one.term,))


current = _state.view()
st.title("What do we mean by our words?")
st.caption(
    "Each word with what it means here, what people also mean by it, and what is measured for it. Definitions and "
    f"questions are ours; what comes from a publication says so. Glossary, version {shipped().version}."
)
asked = ask_term()
if asked:
    show_entry(entry(asked), current)
    st.button("All words", icon=":material/arrow_back:", on_click=open_term, args=(None,))
show_trial()
if not asked:
    st.subheader("All words", anchor=False)
    st.caption(":material/help: ambiguous, with two questions that make it explicit")
    show_all(list(shipped().entries.values()))
