"""GBC beside the plain form of its definition, its known answers, and what must not change it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MetricError
from core.metrics.calibration import evaluate
from core.metrics.case import make_case
from core.metrics.gbc import components_for, gbc, published


def plain_gbc(z, y):
    clouds = [(z[y == c].mean(axis=0), np.atleast_2d(np.cov(z[y == c].T))) for c in np.unique(y)]
    overlap = 0.0
    for i, (mean, spread) in enumerate(clouds):
        for j, (other_mean, other_spread) in enumerate(clouds):
            if i == j:
                continue
            joint, apart = (spread + other_spread) / 2, mean - other_mean
            logs = [np.linalg.slogdet(s)[1] for s in (joint, spread, other_spread)]
            distance = apart @ np.linalg.solve(joint, apart) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
            overlap += np.exp(-distance)
    return -overlap


def an_example(n=300, d=10, classes=3, signal=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -0.5
    x[np.arange(n), y] += signal
    return x, y


def value_of(z, y):
    return float(gbc(torch.from_numpy(z), torch.from_numpy(y)))


@pytest.mark.parametrize(("d", "classes", "signal"), [(10, 3, 1.0), (1, 2, 0.5), (20, 6, 0.2), (5, 2, 4.0)])
def test_it_is_the_papers_definition(d, classes, signal):
    x, y = an_example(d=max(d, classes), classes=classes, signal=signal)
    assert value_of(x[:, :d], y) == pytest.approx(plain_gbc(x[:, :d], y), rel=1e-9)


def test_the_published_form_takes_64_exact_components():
    x, y = an_example(400, 100, 2, signal=2.0)
    centred = x - x.mean(axis=0)
    z = centred @ np.linalg.svd(centred, full_matrices=False)[2][:64].T
    assert published(make_case(x, y, "multi-class", 2))["gbc_exact_pca64"] == pytest.approx(plain_gbc(z, y), abs=1e-9)
    few = published(make_case(x[:120], y[:120], "multi-class", 2))["gbc_exact_pca64"]
    assert few == {"value": None, "reason": "Not every class has more than 64 images."}


def test_equal_clouds_overlap_wholly_and_distant_ones_not_at_all():
    x, y = an_example(30_000, 4, 4, signal=0.0)
    assert value_of(x, y) == pytest.approx(-12, abs=0.05)
    x, y = an_example(signal=100.0)
    assert value_of(x, y) == pytest.approx(0, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.01, 1.0, 100.0]), st.floats(-50, 50), st.integers(2, 4))
def test_scale_shift_order_and_names_change_nothing(seed, scale, shift, classes):
    def value(x, y):
        case = make_case(x, y, "multi-class", classes)
        return float(gbc(case.spectrum.leading(components_for(case)), torch.from_numpy(case.labels)))

    x, y = an_example(80, 12, classes, seed=seed)
    rng = np.random.default_rng(seed)
    rows, names = rng.permutation(80), rng.permutation(classes)
    changed = value((x * scale + shift)[rows][:, rng.permutation(12)], names[y[rows]])
    assert changed == pytest.approx(value(x, y), abs=1e-8)


def test_directions_in_which_no_class_varies_cancel():
    x, y = an_example(signal=0.5)
    mixed = np.hstack([x, np.ones((len(x), 3)), x[:, :2] + x[:, 2:4]])
    assert value_of(mixed, y) == pytest.approx(plain_gbc(x, y), rel=1e-3)


def test_a_class_without_spread_overlaps_with_none_that_has_it():
    x, y = an_example(classes=2, signal=0.0)
    x[y == 0] = x[0]
    assert value_of(x, y) == pytest.approx(0, abs=1e-6)
    assert value_of(x[1:], np.r_[0, np.ones(298, int)]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("sizes", "k"), [((10, 500), 3), ((100, 100, 99), 9), ((5000, 4096), 64)])
def test_the_smallest_class_decides_how_many_components_are_taken(sizes, k):
    y = np.repeat(np.arange(len(sizes)), sizes)
    for d in (2, 5):
        assert components_for(make_case(np.arange(len(y) * d).reshape(-1, d), y, "multi-class", len(sizes))) == k


def test_a_class_of_a_few_images_is_refused_with_what_to_do(problem):
    features, labels, _ = problem(n=90, d=10)
    labels = np.where((labels == 0) & (np.arange(90) > 20), 1, labels)
    with pytest.raises(MetricError, match="the smallest has 7 of at least 10") as caught:
        evaluate("gbc", features, labels, "multi-class", 3)
    assert "join classes" in caught.value.remedy


def test_noise_is_told_from_signal_at_any_scale_of_the_features(problem):
    features, labels, _ = problem(n=150, d=200, signal=6.0)
    records = [evaluate("gbc", features * scale, labels, "multi-class", 3) for scale in (0.01, 1, 100)]
    assert [r["value"] for r in records] == pytest.approx([records[1]["value"]] * 3, abs=1e-4)  # float32 inputs
    assert records[1]["p"] < 0.01 and records[1]["low"] < records[1]["value"] < records[1]["high"] <= 0
    assert records[1]["detail"]["components"] == 7
    noise = evaluate("gbc", features, np.random.default_rng(0).permutation(labels), "multi-class", 3)
    assert noise["p"] > 0.05 and noise["verdict"] == "not meaningful here"
    assert -6 <= noise["value"] == pytest.approx(noise["null"], abs=3 * noise["null_sd"])


def test_several_labels_per_image_are_scored_one_by_one(problem):
    features, labels, _ = problem(n=90, d=10)
    rows = np.stack([labels == 0, labels == 1], axis=1).astype(int)
    record = evaluate("gbc", features, rows, "multi-label", 2)
    alone = [evaluate("gbc", features, column, "binary", 2)["value"] for column in rows.T]
    assert record["detail"]["by_label"] == pytest.approx(alone, abs=1e-12)
