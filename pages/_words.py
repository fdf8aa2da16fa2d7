"""Words for all pages: what the terms of a view mean, and what is ambiguous in a text that is being written."""

from urllib.parse import urlencode

import streamlit as st

from core.survey.glossary import Entry, ambiguous_in, shipped

# The terms of each page, or view of a page, the most important first.
WORDS_HERE = {
    "overview": ("transfer learning", "source data set", "checkpoint", "fine-tuning", "permutation p"),
    "target": ("group", "test part", "near-duplicate", "shortcut", "leakage", "size"),
    "sources/Data sets": ("source data set", "size", "diversity", "label quality", "leakage"),
    "sources/Samples": ("source data set", "visual similarity", "image quality"),
    "sources/Leakage": ("leakage", "source data set", "test part"),
    "sources/Shortlist": ("source data set", "domain gap", "similarity", "size", "leakage"),
    "sources/Checkpoints": ("checkpoint", "source data set", "frozen features", "random initialisation"),
    "intuition/Your answer": ("similarity", "AUC point", "fine-tuning", "size", "diversity", "label quality"),
    "intuition/The team": ("semantic similarity", "visual similarity", "embedding similarity", "AUC point"),
    "intuition/Meeting": ("source data set", "AUC point", "similarity"),
    "intuition/Try it out": ("similarity", "AUC", "linear probe", "transferability"),
    "similarity/Meaning": ("semantic similarity", "domain gap", "negative transfer"),
    "similarity/Looks": ("visual similarity", "domain gap", "image quality", "interval", "fingerprint"),
    "similarity/To a network": ("embedding similarity", "frozen features", "checkpoint", "interval"),
    "similarity/Side by side": (
        "similarity", "semantic similarity", "visual similarity", "embedding similarity", "AUC", "interval",
    ),
    "scoring/Run": ("checkpoint", "frozen features", "transferability", "linear probe", "group", "permutation p"),
    "scoring/Ranking": (
        "transferability", "tie group", "permutation p", "interval", "AUC", "nats", "linear probe", "frozen features",
        "suitability", "adaptability",
    ),
    "heuristics/Cards": ("similarity", "domain gap", "source data set", "transferability", "AUC point", "shortcut"),
    "heuristics/Case studies": ("AUC", "AUC point", "interval", "fine-tuning", "random initialisation"),
    "heuristics/Guess the source": ("AUC point", "AUC", "fine-tuning", "source data set", "leakage"),
    "evidence/Outcomes": ("AUC", "AUC point", "negative transfer", "random initialisation", "interval"),
    "evidence/Track record": ("weighted tau", "regret", "hit", "AUC point", "interval", "transferability"),
}  # fmt: skip


def show_words(where: str) -> None:
    """What the terms of a page or view mean, folded away; each leads to its entry in a tab of its own."""
    with st.popover("Words here", icon=":material/menu_book:", type="tertiary"):
        entries = [shipped().entries[term] for term in WORDS_HERE[where]]
        st.markdown("\n\n".join(f"**[{one.term}]({_address(one)})**: {one.definition}" for one in entries))


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
    """Where the entry is, with what is in view."""
    in_view = {name: st.query_params[name] for name in ("project", "target") if name in st.query_params}
    return "words?" + urlencode(in_view | {"term": one.term})
