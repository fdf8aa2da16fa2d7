"""The terms of NCTI beside scikit-learn's LDA, what must not change them, and what is kept for a ranking."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from core.errors import MetricError
from core.metrics.calibration import evaluate
from core.metrics.case import make_case
from core.metrics.cautions import POOL_RELATIVE
from core.metrics.ncti import ncti_terms, published

pytestmark = pytest.mark.usefixtures("without_simulation")


def plain_terms(z, y):
    """seli, ncc and vc with scikit-learn's LDA, as the paper's code takes it."""
    shrinkage = max(math.exp(-z.var(axis=0, ddof=1)[:32].sum()), 1e-10)
    regular = {"solver": "eigen", "shrinkage": shrinkage} if shrinkage > 1e-10 else {"solver": "svd"}
    lda = LinearDiscriminantAnalysis(**regular)
    projections = lda.fit_transform(z, y)
    probabilities = lda.predict_proba(z)
    return [
        np.linalg.norm(projections - projections.mean(axis=0), "nuc"),
        probabilities[np.arange(len(y)), y].mean(),
        np.log(sum(np.linalg.norm(probabilities[y == c], "nuc") for c in np.unique(y))),
    ]


def components(n=200, k=20, classes=3, scale=1.0, seed=0, signal=1.0):
    """Principal components, as wide as they are given, and labels of which the last has one image."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % (classes - 1)
    y[n // 2] = classes - 1
    x = rng.normal(size=(n, k)) * np.arange(1, k + 1) ** -0.5
    x[np.arange(n), y] += signal
    x -= x.mean(axis=0)
    return scale * x @ np.linalg.svd(x, full_matrices=False)[2].T, y


def terms_of(z, y):
    return ncti_terms(torch.from_numpy(z), torch.from_numpy(y)).tolist()


@pytest.mark.parametrize("scale", [0.3, 30.0], ids=["eigen", "svd"])
@pytest.mark.parametrize(
    ("n", "k", "classes", "signal"), [(200, 20, 3, 1.0), (200, 5, 7, 3.0), (90, 64, 4, 2.0), (300, 1, 2, 0.5)]
)
def test_the_terms_are_those_of_scikit_learn(n, k, classes, signal, scale):
    z, y = components(n, max(k, classes), classes, scale, signal=signal)
    assert terms_of(z[:, :k], y) == pytest.approx(plain_terms(z[:, :k], y), rel=1e-9)


def test_directions_without_spread_within_the_classes_are_left_out_as_in_scikit_learn():
    z, y = components(scale=30.0)
    z[:, 3] = 0.0
    z[:, 4] = z[:, 5] + z[:, 6]
    assert terms_of(z, y) == pytest.approx(plain_terms(z, y), rel=1e-9)
    few, y = components(n=40, k=39, scale=30.0)  # more components than images leave room for
    assert terms_of(few, y) == pytest.approx(plain_terms(few, y), rel=1e-6)


@pytest.mark.parametrize("scale", [0.3, 30.0])
def test_it_is_refused_where_the_images_of_each_class_are_alike(scale):
    y = np.arange(30) % 3
    with pytest.raises(MetricError, match="same features"):
        terms_of(scale * (np.eye(3)[y] - 1 / 3), y)


def test_the_published_form_takes_64_exact_components_of_raw_features():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 3
    x = 5 + rng.normal(size=(200, 90)) + 2 * np.eye(90)[y]
    centred = x - x.mean(axis=0)
    z = centred @ np.linalg.svd(centred, full_matrices=False)[2][:64].T
    quantity = published(make_case(x, y, "multi-class", 3))["ncti_terms"]
    assert list(quantity.values()) == pytest.approx(plain_terms(z, y), rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([0.01, 1.0, 100.0]),
    st.floats(-50, 50),
    st.integers(2, 4),
    st.sampled_from([8, 40]),
)
def test_scale_shift_order_and_names_change_nothing(seed, scale, shift, classes, d):
    def terms(x, y):
        case = make_case(x, y, "multi-class", classes)
        components = torch.linalg.svd(case.scaled, full_matrices=False)
        return ncti_terms(components.U * components.S, torch.from_numpy(case.labels)).tolist()

    rng = np.random.default_rng(seed)
    y = np.arange(120) % classes
    x = rng.normal(size=(120, d)) + 2 * np.eye(d)[y]
    rows, names = rng.permutation(120), rng.permutation(classes)
    changed = terms((x * scale + shift)[rows][:, rng.permutation(d)], names[y[rows]])
    assert changed == pytest.approx(terms(x, y), rel=1e-7)


def test_there_is_no_value_but_what_a_ranking_makes_one_of(problem):
    features, labels, _ = problem(n=300, d=8, signal=3.0)
    record = evaluate("ncti", features, labels, "multi-class", 3)
    detail = json.loads(json.dumps(record, allow_nan=False))["detail"]
    assert record["value"] is record["raw"] is record["low"] is record["null"] is None
    assert record["verdict"] == "read with care" and record["reason"] == POOL_RELATIVE
    assert record["p"] < 0.02 and record["z"] > 5 and record["permutations"] == 100
    assert list(detail["terms"]) == ["seli", "ncc", "vc"]
    for term in ("seli", "ncc"):
        nulls = detail["term_nulls"][term]
        assert detail["terms"][term] > nulls["null"] + 3 * nulls["null_sd"] and nulls["p"] < 0.02
    half_terms = np.array(detail["half_terms"])
    assert half_terms.shape == (30, 3) and detail["share"] == 0.5
    # seli and vc grow with the number of images, and are brought to the same one
    assert half_terms.mean(axis=0) == pytest.approx(list(detail["terms"].values()), rel=0.05)
    assert record == evaluate("ncti", features, labels, "multi-class", 3)


def test_the_products_form_takes_scaled_features(problem):
    features, labels, _ = problem(n=150, d=100)
    case = make_case(features, labels, "multi-class", 3)
    u, s, _ = np.linalg.svd(case.scaled.numpy(), full_matrices=False)
    record = evaluate("ncti", features, labels, "multi-class", 3)
    assert list(record["detail"]["terms"].values()) == pytest.approx(plain_terms(u[:, :64] * s[:64], labels), rel=1e-9)


def test_noise_means_nothing_and_few_images_ask_for_care(problem):
    features, labels, _ = problem(n=80, d=300, signal=0.0)
    record = evaluate("ncti", features, labels, "multi-class", 3)
    assert record["p"] > 0.05 and record["verdict"] == "not meaningful here"
    assert "80 images are few for 64 principal components" in record["reason"]
    assert record["detail"]["half_terms"] == []


def test_several_labels_per_image_are_scored_one_by_one(problem):
    features, labels, _ = problem(n=90, d=10)
    rows = np.stack([labels == 0, labels == 1], axis=1).astype(int)
    detail = evaluate("ncti", features, rows, "multi-label", 2)["detail"]
    alone = [evaluate("ncti", features, column, "binary", 2)["detail"]["terms"] for column in rows.T]
    assert detail["by_label"] == [pytest.approx(list(terms.values()), rel=1e-12) for terms in alone]
    assert detail["terms"]["ncc"] == pytest.approx(np.mean([terms["ncc"] for terms in alone]), rel=1e-12)
