"""The intuition page, view *Try it out*: three people rank three sources by feel, and see where "more similar
is better" held and where it failed."""

import pandas as pd
import streamlit as st

from core.errors import SourceScoutError
from core.sources.catalogue import sources_of
from core.survey.experiments import FAILED, HELD, Trial, pairs_right, trials
from pages import _state
from pages._cover import stop_if_covered
from pages._order import ask_order
from pages._similarity_sets import compare, show_state
from pages._similarity_together import looks_of
from pages._sources_shared import gist, records
from pages._text import count, plain

THREE = 3  # sources, and people
METRIC = "linear_probe"
GUESSES = "experiment_guesses"  # in the session only: the orders guessed so far, by target and sources
SHOWN = "experiment_shown"  # before all three have guessed


def show_experiments(current: _state.View) -> None:
    """The exercise for the target in view: choose, rank by feel, see."""
    st.markdown(
        "Three people, three sources, five minutes. Each ranks the sources by feel, without seeing the others' order; "
        "then you see what was measured, and on which pairs *more similar is better* held or failed. Nothing of it is "
        "stored. The demo project has all measurements ready."
    )
    scores = _scores(current)
    if len(scores) < THREE:
        st.info(
            f"This needs {THREE} candidates with a source and a linear-probe score; {len(scores)} of this target have "
            "one. Start a run on the scoring page, or open the demo project on the overview."
        )
        st.page_link("scoring.py", label="Scoring", icon=":material/speed:")
        return
    chosen = st.multiselect(
        "Three sources", list(scores), default=list(scores)[-THREE:], max_selections=THREE, key="experiment_sources"
    )
    if len(chosen) < THREE:
        st.caption("Choose three.")
        return
    guesses = st.session_state.setdefault(GUESSES, {}).setdefault((current.target_id, *sorted(chosen)), [])
    if len(guesses) < THREE and not st.session_state.get(SHOWN):
        _ask(current, sorted(chosen), guesses)
        return
    stop_if_covered(current, "What was measured")
    _show(current, {name: scores[name] for name in chosen}, guesses)


def _scores(current: _state.View) -> dict[str, dict]:
    """The newest linear-probe score of every candidate that was pretrained on something, by name."""
    pretrained = {one.checkpoint.name for one in current.candidates if one.checkpoint.weights != "random"}
    found: dict[str, dict] = {}
    for run in current.runs:  # newest first
        for one in _state.store().scores(run.id):
            if one["metric"] == METRIC and one.get("low") is not None and one["candidate"] in pretrained:
                found.setdefault(one["candidate"], one)
    return dict(sorted(found.items()))


def _ask(current: _state.View, names: list[str], guesses: list[list[str]]) -> None:
    """The next person's order; those before stay hidden."""
    with st.container(border=True):
        st.markdown(f"**Person {len(guesses) + 1} of {THREE}: which source gives the best network for "
                    f"{plain(current.task.name)}?**")  # fmt: skip
        st.markdown("".join(f"- {plain(name)}: :gray[{_about(current, name)}]\n" for name in names))
        order = ask_order(names, f"experiment_{len(guesses)}")
        with st.container(horizontal=True):
            last = len(guesses) + 1 == THREE
            if st.button("Show what was measured" if last else "Done, next person", type="primary", disabled=not order):
                guesses.append(order)
                st.rerun()
            if guesses and st.button("Nobody else is here: show"):
                st.session_state[SHOWN] = True
                st.rerun()


def _about(current: _state.View, name: str) -> str:
    """What the source of a candidate is, in a line."""
    checkpoint = next(one.checkpoint for one in current.candidates if one.checkpoint.name == name)
    known = records()
    return ", ".join(gist(known[key]) for key in sources_of(checkpoint, known)) or plain(checkpoint.source)


def _show(current: _state.View, scores: dict[str, dict], guesses: list[list[str]]) -> None:
    try:
        with st.expander("How many images are compared"):
            found = compare(current, _names(current, scores))
        if any(side.visual is None for side in found.sides) or found.missing:
            show_state(found)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    looks = looks_of(found)
    _show_table(scores, looks, guesses)
    for title, distances in looks.items():
        _show_trials(title, trials(distances, scores), scores)
    st.markdown("**And the people?** Of the pairs whose scores differ:")
    right = [pairs_right(order, scores) for order in guesses]
    st.markdown("".join(f"- Person {i} had {one} of {of} right.\n" for i, (one, of) in enumerate(right, 1)))
    st.caption(
        "Pairs differ where their 95 % intervals do not overlap. The score is the AUC of a linear probe on the "
        "training part of this target: quick, and not the AUC after fine-tuning. Three pairs prove no rule; they show "
        "whether one can be relied on here."
    )
    if st.button("Play again", icon=":material/replay:"):
        st.session_state.pop(GUESSES)
        st.session_state.pop(SHOWN, None)
        st.rerun()


def _names(current: _state.View, scores: dict[str, dict]) -> dict[str, str]:
    """The chosen candidates by the key of their source: a record, or a set of the candidate's name."""
    checkpoints = {one.checkpoint.name: one.checkpoint for one in current.candidates}
    return {next(iter(sources_of(checkpoints[name], records())), name): name for name in scores}


def _show_table(scores: dict[str, dict], looks: dict[str, dict[str, dict]], guesses: list[list[str]]) -> None:
    rows = []
    for name in sorted(scores, key=lambda name: -scores[name]["value"]):
        row = {"Source": name} | {f"Person {i}": order.index(name) + 1 for i, order in enumerate(guesses, 1)}
        row |= {f"Distance, {title.lower()}": _figures(distances.get(name)) for title, distances in looks.items()}
        rows.append(row | {"Linear probe, AUC": _figures(scores[name])})
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Guessed places, distances in looks, and scores")


def _figures(one: dict | None) -> str:
    return f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})" if one else "not measured"


def _show_trials(title: str, found: list[Trial], scores: dict[str, dict]) -> None:
    held, failed = (sum(one.verdict == verdict for one in found) for verdict in (HELD, FAILED))
    st.markdown(
        f"**More similar in {title.lower()} is better?** Held on {held}, failed on {failed} of "
        + count(len(found), "pair")
        + (f"; on {len(found) - held - failed} nothing can be told." if held + failed < len(found) else ".")
    )
    st.markdown("".join(f"- {_line(one, scores)}\n" for one in found))


def _line(one: Trial, scores: dict[str, dict]) -> str:
    if one.why:
        return f"{plain(one.nearer)} and {plain(one.farther)}: cannot tell, {one.why}."
    higher = "higher" if one.verdict == HELD else "lower"
    values = f"{scores[one.nearer]['value']:.2f} against {scores[one.farther]['value']:.2f}"
    return f"{plain(one.nearer)} looks more like the target than {plain(one.farther)} and scores {higher}, {values}: " \
           f"**{one.verdict}**."  # fmt: skip
