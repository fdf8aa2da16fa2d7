"""The heuristics page: guess the source for published targets, and see what the guess would have cost."""

import random

import pandas as pd
import streamlit as st

from core.charts import outcomes_chart
from core.evidence import quiz
from core.evidence.outcomes import studies
from core.evidence.quiz import TRAINED_ON, UNION, USUAL, Outcome, Round
from core.images.medmnist_sets import medmnist_sets
from core.sources.catalogue import catalogue
from core.target import LABEL_TYPES
from pages import _state
from pages._charts import spec_of
from pages._sources_shared import gist
from pages._text import count, plain
from pages._words import define

GAMES = "quiz_games"  # in the session only: by seed the picks, and the number of the round in view
MOST_SEEDS = 10_000
PROTOCOL = (
    f"ResNet-18 of each source, fine-tuned on one sample of {TRAINED_ON} target images per class on average, in 120 "
    "settings of learning rate, momentum, weight decay and batch size.",
    "Published is the test AUC of the setting with the lowest validation loss: one sample and one "
    "training per setting, no interval.",
    "A lead counts as clear here when it is larger than what choosing the setting by validation AUC moves a source, as "
    "root mean square over the pool. The rule is ours and the least one can ask: other images and other trainings move "
    "the AUC further.",
    "A game asks about each origin of images once. Sources that hold images of the target are not offered.",
    "MedMNIST without the target was trained on all other sets of MedMNIST together.",
)


def show_quiz(current: _state.View) -> None:
    """One round after the other: a target, the sources offered, what was measured, and the score so far."""
    st.markdown(
        "A published target, four sources, no images: which one would you start from? Then see what its authors "
        "measured. Scored in AUC points lost against the best source offered."
    )
    seed = _ask_seed()
    asked = quiz.rounds(seed)
    game = st.session_state.setdefault(GAMES, {}).setdefault(seed, {"round": 0, "picks": []})
    one = asked[game["round"]]
    _show_target(one, game["round"], len(asked))
    if game["round"] < len(game["picks"]):
        _show_outcome(one, game["picks"][-1])
        _show_score(asked, game["picks"])
        if game["round"] + 1 < len(asked):
            st.button("Next target", type="primary", icon=":material/arrow_forward:", on_click=_go_on, args=(game,))
        else:
            st.markdown("That was the last one. Another number above gives another game.")
    else:
        _ask(one, game)
        if game["picks"]:
            _show_score(asked, game["picks"])


def _ask_seed() -> int:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            "Game", 1, MOST_SEEDS, 1, key="quiz_seed", bind="query-params", width=150,
            help="The number that targets and sources are drawn with: the same number is the same game for everybody.",
        )  # fmt: skip
        st.button("Another game", icon=":material/casino:", on_click=_draw_seed)
    return seed


def _draw_seed() -> None:
    st.session_state["quiz_seed"] = random.randint(1, MOST_SEEDS)


def _go_on(game: dict) -> None:
    game["round"] += 1


def _show_target(one: Round, number: int, of: int) -> None:
    known = medmnist_sets()[one.target]
    st.subheader(f"Target {number + 1} of {of}: {known.title}", anchor=False)
    kind = LABEL_TYPES[known.label_type].split(":")[0].lower()
    st.markdown(
        f"- {known.description}\n"
        f"- {known.modality}, {known.anatomy.lower()}; {kind}, {count(len(known.labels), 'class', 'classes')}; "
        f"{known.images:,} images in all\n"
        f"- Fine-tuned on {TRAINED_ON * len(known.labels):,} of them, {TRAINED_ON} per class on average; tested on the "
        f"{known.splits['test']:,} of the test part"
    )


def _ask(one: Round, game: dict) -> None:
    with st.container(border=True):
        pick = st.radio(
            "Which source would you start from?", one.offered, index=None, format_func=_name,
            captions=[_about(source) for source in one.offered], key=f"quiz_pick_{one.target}_{'_'.join(one.offered)}",
        )  # fmt: skip
        if st.button("Show what was measured", type="primary", icon=":material/visibility:", disabled=pick is None):
            game["picks"].append(pick)
            st.rerun()
        st.caption("Your guesses are stored nowhere; they are gone when this browser tab is closed or reloaded.")


def _name(source: str) -> str:
    return "MedMNIST without the target" if source == UNION else catalogue()[studies().record(source)].name


def _about(source: str) -> str:
    return "The other sets, trained on together" if source == UNION else gist(catalogue()[studies().record(source)])


def _show_outcome(one: Round, pick: str) -> None:
    found = quiz.outcome(one, pick)
    st.markdown(f"{_verdict(found, pick)} {_certainty(found)}")
    frame = quiz.all_measured(one.target)
    named = [_name(source) + _mark(source, one, pick) for source in frame["source"]]
    group = ["offered" if source in one.offered else "the rest of the pool" for source in frame["source"]]
    frame = frame.assign(name=named, group=group).sort_values("group", kind="stable")
    st.vega_lite_chart(
        spec_of(outcomes_chart, frame, "test AUC: 0.5 chance, 1 perfect"),
        alt="Published test AUC of every source of the pool, those offered first",
    )
    st.caption(
        "Point: the published AUC. Line: to what it is when the training settings are chosen by the AUC instead of "
        "the loss on validation images. It is no interval: none was published, each setting was trained once."
    )
    if note := studies().notes.get(studies().origins[one.target]):
        st.caption(note)
    _show_origin()


def _mark(source: str, one: Round, pick: str) -> str:
    if source == pick:
        return " (your pick)"
    return " (same scans as the target)" if quiz.same_images(source, one.target) else ""


def _verdict(found: Outcome, pick: str) -> str:
    if found.lost == 0:
        return f"**{_name(pick)}**, your pick, had the highest AUC of the four."
    return (f"**{_name(pick)}**, your pick, lost **{_points(found.lost)}** against {_name(found.best)}, the highest of "
            "the four.")  # fmt: skip


def _certainty(found: Outcome) -> str:
    """Whether there is a winner, and whether the pick is told apart from it."""
    rest = (
        f"the highest leads the next by {found.lead:.2f}, and choosing the training settings in another way alone "
        f"typically moves a source here by {found.moves:.2f}."
    )
    if found.clear:
        return f"A lead, from one training each: {rest}"
    yours = " Your pick is further behind than that." if found.told_apart else ""
    return f"**No clear winner:** {rest}{yours}"


def _show_origin() -> None:
    study = quiz.cited()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"[{plain(study.citation)}]({study.address}); figures of its repository and its run log.")
        with st.popover("How it was measured", icon=":material/info:", type="tertiary"):
            st.markdown("".join(f"- {line}\n" for line in PROTOCOL))


def _show_score(asked: list[Round], picks: list[str]) -> None:
    played = [(one, pick, quiz.outcome(one, pick)) for one, pick in zip(asked, picks, strict=False)]
    frame = pd.DataFrame([found for _, _, found in played])
    st.subheader(f"AUC points lost after {count(len(played), 'round')}", anchor=False)
    for place, (who, column) in zip(
        st.columns(3), (("You", "lost"), ("Always ImageNet", "usual"), ("A random pick", "random")), strict=True
    ):
        place.metric(who, f"{frame[column].sum():.2f}", border=True, help=define("AUC point"))
        place.caption(f"{frame[column].mean():.2f} per round")
    unclear = sum(not found.clear for _, _, found in played)
    within = sum(0 < found.lost <= found.moves for _, _, found in played)
    st.caption(f"Rounds without a clear winner: {unclear}. Rounds in which your pick was behind by less than what a "
               f"choice of settings moves, so that the points lost say little: {within}.")  # fmt: skip
    with st.expander("Round by round"):
        st.dataframe(pd.DataFrame([_row(*one) for one in played]), hide_index=True)


def _row(one: Round, pick: str, found: Outcome) -> dict:
    return {
        "target": medmnist_sets()[one.target].title,
        "your pick": _name(pick),
        "highest of those offered": _name(found.best),
        "clear": "yes" if found.clear else "no",
        "you lost": round(found.lost, 2),
        f"{_name(USUAL)} lost": round(found.usual, 2),
        "random pick loses": round(found.random, 2),
    }


def _points(value: float) -> str:
    return f"{value:.2f} AUC points"
