"""Distances between features: beside reference values and other libraries, and 0 where there is no difference."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import SimilarityError
from core.similarity.binned import binned_kl, histograms
from core.similarity.embedding import Sample, compare_features, cosine, frechet, kid, mixing
from core.similarity.measures import MEASURES
from core.similarity.transport import bures_wasserstein, class_distance, transport_cost

REFERENCE = Path(
    os.environ.get("SOURCESCOUT_REFERENCE") or Path(__file__).resolve().parents[3] / "shared" / "reference" / "metrics"
)
ON_IMAGES = set(MEASURES) - {"mmd_rbf", "frechet_128", "class_aware_128"}


def cloud(n: int, d: int = 48, seed: int = 0, shift: float = 0.0, of: int = 0) -> np.ndarray:
    """Features (N, D) as a network gives them: not negative, correlated; distribution `of`, sample `seed`."""
    mixed = np.random.default_rng([1, of]).normal(size=(d, d)) / np.sqrt(d)
    drawn = np.random.default_rng([2, seed]).normal(size=(n, d))
    return np.maximum(drawn @ mixed + 0.3 + shift, 0).astype(np.float32)


def labelled(n: int, seed: int = 0, **kind) -> Sample:
    labels = np.arange(n) % 3
    return Sample(cloud(n, seed=seed, **kind) + 0.4 * labels[:, None], labels=labels.astype(str))


@pytest.mark.parametrize("name", ["multiclass_balanced", "binary", "imbalanced"])
def test_kid_and_frechet_are_those_of_the_reference(name):
    if not REFERENCE.is_dir():
        pytest.skip("the reference values are not on this machine")
    expected = json.loads((REFERENCE / "expected.json").read_text())[name]["expected"]
    with np.load(REFERENCE / f"{name}.npz") as stored:
        x = stored["X"]
    one, other = x[: len(x) // 2], x[len(x) // 2 :]
    assert kid(one, other) == pytest.approx(expected["kid_poly3_unbiased_halves"], abs=1e-6)
    assert frechet(one, other) == pytest.approx(expected["fid_halves"], abs=1e-6)


def test_kid_is_that_of_torch_fidelity():
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = cloud(80).astype(np.float64), cloud(80, seed=1, shift=0.1).astype(np.float64)
    settings = {"kid_subsets": 1, "kid_subset_size": 80, "verbose": False}
    theirs = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **settings)
    assert kid(x, y) == pytest.approx(theirs["kernel_inception_distance_mean"], abs=1e-9)


@pytest.mark.parametrize("n", [40, 300])  # fewer and more images than features
def test_frechet_and_class_costs_are_those_of_pot(n):
    import ot

    x, y = cloud(n).astype(np.float64), cloud(n + 9, seed=1, shift=0.1).astype(np.float64)
    ridge = 1e-10 * np.eye(x.shape[1])  # POT takes square roots of full matrices
    covariances = [np.cov(z, rowvar=False) + ridge for z in (x, y)]
    theirs = ot.gaussian.bures_wasserstein_distance(x.mean(axis=0), y.mean(axis=0), *covariances) ** 2
    assert frechet(x, y) == pytest.approx(theirs, rel=1e-3)
    roots = [np.linalg.eigh(c) for c in covariances]
    roots = [(vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T for values, vectors in roots]
    ours = bures_wasserstein(x.mean(axis=0)[None], roots[0][None], y.mean(axis=0)[None], roots[1][None])
    assert ours[0, 0] == pytest.approx(theirs, rel=1e-3)


def test_the_transport_of_classes_is_that_of_pot():
    import ot

    rng = np.random.default_rng(0)
    costs, shares, others = rng.random((4, 7)), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(7))
    assert transport_cost(costs, shares, others) == pytest.approx(ot.emd2(shares, others, costs), abs=1e-9)


def test_a_known_difference_has_its_known_distance():
    x = cloud(200)
    moved = x + np.float32(0.5)
    assert frechet(x, moved) == pytest.approx(48 * 0.25, rel=1e-5)
    assert class_distance(x, np.zeros(200), moved, np.ones(200)) == pytest.approx(48 * 0.25, rel=1e-5)
    assert cosine(np.eye(4)[:2], np.eye(4)[2:]) == pytest.approx(1)
    assert mixing(np.eye(8)[:4] + 0.1, -np.eye(8)[4:] - 0.1, 3) == 0
    counts = np.array([[30, 10]]), np.array([[10, 30]])
    p, q = np.array([30.5, 10.5]) / 41, np.array([10.5, 30.5]) / 41
    assert binned_kl(*counts) == pytest.approx((p * np.log(p / q)).sum())


def test_histograms_count_every_image_once_per_feature_and_know_no_scale():
    x = cloud(60)
    assert (histograms(x).sum(axis=1) == 60).all()
    assert (histograms(8 * x) == histograms(x)).all()


def test_a_set_is_at_distance_0_from_itself():
    x = cloud(150)
    itself = np.arange(150).repeat(2).reshape(-1, 2)
    assert kid(x, x, itself) == 0
    assert frechet(x, x) == pytest.approx(0, abs=1e-8)
    assert binned_kl(histograms(x), histograms(x)) == 0
    assert cosine(x, x) == pytest.approx(0, abs=1e-12)


def inside(result: dict) -> dict[str, bool]:
    return {key: found.low <= 0 <= found.high for key, found in result.items()}


@pytest.mark.parametrize("seed", range(4))
def test_identical_sets_are_at_distance_0_within_the_interval(seed):
    whole = replace(labelled(150, seed), hashes=np.arange(150))
    result = compare_features(whole, whole, seed)
    assert set(result) == ON_IMAGES
    assert all(inside(result).values()), result
    assert result["kid"].value == 0


def test_two_halves_of_one_set_are_at_distance_0_within_their_intervals():
    """Four samples: a 95 % interval may miss one time in twenty; all that misses more often is wrong."""
    missed = dict.fromkeys(ON_IMAGES, 0)
    for seed in range(4):
        whole = labelled(300, seed)
        rows = np.random.default_rng(seed).permutation(300)
        result = compare_features(whole.take(rows[:150]), whole.take(rows[150:]), seed)
        for key, hit in inside(result).items():
            missed[key] += not hit
        assert {found.n for key, found in result.items() if key != "kid"} == {(75, 75)}
        assert result["kid"].n == (150, 150)
    assert max(missed.values()) <= 1, missed


def test_a_difference_is_seen_by_every_measure():
    target, source = labelled(300), labelled(300, seed=1, of=1)
    source = replace(source, features=source.features * np.linspace(0.2, 2, 48, dtype=np.float32))
    assert not any(inside(compare_features(target, source)).values())


def test_order_of_images_and_names_of_classes_change_nothing():
    target, source = labelled(120), labelled(120, seed=1, shift=0.2)
    rng = np.random.default_rng(0)
    x, y = (s.take(rng.permutation(120)) for s in (target, source))
    for s in (x, y):
        s.labels[:] = np.array(["c", "a", "b"])[s.labels.astype(int)]
    for direct in (lambda a, b: kid(a.features, b.features), lambda a, b: frechet(a.features, b.features)):
        assert direct(x, y) == pytest.approx(direct(target, source), rel=1e-9)
    assert mixing(x.features, y.features) == mixing(target.features, source.features)
    renamed = replace(target, labels=np.array(["z", "x", "y"])[target.labels.astype(int)])
    before, after = compare_features(target, source), compare_features(renamed, source)
    for key in ON_IMAGES:
        assert after[key].value == pytest.approx(before[key].value, rel=1e-3), key


def test_inputs_are_left_as_they_are_and_a_seed_gives_the_same_numbers():
    target, source = labelled(60), labelled(60, seed=1)
    kept = target.features.copy()
    assert compare_features(target, source, 3) == compare_features(target, source, 3)
    assert (target.features == kept).all()


def test_without_a_difference_frechet_grows_as_images_get_fewer_and_kid_stays_near_0():
    """Raw values between two samples of one distribution, D = 512."""
    draw = np.random.default_rng(0)
    pairs = {n: (draw.normal(size=(n, 512)), draw.normal(size=(n, 512))) for n in (156, 546, 1500)}
    frechets = [frechet(*pair) for pair in pairs.values()]
    assert frechets[0] > 1.5 * frechets[1] > 3 * frechets[2] > 100
    assert all(abs(kid(*pair)) < 0.005 for pair in pairs.values())
    found = compare_features(Sample(pairs[156][0]), Sample(pairs[156][1]))["frechet"]
    assert found.floor > 500 and found.low <= 0 <= found.high


def test_images_of_both_sets_and_groups_stay_on_one_side():
    from core.similarity.embedding import _splits

    target = Sample(cloud(90), hashes=np.arange(90), groups=np.arange(90) // 3)
    source = Sample(cloud(120), hashes=np.arange(60, 180))
    for x, other, y, _ in _splits(target, source, 0):
        assert not set(target.hashes[x]) & set(source.hashes[y])
        assert not set(target.groups[x]) & set(target.groups[other])
        assert len({len(x), len(other), len(y)}) == 1


def test_copies_within_a_set_count_once():
    x = cloud(60)
    doubled = Sample(np.concatenate([x, x]), hashes=np.tile(np.arange(60), 2))
    other = Sample(cloud(60, seed=1), hashes=np.arange(60, 120))
    assert compare_features(doubled, other) == compare_features(Sample(x, np.arange(60)), other)


def test_what_needs_labels_says_so():
    unlabelled, single = Sample(cloud(60)), replace(labelled(60), labels=np.arange(60))
    for source, why in ((unlabelled, "no labels"), (single, "fewer than two classes")):
        found = compare_features(labelled(60), source)["class_aware"]
        assert found.value is None and why in found.note


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (cloud(60, d=20), "dimensions"),
        (cloud(12), "too few"),
        (np.full((60, 48), np.nan), "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(source, why):
    with pytest.raises(SimilarityError, match=why):
        compare_features(Sample(cloud(60)), Sample(source))
