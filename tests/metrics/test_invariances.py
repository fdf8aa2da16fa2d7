"""What must not change PARC, NLEEP and TransRate above chance: scale, origin, names of classes, number format."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.metrics.nleep import nleep
from core.metrics.parc import parc
from core.metrics.spectrum import decompose
from core.metrics.transrate import above_chance, coded


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
