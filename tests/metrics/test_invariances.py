"""What must not change a value: scale, origin, names and order of classes, number format."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MetricError
from core.metrics.case import make_case
from core.metrics.nleep import nleep
from core.metrics.parc import parc
from core.metrics.spectrum import decompose
from core.metrics.transrate import above_chance, coded
from tests.benchmarks.metrics import OF_FEATURES, point_value


def transrate_above_chance(features, labels):
    return above_chance(coded(decompose(features)), labels)


METRICS = {"parc": parc, "nleep": nleep, "transrate": transrate_above_chance}
cases = st.tuples(
    st.integers(0, 10_000), st.integers(24, 60), st.sampled_from([2, 5, 30, 90]), st.integers(2, 4)
)  # fmt: skip


def made(case):
    """Features, some columns constant and some double, and labels of which one class may have a single image."""
    seed, n, d, classes = case
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    labels[:classes] = np.arange(classes)
    if seed % 3 == 0:
        labels[classes:] = 0  # a majority, and single images
    x = rng.normal(size=(n, d)) + labels[:, None] * (np.arange(d) == 0)
    return np.c_[x, x[:, :1], np.full(n, 3.0)].astype(np.float32), labels


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=12, deadline=None)
@given(case=cases, scale=st.sampled_from([0.01, 1.0, 100.0]), shift=st.sampled_from([0.0, 7.0]))
def test_scale_origin_and_class_names_change_nothing(metric, case, scale, shift):
    features, labels = made(case)
    before = features.copy()
    value = metric(torch.from_numpy(features), labels)
    renamed = 3 * (labels.max() - labels) + 2
    moved = torch.from_numpy(features.astype(np.float64) * scale + shift)
    assert np.isfinite(value) and metric(moved, renamed) == pytest.approx(value, abs=1e-6)
    assert np.array_equal(features, before)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_half_precision_is_read_as_the_numbers_that_it_holds(metric, problem):
    features, labels, _ = problem(n=60, d=80)
    half = torch.from_numpy(features).half()
    assert metric(half, labels) == metric(half.double(), labels)


@pytest.mark.parametrize("name", ["parc", "nleep"])
def test_columns_twice_and_constant_columns_change_nothing(name, problem):
    features, labels, _ = problem(n=60, d=20)
    wider = np.c_[features, features, np.ones((60, 5))]
    of = METRICS[name]
    assert of(torch.from_numpy(wider), labels) == pytest.approx(
        of(torch.from_numpy(features).double(), labels), abs=1e-4
    )


def value_or_refusal(key, features, labels, classes, logits):
    """The value of a metric, or what it says when it refuses."""
    folds = np.arange(len(labels)) % 5
    kind = "binary" if classes == 2 else "multi-class"
    try:
        return point_value(key, make_case(features, labels, kind, classes, folds=folds, source_logits=logits))
    except MetricError as error:
        return str(error)


@pytest.mark.parametrize("key", [key for key in OF_FEATURES if key != "ncti"])  # which has its value in a pool only
@settings(max_examples=6, deadline=None)
@given(case=cases, scale=st.sampled_from([2.0**-7, 2.0**7]))
def test_of_every_metric_names_and_order_of_classes_scale_and_a_missing_class_change_nothing(key, case, scale):
    """A scale that is a power of two rounds nothing: the paths of NCA and of the mixtures stay the same."""
    features, labels = made(case)
    logits = features.astype(float) @ np.random.default_rng(0).normal(size=(features.shape[1], 7))
    kept = features.copy(), labels.copy(), logits.copy()
    classes = int(labels.max()) + 1
    value = value_or_refusal(key, features, labels, classes, logits)
    renamed = classes - 1 - labels
    if classes > 2:
        renamed, classes = renamed + (renamed > 0), classes + 1  # class 1 has no image
    moved = value_or_refusal(key, features * np.float32(scale), renamed, classes, logits)
    assert moved == (value if isinstance(value, str) else pytest.approx(value, abs=1e-6))
    assert all(np.array_equal(now, before) for now, before in zip((features, labels, logits), kept, strict=True))
