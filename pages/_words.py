"""Words for all pages: the definition of a term for a tooltip, and the way to its entry."""

import streamlit as st

from core.survey.glossary import shipped


def define(term: str) -> str:
    """The definition of an entry of the glossary, as Markdown for `help=`."""
    return shipped().entries[term].definition


def link_to(term: str) -> None:
    """A link to the entry of `term` on the page *Words*, with its definition as tooltip."""
    st.page_link("words.py", label=f"What is meant by {term}?", icon=":material/menu_book:",
                 query_params={"term": term}, help=define(term))  # fmt: skip
