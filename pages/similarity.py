"""How alike are they: in meaning, in looks, to a network?"""

import streamlit as st

from core.sources.record import SourceDataset
from core.sources.shortlist import shortlisted
from pages import _state
from pages._similarity_meaning import show_meaning
from pages._sources_shared import records

VIEWS = {"Meaning": show_meaning}
REMINDER = (
    "**More alike is not the same as more useful.** In 24 pairs of a source and a medical target, the distance between "
    "the two told little of the gain in AUC from starting with that source: the correlation was -0.11 (p = 0.61) for a "
    "distance measured with a network (Task2Vec) and +0.24 (p = 0.26) for the distance that experts saw. 0 means no "
    "relation; had closer sources gained more throughout, it would be near -1.  \n"
    ":small[van den Brandt et al. 2021, [arXiv:2107.05940](https://arxiv.org/abs/2107.05940); figures of its "
    "repository. Three of the pairs are a target with itself.]"
)


def choose_sources(current: _state.View) -> dict[str, SourceDataset]:
    """The sources to compare, by key: those on the shortlist unless others are chosen. The URL holds them."""
    known = records()
    listed = [key for key in shortlisted(_state.store().shortlist(current.target_id)) if key in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Sources to compare with the target", list(known), format_func=lambda key: known[key].name,
            default=None if "similarity_sources" in st.session_state else listed,
            key="similarity_sources", bind="query-params", persist_state="session", placeholder="data sets",
        )  # fmt: skip
        st.button("The whole catalogue", on_click=choose, args=(list(known),), disabled=len(chosen) == len(known))
        st.button("The shortlist", on_click=choose, args=(listed,), disabled=not listed or set(chosen) == set(listed))
    return {key: known[key] for key in chosen}


def choose(keys: list[str]) -> None:
    st.session_state["similarity_sources"] = keys


current = _state.view()
st.title("How alike are they: in meaning, in looks, to a network?")
_state.require_target(current)
st.info(REMINDER, icon=":material/balance:")
view = st.segmented_control(
    "View", list(VIEWS), default="Meaning", required=True, key="similarity_view", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip
sources = choose_sources(current)
if not sources:
    st.markdown("Choose sources above. The *shortlist* on the sources page, where a team keeps those worth a closer "
                "look, is taken when there is one.")  # fmt: skip
    st.page_link("sources.py", label="Sources", icon=":material/inventory_2:")
    st.stop()
VIEWS[view](current, sources)
