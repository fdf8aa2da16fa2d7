"""How alike are they: in meaning, in looks, to a network?"""

import streamlit as st

from core.sources.shortlist import shortlisted
from pages import _state
from pages._cover import stop_if_covered
from pages._similarity_meaning import show_meaning
from pages._similarity_measured import show_looks, show_network
from pages._similarity_sets import measurable
from pages._similarity_together import show_side_by_side
from pages._sources_shared import records
from pages._text import distinct
from pages._words import WORDS_HERE, link_to, show_words

VIEWS = {
    "Meaning": show_meaning,
    "Looks": show_looks,
    "To a network": show_network,
    "Side by side": show_side_by_side,
}
REMINDER = (
    "**More alike is not the same as more useful.** In 24 pairs of a source and a medical target, the distance between "
    "the two told little of the gain in AUC from starting with that source: the correlation was -0.11 (p = 0.61) for a "
    "distance measured with a network (Task2Vec) and +0.24 (p = 0.26) for the distance that experts saw. 0 means no "
    "relation; had closer sources gained more throughout, it would be near -1.  \n"
    ":small[van den Brandt et al. 2021, [arXiv:2107.05940](https://arxiv.org/abs/2107.05940); figures of its "
    "repository. Three of the pairs are a target with itself.]"
)


def choose_sources(current: _state.View) -> dict[str, str]:
    """The sources to compare, names by key: those on the shortlist unless others are chosen. The URL holds them."""
    known = names_of_sources(current)
    listed = [key for key in shortlisted(_state.store().shortlist(current.target_id)) if key in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Sources to compare with the target", list(known), format_func=lambda key: known[key],
            default=None if "similarity_sources" in st.session_state else listed,
            key="similarity_sources", bind="query-params", persist_state="session", placeholder="data sets",
        )  # fmt: skip
        at_hand = list(measurable())
        st.button("Those with images", on_click=choose, args=(at_hand,), disabled=not at_hand,
                  help="All of which samples or a fingerprint are at hand")  # fmt: skip
        st.button("The whole catalogue", on_click=choose, args=(list(records()),))
        st.button("The shortlist", on_click=choose, args=(listed,), disabled=not listed or set(chosen) == set(listed))
    return {key: known[key] for key in chosen}


def names_of_sources(current: _state.View) -> dict[str, str]:
    """The catalogue, and what else images or a fingerprint are at hand of; no two, and none and the target, of one
    name."""
    known = {key: record.name for key, record in records().items()}
    found = known | {key: name for key, name in measurable().items() if key not in known}
    named = distinct({"the target": current.task.name} | found)
    return {key: named[key] for key in found}


def choose(keys: list[str]) -> None:
    st.session_state["similarity_sources"] = keys


current = _state.view()
st.title("How alike are they: in meaning, in looks, to a network?")
_state.require_target(current)
stop_if_covered(current, "How alike the sources and the target are")
st.info(REMINDER, icon=":material/balance:")
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    view = st.segmented_control(
        "View", list(VIEWS), default="Meaning", required=True, key="similarity_view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    show_words(f"similarity/{view}")
link_to(WORDS_HERE[f"similarity/{view}"][0])
sources = choose_sources(current)
if not sources:
    st.markdown("Choose sources above. The *shortlist* on the sources page, where a team keeps those worth a closer "
                "look, is taken when there is one.")  # fmt: skip
    st.page_link("sources.py", label="Sources", icon=":material/inventory_2:")
    st.stop()
VIEWS[view](current, sources)
