"""What do the metrics say, and can they be trusted here?"""

import streamlit as st

from pages import _state
from pages._cover import stop_if_covered
from pages._scoring_ranking import show_ranking
from pages._scoring_run import show_run
from pages._words import show_words

current = _state.view()
st.title("What do the metrics say, and can they be trusted here?")
task = _state.require_target(current)
for run in current.runs:
    _state.ingest(run)

st.session_state.update(st.session_state.pop("scoring_next", {}))
has_scores = _state.progress_of(current)["scoring"] == "done"
first = "Ranking" if has_scores and not _state.active_run(current) else "Run"
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    tab = st.segmented_control(
        "View",
        ["Run", "Ranking"],
        default=None if "scoring_view" in st.session_state else first,
        required=True,
        key="scoring_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    show_words(f"scoring/{tab}")
if tab == "Run":
    show_run(current, task)
else:
    stop_if_covered(current, "What the metrics say")
    show_ranking(current)
