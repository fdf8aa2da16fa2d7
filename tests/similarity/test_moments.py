"""Fingerprint against fingerprint: the same as from the features, small, and without a single image."""

from dataclasses import fields, replace

import numpy as np
import pytest

from core.errors import SimilarityError
from core.similarity.binned import binned_kl, histograms
from core.similarity.embedding import cosine, frechet
from core.similarity.moments import Moments, compare_moments, fixed, moments_of, random_waves

KEYS = {"mmd_rbf", "frechet_128", "cosine", "binned_kl", "class_aware_128"}


def cloud(n: int, d: int = 40, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    mixed = np.random.default_rng(1).normal(size=(d, d)) / np.sqrt(d)
    drawn = np.random.default_rng([2, seed]).normal(size=(n, d))
    return np.maximum(drawn @ mixed + 0.3 + shift, 0).astype(np.float32)


def test_distances_of_fingerprints_are_those_of_the_features():
    x, y = cloud(230), cloud(310, seed=1, shift=0.1)
    found = compare_moments(moments_of(x), moments_of(y))
    waves = [random_waves(features, fixed(40)[1]) for features in (x, y)]
    xx, yy, xy = waves[0] @ waves[0].T, waves[1] @ waves[1].T, waves[0] @ waves[1].T
    n, m = len(x), len(y)
    mmd = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1)) - 2 * xy.mean()
    assert found["mmd_rbf"].value == pytest.approx(mmd, abs=1e-6)
    assert found["frechet_128"].value == pytest.approx(frechet(x, y), rel=1e-4)  # all of D: 40 is below 128
    assert found["cosine"].value == pytest.approx(cosine(x, y), abs=1e-6)
    assert found["binned_kl"].value == binned_kl(histograms(x), histograms(y))


def test_the_waves_make_gaussian_kernels():
    x, y = cloud(30, d=300), cloud(30, d=300, seed=1)
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    _, frequencies, _ = fixed(300)
    squared = ((x[:, None] - y) ** 2).sum(axis=2)
    exact = np.mean([np.exp(-squared / (2 * sigma**2)) for sigma in (0.25, 0.5, 1, 2)], axis=0)
    assert np.abs(random_waves(x, frequencies) @ random_waves(y, frequencies).T - exact).max() < 0.15
    assert (random_waves(x, frequencies) ** 2).sum(axis=1) == pytest.approx(np.ones(30))


def test_two_samples_of_one_distribution_are_within_the_interval():
    missed = {"mmd_rbf": 0, "frechet_128": 0}
    for seed in range(20):
        found = compare_moments(moments_of(cloud(300, seed=2 * seed)), moments_of(cloud(300, seed=2 * seed + 1)))
        for key in missed:
            missed[key] += not found[key].low <= 0 <= found[key].high
        assert found["binned_kl"].excess == pytest.approx(0, abs=0.2 * found["binned_kl"].floor)
    assert max(missed.values()) <= 3, missed


def test_frechet_of_unequal_sets_has_a_floor_of_its_own():
    small, large = moments_of(cloud(100)), moments_of(cloud(2000, seed=1))
    found = compare_moments(small, large)["frechet_128"]
    assert found.n == (100, 2000) and "100" in found.note
    assert found.floor > 2 * compare_moments(moments_of(cloud(2000, seed=2)), large)["frechet_128"].floor
    assert found.value == pytest.approx(found.floor, rel=0.3)


def test_a_difference_is_seen():
    found = compare_moments(moments_of(cloud(200)), moments_of(cloud(200, seed=1, shift=0.3)))
    assert all(found[key].low > 0 for key in ("mmd_rbf", "frechet_128"))


def test_a_fingerprint_is_at_distance_0_from_itself_and_from_its_shuffled_images():
    x, labels = cloud(200), np.arange(200) % 4
    order = np.random.default_rng(0).permutation(200)
    for other in (moments_of(x, labels), moments_of(x[order], labels[order], seed=5)):
        found = compare_moments(moments_of(x, labels), other)
        assert set(found) == KEYS
        assert {(d.value, d.low, d.high) for d in found.values()} == {(0.0, 0.0, 0.0)}


def test_fingerprints_without_counts_can_be_compared_and_are_not_taken_for_the_same():
    a, b = (moments_of(cloud(100, seed=seed)) for seed in (0, 1))
    a, b = (replace(m, counts=np.zeros_like(m.counts)) for m in (a, b))
    found = compare_moments(a, b)
    assert found["mmd_rbf"].value != 0
    assert found["binned_kl"].value == found["binned_kl"].floor == 0


def test_names_of_classes_change_nothing():
    x, y, labels = cloud(200), cloud(200, seed=1, shift=0.2), np.arange(200) % 4
    a, b = moments_of(x, labels), moments_of(x, np.array(["d", "b", "a", "c"])[labels])
    source = moments_of(y, labels)
    one, other = (compare_moments(m, source)["class_aware_128"].value for m in (a, b))
    assert one == pytest.approx(other, rel=1e-6) and one > 0


def test_small_classes_and_small_blocks_are_not_in_it():
    labels = np.repeat(["large", "just", "small"], [60, 20, 19])
    found = moments_of(cloud(99), labels)
    assert found.classes.tolist() == ["just", "large", "small"] and found.class_sizes.tolist() == [20, 60, 19]
    assert found.large.tolist() == ["just", "large"] and len(found.class_means) == 2
    assert found.block_sizes.min() >= 20 and len(found.waves) == 4
    assert len(moments_of(cloud(30)).waves) == 1
    assert compare_moments(moments_of(cloud(30)), found)["mmd_rbf"].low is None
    assert compare_moments(moments_of(cloud(30)), found)["class_aware_128"].value is None


def test_it_is_small_and_survives_a_file(tmp_path):
    rng = np.random.default_rng(0)
    found = moments_of(rng.random((200, 2048), dtype=np.float32), np.arange(200) % 10)
    arrays = found.to_arrays()
    assert sum(array.nbytes for array in arrays.values()) < 1e6
    np.savez(tmp_path / "f.npz", **arrays)
    with np.load(tmp_path / "f.npz") as stored:  # allow_pickle is off
        again = Moments.from_arrays(dict(stored))
    assert all(np.array_equal(getattr(again, f.name), getattr(found, f.name)) for f in fields(Moments))
    bare = moments_of(cloud(50))
    assert Moments.from_arrays(bare.to_arrays()).classes is None


def test_fingerprints_of_other_versions_or_encoders_are_refused():
    found = moments_of(cloud(50))
    with pytest.raises(SimilarityError, match="different"):
        compare_moments(found, replace(found, digest="another"))
    with pytest.raises(SimilarityError, match="different"):
        compare_moments(found, moments_of(cloud(50, d=41)))
    with pytest.raises(SimilarityError, match="NaN"):
        moments_of(np.full((50, 4), np.inf))


def test_what_is_drawn_never_changes():
    """Another digest means that every fingerprint made before is unreadable: then VERSION must change too."""
    directions, _, digest = fixed(300)
    assert directions.T @ directions == pytest.approx(np.eye(128), abs=1e-12)
    assert digest == "3f97afec40b25d90"
