"""The heuristics page: the study's two case studies, guessed first, then shown as they were measured."""

import pandas as pd
import streamlit as st

from core.charts import outcomes_chart
from core.survey.cases import Case, Cases, Pair, measured, shipped
from pages import _state
from pages._charts import spec_of
from pages._order import ask_order
from pages._sources_shared import gist, records

GUESSES = "case_guesses"  # in the session only: the guessed order by case, best first


def show_cases(current: _state.View) -> None:
    """One of the two cases: its facts, a guess, and what was measured."""
    told = shipped()
    st.markdown(
        "The survey was about choosing among three sources for two tasks. Rank them by feel, in a minute, and see what "
        "its authors measured later. A good way to open a lab meeting."
    )
    key = st.segmented_control(
        "Case", list(told.cases), format_func=lambda key: told.cases[key].title, default=next(iter(told.cases)),
        required=True, key="heuristics_case", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    case = told.cases[key]
    st.subheader(case.task, anchor=False)
    st.markdown("".join(f"- {fact}\n" for fact in case.facts))
    guess = st.session_state.setdefault(GUESSES, {}).get(key)
    if guess is None:
        _ask(case, told.asked)
    else:
        _show(case, guess, told)


def _ask(case: Case, asked: tuple[str, ...]) -> None:
    with st.container(border=True):
        st.markdown("**Which source gives the best network after fine-tuning?**")
        known = {record.name: record for record in records().values()}
        st.markdown("".join(f"- {source}: :gray[{gist(known[source])}]\n" for source in asked))
        order = ask_order(list(asked), f"case_{case.key}")
        if st.button("Show what was measured", type="primary", icon=":material/visibility:", disabled=not order):
            st.session_state[GUESSES][case.key] = order
            st.rerun()
        st.caption("Your guess is stored nowhere; it is gone when this browser tab is closed or reloaded.")


def _show(case: Case, guess: list[str], told: Cases) -> None:
    st.markdown(f"Your order: {', '.join(guess)}.")
    frame = measured(case, told.asked, guess)
    st.vega_lite_chart(spec_of(outcomes_chart, frame, "test macro-AUC: 0.5 chance, 1 perfect"),
                       alt="Measured AUC of every source with its 95 % interval, beside your order")  # fmt: skip
    _show_origin(told)
    st.markdown(f"**Do the three differ?** {_verdict(case.pairs_of(told.asked))}")
    st.markdown(case.taught)
    with st.expander("All pairs, and the values as a table"):
        st.dataframe(pd.DataFrame([_row(pair) for pair in case.pairs]), hide_index=True)
        st.dataframe(frame.drop(columns="group"), hide_index=True)
    if st.button("Guess again", icon=":material/replay:"):
        del st.session_state[GUESSES][case.key]
        st.rerun()


def _show_origin(told: Cases) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Unpublished, may change: [{told.repository}](https://github.com/{told.repository}) @ {told.commit}, read "
            f"on {told.read}. Never in a report."
        )
        with st.popover("How it was measured", icon=":material/info:", type="tertiary"):
            st.markdown("".join(f"- {line}\n" for line in told.protocol))


def _verdict(pairs: list[Pair]) -> str:
    """Which of the survey's sources differ, in a sentence."""
    apart = [pair for pair in pairs if pair.differs]
    values = ", ".join(f"{pair.one} and {pair.other} {_p(pair)}" for pair in pairs)
    if not apart:
        return (f"No two of them differ significantly (p corrected by Holm's method: {values}). By this measurement no "
                "order of the three is right or wrong, yours included.")  # fmt: skip
    names = "; ".join(f"{pair.one} and {pair.other}" for pair in apart)
    return f"Significantly different: {names} (p corrected by Holm's method: {values})."


def _p(pair: Pair) -> str:
    return f"p < {pair.p[1:]}" if pair.p.startswith("<") else f"p = {pair.p}"


def _row(pair: Pair) -> dict:
    return {
        "pair": f"{pair.one} - {pair.other}",
        "difference in AUC points": round(100 * pair.difference, 2),
        "Holm p": pair.p,
        "differ at 5 %": "yes" if pair.differs else "no",
    }
