"""The similarity page: the views that rest on images, *Looks* and *To a network*."""

from dataclasses import asdict

import streamlit as st

from core.checking import torch_installed
from core.comparison import job
from core.comparison.sets import places_of, read_looks
from core.errors import SimilarityError, SourceScoutError
from core.images.pixels import Pixels
from core.images.samples import looked_at
from core.scoring import spool
from core.scoring.plan import digest
from core.similarity.moments import compare_moments
from core.similarity.projection import LABELLED
from core.store import Candidate
from pages import _state
from pages._scoring_run import NO_TORCH
from pages._similarity_embedding import NAMES, show_embedding
from pages._similarity_sets import Comparison, Side, compare, show_fingerprints, show_state
from pages._similarity_visual import show_visual
from pages._target_reading import thumbnail
from pages._text import plain

DEFAULT_MAPS = ("pca", "umap")


def show_looks(current: _state.View, names: dict[str, str]) -> None:
    """How alike the images look, by measurement."""
    try:
        found = compare(current, names)
        show_state(found)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    if found.sides[0].visual is not None:
        show_visual(found.sides[0], found.sides[1:])
    show_fingerprints(found.sides)


def show_network(current: _state.View, names: dict[str, str]) -> None:
    """How alike the images are to one or several networks."""
    encoders = choose_encoders(current)
    if not encoders:
        return
    offered = [name for name in NAMES if name not in LABELLED or current.task.label_type != "multi-label"]
    methods = st.pills(
        "Maps to draw", offered, selection_mode="multi", default=DEFAULT_MAPS, key="similarity_maps",
        format_func=NAMES.get, help="All images in two dimensions. UMAP and t-SNE take up to half a minute.",
    )  # fmt: skip
    try:
        found = compare(current, names, encoders, tuple(methods))
        show_state(found)
        results = results_of(found)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    if results["encoders"]:
        show_embedding(results)
    show_fingerprints(found.sides)


def choose_encoders(current: _state.View) -> list[Candidate]:
    """The candidates that look at the images; [] after saying why there are none."""
    if not torch_installed():
        st.info(NO_TORCH)
        return []
    if not current.candidates:
        st.info("A network is needed that looks at the images: any candidate checkpoint. There is none yet.")
        st.page_link("sources.py", label="Register checkpoints on the sources page", icon=":material/inventory_2:")
        return []
    by_name = {candidate.checkpoint.name: candidate for candidate in current.candidates}
    chosen = st.pills(
        "Networks that look at the images", list(by_name), selection_mode="multi", default=list(by_name)[:1],
        key="similarity_encoders", format_func=plain,
        help="Each candidate can look. Networks disagree about what is alike, so take several.",
    )  # fmt: skip
    if not chosen:
        st.caption("Choose at least one network.")
    return [by_name[name] for name in chosen]


def results_of(found: Comparison) -> dict:
    """What has been found so far, as `show_embedding` takes it."""
    plan, (target, *sources) = found.plan, found.sides
    encoders = []
    for encoder in plan["encoders"]:
        seen = target.fingerprint.encoders.get(encoder["key"]) if target.fingerprint else None
        if seen is None:
            continue
        compared = [
            {"name": source.name, "n": source.n, "distances": distances}
            for source in sources
            if (distances := _distances(plan, encoder, target, source))
        ]
        maps = {method: spool.read_json(job.projection_file(plan, encoder, method)) for method in plan["methods"]}
        encoders.append({
            "name": encoder["name"], "width": len(seen.center), "sources": compared,
            "projections": {method: drawn for method, drawn in maps.items() if drawn},
        })  # fmt: skip
    results = {"target": {"name": target.name, "n": target.n}, "encoders": encoders}
    drawn = next((one for e in encoders for one in e["projections"].values() if "rows" in one), None)
    return results | ({"images": _mapped(plan, drawn["rows"])} if drawn else {})


def _distances(plan: dict, encoder: dict, target: Side, source: Side) -> dict[str, dict]:
    """Those that fingerprints allow and, where the source's images are at hand, those that need them."""
    found = {}
    if source.fingerprint and encoder["key"] in source.fingerprint.encoders:
        key = digest([target.fingerprint.about, source.fingerprint.about, encoder["key"]])
        try:
            found = _by_fingerprints(key, encoder["key"], target, source)
        except SimilarityError as error:
            st.caption(f"{plain(source.name)}: {error}")
    if source.images:
        found |= spool.read_json(job.distances_file(target.images, source.images, encoder)) or {}
    return found


@st.cache_data(max_entries=64, show_spinner="Comparing fingerprints")
def _by_fingerprints(key: str, encoder: str, _target: Side, _source: Side) -> dict[str, dict]:
    found = compare_moments(_target.fingerprint.encoders[encoder], _source.fingerprint.encoders[encoder])
    return {measure: asdict(distance) for measure, distance in found.items()}


def _mapped(plan: dict, rows: list[list[int]]) -> dict:
    """Set, class, name and picture of every image on the maps."""
    images = {"set": [], "class": [], "caption": [], "picture": []}
    for one, chosen in zip(plan["sets"], rows, strict=True):
        classes, captions, pictures = _shown(one["key"], tuple(chosen), one)
        images["set"] += [one["name"]] * len(chosen)
        images["class"] += classes
        images["caption"] += captions
        images["picture"] += pictures
    return images


@st.cache_data(max_entries=16, show_spinner="Making pictures for the map")
def _shown(key: str, chosen: tuple[int, ...], _images: dict) -> tuple[list, list[str], list]:
    """In memory only, as all pictures on the pages."""
    looks, pixels = read_looks(job.looks_file(_images)), Pixels(places_of(_images["places"]))
    rows = [int(looks.rows[i]) for i in chosen]
    pictures = looked_at(pixels.__getitem__, rows, lambda values: thumbnail(values, side=48))
    labels, names = _images["labels"], _images["classes"]
    classes = [None if labels is None else _class(labels[row], names) for row in rows]
    captions = [str(pixels.places.ids[row]).rsplit("/", 1)[-1] for row in rows]
    return classes, captions, [picture if isinstance(picture, str) else None for picture in pictures]


def _class(label: int | list[int], names: list[str]) -> str:
    if isinstance(label, list):
        return ", ".join(name for name, has in zip(names, label, strict=True) if has) or "none"
    return names[label]
