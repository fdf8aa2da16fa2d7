"""Words for all pages: the definition of a term for a tooltip, and the way to its entry."""

from urllib.parse import urlencode

import streamlit as st

from core.survey.glossary import Entry, ambiguous_in, shipped


def define(term: str) -> str:
    """The definition of an entry of the glossary, as Markdown for `help=`."""
    return shipped().entries[term].definition


def link_to(term: str) -> None:
    """A link to the entry of `term` on the page *Words*, with its definition as tooltip."""
    st.page_link("words.py", label=f"What is meant by {term}?", icon=":material/menu_book:",
                 query_params={"term": term}, help=define(term))  # fmt: skip


def point_out(text: str) -> None:
    """Below a text field: its ambiguous words, each with the two questions that make it explicit. Nothing when there
    are none. The definitions are in the tooltip; a link opens the whole entry in a tab of its own, so that what was
    typed stays."""
    if not (found := ambiguous_in(text)):
        return
    lines = [f"- [{one.term}]({_address(one)}): {' '.join(one.questions)}" for one in found]
    st.caption(
        ":material/help: What is meant here? A few words more make it clear.\n" + "\n".join(lines),
        help="\n\n".join(f"**{one.term}**: {one.definition}" for one in found),
    )


def _address(one: Entry) -> str:
    return "words?" + urlencode({"term": one.term})
