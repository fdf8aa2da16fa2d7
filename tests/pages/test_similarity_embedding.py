"""The embedding view, drawn from results that are computed here."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.similarity.embedding import Sample, compare_features
from core.similarity.embedding_charts import inside
from core.similarity.moments import compare_moments, moments_of
from core.similarity.projection import project

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs="


def page():
    import json

    import streamlit as st

    from pages._similarity_embedding import show_embedding

    show_embedding(json.loads(st.session_state["results"]))


def sample(shift: float, seed: int) -> Sample:
    labels = np.arange(60) % 2
    features = np.random.default_rng(seed).normal(size=(60, 12)) + 3 * labels[:, None] + shift
    return Sample(features.astype(np.float32), labels=labels.astype(str))


@pytest.fixture(scope="module")
def results() -> dict:
    """Two encoders, the target's other half and another set; the second encoder sees no difference at all."""
    target, alike = sample(0, 1), sample(0, 2)
    encoders = []
    for name, shift in (("first encoder", 5), ("second encoder", 0)):
        sets = {"other half": alike, "another set": sample(shift, 3)}
        sources = []
        for source, values in sets.items():
            found = compare_features(target, values)
            found |= {"mmd_rbf": compare_moments(moments_of(target.features), moments_of(values.features))["mmd_rbf"]}
            distances = {key: asdict(distance) for key, distance in found.items()}
            sources.append({"name": source, "n": 60, "distances": distances})
        drawn = project(np.concatenate([target.features, *(s.features for s in sets.values())]), "pca")
        projections = {
            "pca": asdict(drawn) | {"points": drawn.points.tolist()},
            "lda": {"reason": "This projection needs labels."},
        }
        encoders.append({"name": name, "width": 12, "sources": sources, "projections": projections})
    images = {
        "set": ["target"] * 60 + ["other half"] * 60 + ["another set"] * 60,
        "class": ["0", "1"] * 60 + [None] * 60,
        "caption": [f"image {i}" for i in range(180)],
        "picture": [PIXEL] * 179 + [None],
    }
    return {"target": {"name": "target", "n": 60}, "encoders": encoders, "images": images}


def shown(results: dict, **state) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["results"] = json.dumps(results)
    for key, value in state.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption, *at.subheader, *at.info])


def test_mixing_comes_first_then_kid_and_frechet_with_n_and_what_no_difference_gives(results):
    at = shown(results)
    names = [heading.value for heading in at.subheader]
    assert names[:4] == ["Neighbour mixing", "KID", "Frechet distance", "Cosine distance"]
    assert {"Cosine distance", "Binned KL divergence", "Class-aware distance", "Fisher distance"} < set(names)
    page = texts(at)
    assert "N = 30 images" in page and "N = 60 images" in page
    assert "first encoder: other half; then another set" in page
    assert "No difference seen: other half" in page
    assert re.search("second encoder: (other half and another set|another set and other half)", page)


def test_what_fingerprints_allow_comes_first_where_a_source_is_only_a_fingerprint(results):
    results = json.loads(json.dumps(results))
    for source in (encoder["sources"][0] for encoder in results["encoders"]):
        source["distances"] = {key: one for key, one in source["distances"].items() if one["needs"] == "fingerprints"}
    names = [heading.value for heading in shown(results).subheader]
    assert names[3] == "MMD (fingerprint)"


def test_every_chart_draws_value_interval_and_floor(results):
    charts = [json.loads(chart.proto.spec) for chart in shown(results).get("vega_lite_chart")]
    panels = charts[0]["concat"]
    assert [panel["title"]["text"] for panel in panels] == ["first encoder", "second encoder"]
    marks = [layer["mark"]["type"] for layer in panels[0]["layer"]]
    assert marks == ["tick", "rule", "point"]


def test_the_table_holds_every_value(results):
    table = shown(results).dataframe[0].value
    assert len(table) == 2 * 2 * 8
    assert {"Value", "No difference gives", "from (95 %)", "Images of each"} <= set(table.columns)


def test_what_is_unknown_is_said_with_its_reason(results):
    other = json.loads(json.dumps(results))
    missing = {"value": None, "floor": None, "excess": None, "low": None, "high": None, "note": "It has no labels."}
    for encoder in other["encoders"]:
        for source in encoder["sources"]:
            source["distances"]["fisher"] |= missing
    page = texts(shown(other))
    assert "Fisher distance, unknown for other half, another set: It has no labels." in page


def test_a_projection_says_how_far_to_trust_it_and_opens_what_is_selected(results):
    key = "embedding_picture_first encoder_pca_set"
    points = np.array(results["encoders"][0]["projections"]["pca"]["points"])
    box = {axis: [float(points[:, i].min()) - 1, float(points[:, i].max()) + 1] for i, axis in enumerate("xy")}
    at = shown(results)
    assert "ten nearest neighbours" in texts(at) and "Drag a rectangle" in texts(at)
    at = shown(results, **{key: {"selection": {"brush": box}}})
    assert "180 images selected" in texts(at) and "the first 36" in texts(at)


def test_a_projection_that_could_not_be_made_says_why(results):
    at = shown(results, embedding_method="lda")
    assert "This projection needs labels." in texts(at)


def test_a_brush_takes_what_is_in_it():
    import pandas as pd

    points = pd.DataFrame({"x": [0, 1, 2], "y": [0, 1, 2]})
    assert inside(points, {"x": [2.5, 0.5], "y": [0, 1.5]}).index.tolist() == [1]
    assert inside(points, {}).empty


def test_without_sources_the_page_says_so():
    assert "No source" in texts(shown({"target": {"name": "t", "n": 3}, "encoders": []}))
