"""The similarity page: how alike in meaning, from what records say and from what people say."""

import pandas as pd
import streamlit as st

from core.charts import open_range_chart
from core.errors import SimilarityError
from core.similarity import taxonomy
from core.similarity.semantic import (
    DIFFERS,
    MATCH,
    PARTLY,
    UNKNOWN,
    Comparison,
    Profile,
    as_rows,
    compare,
    farther_for_sure,
    in_order,
    of_another_kind,
    profile_of_source,
    profile_of_target,
)
from core.similarity.words import Floor, Sentences, Words, compare_words, text_of_source, text_of_target
from core.sources.record import SourceDataset
from core.store import data_set_of
from pages import _state
from pages._charts import spec_of
from pages._similarity_people import show_people
from pages._similarity_sentences import ask_sentences
from pages._similarity_why import show_why
from pages._sources_shared import records
from pages._target_reading import class_names
from pages._text import count, plain

TAXONOMY = taxonomy.shipped()
BY = ("From records", "From people")
HEAVIEST = 2.0
AXIS = "distance in meaning: 0 the same, 1 nothing in common"


def show_meaning(current: _state.View, names: dict[str, str]) -> None:
    """Properties of target and sources side by side, or what people say of them."""
    known = records()
    sources = {key: known[key] for key in names if key in known}
    if without := [plain(name) for key, name in names.items() if key not in known]:
        st.caption(f"No record says what these are; add one on the sources page: {', '.join(without)}.")
    if not sources:
        return
    by = st.segmented_control(
        "Told by", BY, default=BY[0], required=True, key="meaning_by", bind="query-params", persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    if by == BY[0]:
        _show_records(current, sources)
    else:
        show_people(current, sources)


def _show_records(current: _state.View, sources: dict[str, SourceDataset]) -> None:
    answer = st.container()
    weights = _ask_weights()
    target, profiles = profiles_of(current, sources)
    text, texts, far = _descriptions(current, target)
    sentences = ask_sentences(text, texts, far)
    try:
        found = in_order({key: compare(target, profile, TAXONOMY, weights) for key, profile in profiles.items()})
    except SimilarityError as error:
        with answer:
            _state.show_error(error)
        return
    with answer:
        _show_answer(found, compare_words(text, texts, far), sentences, _changed(weights))
    show_why(current, found)


def profiles_of(current: _state.View, sources: dict[str, SourceDataset]) -> tuple[Profile, dict[str, Profile]]:
    """What is known of the target in view and of the sources, by key."""
    placed = _state.store().placed(current.project.id)
    task = current.task
    classes = len(class_names(task)) or len(task.label_columns) or len(task.class_meanings)
    target = profile_of_target(task, classes or None, TAXONOMY, placed.get(data_set_of(current.target_id)))
    return target, {key: profile_of_source(record, TAXONOMY, placed.get(key)) for key, record in sources.items()}


def _descriptions(current: _state.View, target: Profile) -> tuple[str, dict[str, str], list[str]]:
    """The text of the target, those of the whole catalogue by key, and which of these are of another kind."""
    known = records()
    far = [
        key for key, record in known.items() if of_another_kind(target, profile_of_source(record, TAXONOMY), TAXONOMY)
    ]
    texts = {key: text_of_source(record) for key, record in known.items()}
    return text_of_target(current.task, class_names(current.task)), texts, far


def _changed(weights: dict[str, float]) -> str:
    changed = [f"{TAXONOMY.properties[key].title.lower()} {weight:g} (default {TAXONOMY.weights[key]:g})"
               for key, weight in weights.items() if weight != TAXONOMY.weights[key]]  # fmt: skip
    return f"Weights were changed: {', '.join(changed)}." if changed else ""


def _show_answer(found: dict[str, Comparison], words: Words, sentences: Sentences | None, changed: str) -> None:
    st.subheader("How alike in meaning", anchor=False)
    st.markdown(_sentence(found))
    if changed:
        st.markdown(f":material/tune: {changed}")
    frame = pd.DataFrame(as_rows(found, words, TAXONOMY, sentences))
    st.vega_lite_chart(spec_of(open_range_chart, frame[["source", "distance", "low", "high"]], AXIS),
                       alt="Distance in meaning of every source, and the range that stays open")  # fmt: skip
    st.caption(
        "Point: the weighted mean distance over the properties that are known of both. Bar: where it could lie, from "
        "all that is unknown being the same to all of it being as different as can be. It says nothing of chance, "
        "since nothing is sampled. Bars that overlap are not ranked."
    )
    table = pd.DataFrame({
        "Source": frame["source"],
        "Distance": frame["distance"],
        "Range": [f"{one.low:.2f} to {one.high:.2f}" for one in found.values()],
        **{state.capitalize(): [one.count(state) for one in found.values()]
           for state in (MATCH, PARTLY, DIFFERS, UNKNOWN)},
        "Words": frame["words"],
        "Words in common": [", ".join(words.shared[key]) for key in found],
        **({"Sentences": frame["sentences"]} if sentences else {}),
    })  # fmt: skip
    st.dataframe(table, hide_index=True, placeholder="", alt="Sources by distance in meaning", column_config={
        "Distance": st.column_config.NumberColumn(format="%.2f"),
        "Words": st.column_config.NumberColumn(format="%.2f", help="Cosine of the descriptions' words, 0 to 1"),
        "Sentences": st.column_config.NumberColumn(format="%.2f", help="Cosine of the encoder's vectors, -1 to 1"),
    })  # fmt: skip
    st.caption(_about_words(words))
    if sentences:
        st.caption(_about_sentences(sentences))
    st.download_button("Download as CSV", frame.to_csv(index=False), "meaning.csv", "text/csv",
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def _sentence(found: dict[str, Comparison]) -> str:
    """Which are nearest, and which are farther whatever the unknown may be."""
    ordered = list(found.values())
    first = ordered[0]
    if first.distance is None:
        return "Nothing is known of both the target and a source, so that nothing can be said. What is known of the " \
               "target is set under *Why*, or in its description."  # fmt: skip
    nearest = [one.source for one in ordered if one.distance is not None and abs(one.distance - first.distance) < 1e-9]
    text = f"By what is known, **{plain(', '.join(nearest))}** {'is' if len(nearest) == 1 else 'are'} nearest: " \
           f"distance {first.distance:.2f} on a scale from 0 to 1."  # fmt: skip
    sure = farther_for_sure(found)
    others = len(found) - len(sure) - len(nearest)
    if sure:
        text += f" {count(len(sure), 'source is', 'sources are')} farther than {plain(first.source)} whatever the " \
                f"unknown turns out to be: {plain(', '.join(found[key].source for key in sure))}."  # fmt: skip
    if others:
        text += f" {count(others, 'other source')} cannot be told apart from the nearest."
    return text


def _about_words(words: Words) -> str:
    text = "*Words*: how alike target and source are described, by pieces of three to five letters, of which rare " \
           "ones count more (TF-IDF, cosine; 0 to 1). It knows no synonyms and enters no distance. "  # fmt: skip
    return text + _about_floor(words.floor)


def _about_sentences(sentences: Sentences) -> str:
    return f"*Sentences*: how close {plain(sentences.model)} places the descriptions of target and source (cosine, " \
           f"-1 to 1). It enters no distance. {_about_floor(sentences.floor)}"  # fmt: skip


def _about_floor(floor: Floor | None) -> str:
    if floor is None:
        return "What unrelated texts give is unknown, since the target's modality is."
    return f"{count(floor.n, 'set')} of the catalogue whose modality has nothing in common with the target's " \
           f"give {floor.median:.2f} in the middle and {floor.highest:.2f} at most: up to there it says " \
           "nothing."  # fmt: skip


def _ask_weights() -> dict[str, float]:
    """The weight of every property."""
    with st.expander("Weights of the properties", key="meaning_weights"):
        st.caption(
            "How much each property counts; 0 leaves it out. The default weights and the trees of values are our "
            f"choice (data/similarity/taxonomy.toml, version {TAXONOMY.version}), fitted to no outcome."
        )
        columns = st.columns(3)
        weights = {
            key: columns[i % 3].slider(
                about.title, 0.0, HEAVIEST, about.weight, 0.25, key=f"weight_{key}", help=about.asks,
                bind="query-params", persist_state="session",
            )
            for i, (key, about) in enumerate(TAXONOMY.properties.items())
        }  # fmt: skip
        st.button("Default weights", icon=":material/undo:", disabled=weights == TAXONOMY.weights,
                  on_click=_reset_weights, key="meaning_default_weights")  # fmt: skip
    return weights


def _reset_weights() -> None:
    for key, weight in TAXONOMY.weights.items():
        st.session_state[f"weight_{key}"] = weight
