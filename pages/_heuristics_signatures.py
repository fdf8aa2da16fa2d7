"""The heuristics page: ways in which choices fail, where this team's own words mention them."""

from itertools import groupby

import streamlit as st

from core.survey.signatures import Found, Said, find_signatures, texts
from pages import _state
from pages._heuristics_cited import origin_of, show_figures
from pages._heuristics_now import Now
from pages._text import count, plain

MOST_QUOTES = 3


def show_signatures(now: Now) -> None:
    """Prompts to think again, from the notes, the shortlist, the candidates and, once they are open to who sits here,
    the answers on the page Intuition."""
    current = now.view
    covered = _state.covered(current)
    responses = [] if covered else _state.store().responses(current.target_id)
    steps, notes = _state.store().shortlist(current.target_id), current.task.notes
    found = find_signatures(responses, steps, notes, now.pretrained_on)
    read = count(len(texts(responses, steps, notes)), "reason or note", "reasons and notes")
    hidden = " Answers of people stay out until you have answered yourself, or skipped." if covered else ""
    if not found:
        st.caption(f"Three known ways in which choices fail were looked for in {read} of this target and in its "
                   f"candidates: none is mentioned.{hidden}")  # fmt: skip
        return
    st.subheader("In your own words", anchor=False)
    st.caption(f"Prompts to think again, never a verdict. They go by words, in {read} of this target, and by its "
               f"candidates, and can be wrong.{hidden}")  # fmt: skip
    for _, some in groupby(found, key=lambda one: one.signature.key):
        _show_prompt(list(some))


def _show_prompt(found: list[Found]) -> None:
    signature = found[0].signature
    with st.container(border=True, key=f"signature_{signature.key}"):
        here, measured = st.columns([3, 2], gap="medium")
        here.markdown(f"**{signature.name}?** {signature.says.says}  \n:small[:gray[{origin_of(signature.says)}]]")
        for one in found:
            here.markdown(f"{plain(one.because)}\n" + _quotes(one.quotes))
        here.markdown(f"**One might:** {signature.instead}")
        with measured:
            show_figures(signature.evidence)


def _quotes(quotes: tuple[Said, ...]) -> str:
    lines = [f"\n- “{plain(one.text)}” :gray[({plain(one.who)})]" for one in quotes[:MOST_QUOTES]]
    more = len(quotes) - MOST_QUOTES
    return "".join(lines) + (f"\n- and {more} more" if more > 0 else "")
