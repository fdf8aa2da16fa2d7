"""The heuristics page: a card per heuristic, with what it means for the target in view."""

from itertools import groupby

import streamlit as st

from core.survey.heuristics import GROUPS, RELATIONS, Card, Heuristics, shipped
from pages import _state
from pages._heuristics_cited import show_cited, show_figures
from pages._heuristics_now import Now, look_now
from pages._heuristics_signatures import show_signatures
from pages._registry import BUILT
from pages._text import count, plain

ABOUT = {
    "social": "What others do decides.",
    "similar": "Likeness stands in for usefulness.",
    "friction": "Ease decides.",
    "trade_off": "No side is right for every task.",
    "ethics": "What a choice of source leaves out.",
}
SUMMARISED = ("social", "similar", "friction", "trade_off")  # what only the secondary summary groups so
PAGES = {step.file: step for step in BUILT}


def show_cards(current: _state.View) -> None:
    """All cards, by mechanism."""
    told = shipped()
    st.markdown(
        "Sources are often chosen by rules of thumb, which save time and can be right. Each card says when a rule "
        "misleads, what was measured, and what it means for the sources at hand. None is a verdict."
    )
    _show_origin(told)
    now = _ask_now(current)
    if now:
        show_signatures(now)
    for group, cards in groupby(told.cards, key=lambda card: card.group):
        st.subheader(GROUPS[group], anchor=False)
        st.caption(ABOUT[group] + (" The grouping is that of a secondary summary." if group in SUMMARISED else ""))
        for card in cards:
            _show_card(card, now)


def _show_origin(told: Heuristics) -> None:
    with st.popover(f"From a survey of {told.participants} practitioners", icon=":material/info:", type="tertiary"):
        st.markdown(
            f"A survey of {told.participants} practitioners who chose sources for two tasks (Lu, Zając, Cheplygina, "
            "Jiménez-Sánchez, [arXiv:2510.00902](https://arxiv.org/abs/2510.00902)). Their number is told by "
            f"{plain(told.participants_citation)}; the three mechanisms, the two trade-offs and the ways of failing by "
            "another secondary summary.\n\n"
            "**Not obtained:** the paper's text, its questions, single answers, means, and how sure its summary is of "
            "each heuristic. They are unknown here. The sentences on the cards are ours.\n\n"
            "**Kept apart:**\n"
            + "".join(f"\n- {RELATIONS[key]}" for key in ("rating", "similarity", "score", "expectation"))
            + ": what this team expects is asked on the page Intuition; nothing is known of other teams"
        )


def _ask_now(current: _state.View) -> Now | None:
    """The sources at hand, told in a sentence; None without a target."""
    if current.task is None:
        st.info("No target task is in view. With one, each card also says what it means for that target's sources.")
        st.page_link("target.py", label="Describe the target", icon=":material/target:")
        return None
    now = look_now(current)
    at_hand = f"**{plain(current.task.name)}**: {count(len(current.candidates), 'candidate')}, " + (
        f"{count(len(now.sources), 'source')} with a record, on the shortlist or behind a candidate."
        if now.sources else "and no source with a record on the shortlist or behind a candidate, so that most cards "
        "cannot say what they mean here."
    )  # fmt: skip
    st.markdown(at_hand)
    if not now.sources:
        st.page_link("sources.py", label="Put sources on the shortlist", icon=":material/inventory_2:")
    return now


def _show_card(card: Card, now: Now | None) -> None:
    with st.container(border=True, key=f"card_{card.key}"):
        st.markdown(f"##### {card.sentence}")
        lines = now.lines(card.key) if now else []
        text, here = st.columns([3, 2], gap="medium") if lines else (st.container(), None)
        text.markdown(f"**When it misleads.** {card.misleads}\n\n**Instead.** {card.instead}")
        with text.container(horizontal=True):
            for file in card.pages:
                st.page_link(file, label=PAGES[file].title, icon=f":material/{PAGES[file].icon}:")
        if here:
            here.markdown("**Here and now**\n" + "".join(f"\n- {line}" for line in lines))
        with st.expander("What was measured, and where the card comes from"):
            _show_evidence(card)


def _show_evidence(card: Card) -> None:
    show_figures(card.evidence)
    st.markdown("**Where the card comes from**")
    show_cited(card.where, lambda one: one.says)
