"""The heuristics page: statements and figures, never without kind and citation."""

import re
from collections.abc import Callable, Iterable
from itertools import groupby

import streamlit as st

from core.survey.heuristics import RELATIONS, Figure, Statement
from pages._text import plain


def show_figures(figures: Iterable[Figure]) -> None:
    """Figures by what was set against what; the relations stay apart."""
    order = list(RELATIONS)
    for relation, some in groupby(sorted(figures, key=lambda one: order.index(one.relation)), lambda one: one.relation):
        st.markdown(f"**{RELATIONS[relation]}**")
        show_cited(some, lambda figure: _signed(f"**{figure.value}** {figure.says}"))


def show_cited(told: Iterable[Statement] | Iterable[Figure], text: Callable) -> None:
    """Statements as a list, with kind and citation small below those that share them."""
    for origin, some in groupby(told, key=origin_of):
        st.markdown("\n".join(f"- {text(one)}" for one in some) + f"  \n:small[:gray[{origin}]]")


def origin_of(told: Statement | Figure) -> str:
    changing = " Unpublished, may change." if isinstance(told, Figure) and told.unpublished else ""
    return f"{told.kind.capitalize()}: {plain(told.citation)}.{changing}"


def _signed(text: str) -> str:
    """`text` with true minus signs before its numbers."""
    return re.sub(r"(?<!\w)-(?=\.?\d)", "\u2212", text)
