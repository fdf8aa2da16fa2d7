"""Permutations and samples respect groups and label shares."""

import numpy as np
import pytest

from core.metrics.labels import label_matrix
from core.metrics.resampling import (
    half_samples,
    shuffles,
    shuffles_within,
    stratified_subset,
    subsampled_interval,
)


def test_without_groups_every_shuffle_is_a_permutation():
    columns = label_matrix(np.arange(30) % 3, 3, "multi-class")
    sources = shuffles(columns, np.arange(30), 50, np.random.default_rng(0))
    assert (np.sort(sources, axis=1) == np.arange(30)).all()
    assert len(np.unique(sources, axis=0)) == 50


def test_labels_move_between_whole_groups_where_a_group_has_one_label():
    groups = np.repeat(np.arange(12), [1, 2, 3, 4] * 3)
    labels = (np.arange(12) % 3)[groups]
    sources = shuffles(label_matrix(labels, 3, "multi-class"), groups, 40, np.random.default_rng(0))
    for source in sources:
        shuffled = labels[source]
        by_group = [np.unique(shuffled[groups == g]) for g in range(12)]
        assert all(len(values) == 1 for values in by_group)
        assert np.bincount(np.concatenate(by_group)).tolist() == [4, 4, 4]
    assert any((labels[source] != labels).any() for source in sources)


def test_label_rows_of_mixed_groups_are_dealt_out_block_by_block():
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 8, size=40))
    columns = rng.integers(0, 2, size=(40, 3))
    sources = shuffles(columns, groups, 20, rng)
    for source in sources:
        assert sorted(source) == list(range(40))
        assert np.count_nonzero(np.diff(groups[source])) == len(np.unique(groups)) - 1


def test_the_order_of_images_does_not_matter_for_block_shuffles():
    groups = np.array([2, 0, 1, 0, 2, 1])
    columns = np.array([[1], [0], [1], [1], [0], [0]])
    source = shuffles(columns, groups, 1, np.random.default_rng(3))[0]
    dealt = groups[source][np.argsort(groups, kind="stable")]
    assert np.count_nonzero(np.diff(dealt)) == 2


def test_halves_are_half_the_groups_with_the_label_shares_of_the_whole():
    labels = np.r_[np.zeros(160, int), np.ones(40, int)]
    groups = np.arange(200) // 4
    samples, share = half_samples(label_matrix(labels, 2, "binary"), groups, 20, np.random.default_rng(0))
    assert share == 0.5
    for sample in samples:
        assert len(sample) == 100 and labels[sample].sum() == 20
        assert (np.bincount(groups[sample], minlength=50) % 4 == 0).all()
    assert len({tuple(sample) for sample in samples}) == 20


def test_a_subset_keeps_whole_groups_and_its_limit():
    groups = np.arange(300) // 3
    columns = label_matrix((groups % 4), 4, "multi-class")
    subset = stratified_subset(columns, groups, 100, np.random.default_rng(0))
    assert 90 <= len(subset) <= 100 and (np.bincount(groups[subset])[np.unique(groups[subset])] == 3).all()
    assert np.ptp(columns[subset].sum(axis=0)) <= 6
    assert len(stratified_subset(columns, groups, 1000, np.random.default_rng(0))) == 300


@pytest.mark.parametrize("m", [20, 50, 100])
def test_the_interval_of_a_mean_is_the_textbook_one_whatever_the_sample(m):
    rng = np.random.default_rng(0)
    values = rng.normal(size=200)
    means = [values[rng.permutation(200)[:m]].mean() for _ in range(4000)]
    low, high = subsampled_interval(values.mean(), means, m / 200)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std(ddof=1) / np.sqrt(200), rel=0.05)
    assert (low + high) / 2 == pytest.approx(values.mean())


def test_one_group_gives_no_samples_and_no_interval():
    samples, share = half_samples(np.array([[0], [1]]), np.zeros(2, int), 10, np.random.default_rng(0))
    assert subsampled_interval(0.5, samples, share) == (None, None)


def test_labels_stay_in_their_fold_and_groups_together():
    folds, groups = np.repeat([0, 1, 2], 12), np.arange(36) // 2
    labels = np.arange(36) // 2 % 3
    columns = label_matrix(labels, 3, "multi-class")
    sources = shuffles_within(folds, columns, groups, 30, np.random.default_rng(0))
    assert (folds[sources] == folds).all()
    for source in sources:
        assert all(np.bincount(labels[source][folds == f]).tolist() == [4, 4, 4] for f in range(3))
        assert (labels[source][::2] == labels[source][1::2]).all()
    assert len({tuple(labels[source]) for source in sources}) > 20
