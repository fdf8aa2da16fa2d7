"""The training part, the locked test part, samples, groups and folds: what they depend on, and what they never do."""

import dataclasses
import subprocess
import sys
import time

import numpy as np
import pytest

from core.errors import TargetError
from core.images.index import build_index
from core.images.parts import (
    draw_sample,
    effective_groups,
    propose_test_part,
    stratified_group_folds,
    training_part,
)
from core.images.readers import read_listing
from core.target import TargetTask


def counts_per_fold(matrix, folds, k):
    return np.array([matrix[folds == fold].sum(0) for fold in range(k)])


def random_targets():
    """(name, label matrix, groups) of many kinds."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n, n_groups = int(rng.integers(20, 400)), int(rng.integers(6, 120))
        kind = seed % 3
        if kind == 0:
            matrix = (rng.random((n, 1)) < rng.uniform(0.05, 0.95)).astype(int)
        elif kind == 1:
            matrix = np.eye(6, dtype=int)[rng.integers(0, 6, n)]
        else:
            matrix = (rng.random((n, 14)) < rng.uniform(0.01, 0.4, 14)).astype(int)
        yield seed, matrix, np.r_[np.arange(n_groups), rng.integers(0, n_groups, n)][:n]


def test_no_group_is_ever_split_and_every_fold_has_images():
    for seed, matrix, groups in random_targets():
        folds = stratified_group_folds(matrix, groups, 5, seed)
        assert set(folds) == set(range(5))
        assert all(len(set(folds[groups == group])) == 1 for group in set(groups))


def test_ungrouped_classes_are_spread_to_within_one_image():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n_classes = int(rng.integers(2, 30))
        shares = rng.dirichlet(np.ones(n_classes))
        matrix = np.eye(n_classes, dtype=int)[rng.choice(n_classes, 500, p=shares)]
        folds = stratified_group_folds(matrix, np.arange(500), 5, 0)
        assert np.ptp(counts_per_fold(matrix, folds, 5), axis=0).max() <= 1
        assert np.ptp(np.bincount(folds)) <= 3


@pytest.mark.parametrize("positives, negatives", [(97, 5), (5, 97), (12, 13), (5, 5), (400, 4600)])
def test_a_binary_column_spreads_both_sides(positives, negatives):
    labels = np.r_[np.ones(positives, int), np.zeros(negatives, int)]
    folds = stratified_group_folds(labels[:, None], np.arange(len(labels)), 5, 0)
    for side in (0, 1):
        assert np.ptp(np.bincount(folds[labels == side], minlength=5)) <= 1


def test_the_few_images_without_a_common_finding_are_spread_too():
    for seed in range(40):
        matrix = (np.random.default_rng(seed).random((400, 6)) < [0.98, 0.95, 0.3, 0.2, 0.1, 0.05]).astype(int)
        folds = stratified_group_folds(matrix, np.arange(400), 5, seed)
        assert np.ptp(counts_per_fold(1 - matrix, folds, 5), axis=0)[:2].max() <= 2


def test_groups_of_unequal_size_are_balanced_within_reason():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 600)
    matrix = np.eye(3, dtype=int)[(groups % 3 + (rng.random(600) < 0.2)) % 3]
    folds = stratified_group_folds(matrix, groups, 5, 0)
    shares = counts_per_fold(matrix, folds, 5) / matrix.sum(0)
    assert np.abs(shares - 0.2).max() < 0.05


def test_one_very_large_group_gets_a_fold_and_the_others_share_the_rest():
    groups = np.r_[np.zeros(100, int), np.arange(1, 101)]
    folds = stratified_group_folds(np.ones((200, 1), int), groups, 5, 0)
    assert sorted(np.bincount(folds)) == [25, 25, 25, 25, 100]


def test_rare_findings_reach_as_many_folds_as_they_can():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        matrix = (rng.random((420, 14)) < np.linspace(0.005, 0.4, 14)).astype(int)
        folds = stratified_group_folds(matrix, np.arange(420), 5, seed)
        per_fold = counts_per_fold(matrix, folds, 5)
        assert ((per_fold > 0).sum(0) >= np.minimum(matrix.sum(0), 5) - 1).all()
        assert np.abs(per_fold - matrix.sum(0) / 5).max() < 4


def test_folds_are_the_same_for_a_seed_and_differ_between_seeds():
    matrix = np.eye(3, dtype=int)[np.arange(90) % 3]
    first, again, other = (stratified_group_folds(matrix, np.arange(90), 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(TargetError, match="4 groups cannot be spread over 5 folds"):
        stratified_group_folds(np.ones((40, 1), int), np.arange(40) % 4, 5, 0)


def test_folds_of_ten_thousand_images_take_moments():
    labels = np.random.default_rng(0).integers(0, 9, 10_000)
    start = time.perf_counter()
    stratified_group_folds(np.eye(9, dtype=int)[labels], np.arange(10_000), 5, 0)
    assert time.perf_counter() - start < 2  # about 0.1 s alone on two cores


def test_the_proposed_test_part_is_stratified_and_keeps_groups_and_duplicates_together(
    class_folder, examine, save_image
):
    folder = class_folder(a=40, b=20, c=5)
    (folder / "c" / "broken.png").write_bytes(b"")
    for i in range(6):  # copies of one image
        save_image(folder / "b" / f"copy{i}.png", seed=1000)
    task, listing, index = examine(folder, label_type="multi-class")
    for seed in range(5):
        part = propose_test_part(listing, index, seed=seed)
        assert part == propose_test_part(listing, index, seed=seed)
        assert 0.15 < len(part) / 71 < 0.25 and "c/broken.png" not in part
        assert [sum(id_.startswith(name) for id_ in part) for name in "ac"] == [8, 1]
        assert sum("copy" in id_ or id_ == "b/000.png" for id_ in part) in (0, 7)
    assert propose_test_part(listing, index, seed=0) != propose_test_part(listing, index, seed=1)


def test_the_proposed_test_part_holds_whole_groups_and_only_training_images(manifest, examine, tmp_path, save_image):
    for i in range(60):
        save_image(tmp_path / f"x{i}.png", seed=i)
    rows = [f"x{i}.png,{i // 3 % 2},p{i // 3},{'val' if i < 6 else 'train'}" for i in range(60)]
    csv = manifest("path,label,patient,split\n" + "\n".join(rows))
    task, listing, index = examine(csv, "manifest", group_column="patient")
    part = set(propose_test_part(listing, index))
    patients = {group for id_, group in zip(listing.ids, listing.groups, strict=True) if id_ in part}
    assert len(part) == 3 * len(patients) == 12 and not patients & {"p0", "p1"}


def test_the_training_part_is_the_given_split_or_what_is_not_locked(class_folder, npz, examine):
    task, listing, index = examine(npz(), "npz")
    part = training_part(task, listing, index)
    assert part.indices.tolist() == list(range(30)) and part.locked
    assert part.name == "training part: given split"

    folder = class_folder(a=4, b=4)
    (folder / "a" / "002.png").write_bytes(b"")
    task, listing, index = examine(folder)
    whole = training_part(task, listing, index)
    assert whole.name == "all images: no test part" and not whole.locked
    assert whole.indices.tolist() == [0, 1, 3, 4, 5, 6, 7]
    task = dataclasses.replace(task, test_part=("a/000.png", "b/000.png"))
    rest = training_part(task, listing, index)
    assert rest.name == "training part: test part locked" and rest.locked
    assert rest.indices.tolist() == [1, 3, 5, 6, 7] and rest.hash != whole.hash


def test_an_empty_training_part_and_a_foreign_index_are_refused(class_folder, examine):
    task, listing, index = examine(class_folder(a=2, b=2))
    with pytest.raises(TargetError, match="No readable image"):
        training_part(dataclasses.replace(task, test_part=listing.ids), listing, index)
    with pytest.raises(ValueError, match="another listing"):
        training_part(task, listing, index[::-1])


def everything(task, listing, index):
    """What scores and cache keys are made of."""
    part = training_part(task, listing, index)
    sample = draw_sample(part, index, 20, 0)
    return (
        part.hash, part.name, sample.tolist(), effective_groups(listing, index, sample).tolist(),
        listing.labels[sample].tolist(), listing.class_names, index["pixel_hash"].iloc[sample].tolist(),
    )  # fmt: skip


def test_other_test_images_and_labels_change_nothing(npz, examine):
    before = everything(*examine(npz(), "npz"))
    rng = np.random.default_rng(5)
    train = np.load(npz())["train_images"]
    for changes in (
        {"test_images": rng.integers(0, 256, (50, 28, 28), dtype=np.uint8), "test_labels": rng.integers(0, 2, 50)},
        {"test_labels": np.full((6, 1), 9)},  # a class that was never trained on
        {"test_images": train[:6]},  # copies of training images
        {"val_images": None, "val_labels": None},
    ):
        assert everything(*examine(npz(**changes), "npz")) == before
    assert everything(*examine(npz(train_images=train[::-1]), "npz"))[0] != before[0]


def test_another_label_or_group_changes_neither_the_sample_nor_the_hash(manifest, examine):
    text = "path,label,patient\n" + "".join(f"{name}.png,{i % 2},{i}\n" for i, name in enumerate("abcdef"))
    options = {"group_column": "patient"}
    before = everything(*examine(manifest(text), "manifest", **options))
    relabelled = everything(*examine(manifest(text.replace("a.png,0,0", "a.png,1,0")), "manifest", **options))
    regrouped = everything(*examine(manifest(text.replace("a.png,0,0", "a.png,0,1")), "manifest", **options))
    assert before[:3] == relabelled[:3] == regrouped[:3]
    assert before[4] != relabelled[4] and before[3] != regrouped[3]


def test_a_sample_is_a_start_of_the_whole_order_and_another_seed_gives_another(npz, examine):
    task, listing, index = examine(npz(), "npz")
    part = training_part(task, listing, index)
    whole = draw_sample(part, index, None, 0)
    assert sorted(whole) == part.indices.tolist() and whole.tolist() != part.indices.tolist()
    assert draw_sample(part, index, 7, 0).tolist() == whole[:7].tolist()
    assert draw_sample(part, index, 7, 1).tolist() != whole[:7].tolist()


def test_images_that_leave_the_part_do_not_reorder_the_others(class_folder, examine):
    task, listing, index = examine(class_folder(a=10, b=10))
    whole = draw_sample(training_part(task, listing, index), index, None, 0)
    locked = dataclasses.replace(task, test_part=("a/000.png", "b/003.png"))
    rest = draw_sample(training_part(locked, listing, index), index, None, 0)
    assert rest.tolist() == [i for i in whole if i not in (0, 13)]


def test_equal_pixels_join_groups_through_any_chain(manifest, examine, save_image, tmp_path):
    csv = manifest("path,label,patient\na.png,0,p\nb.png,1,q\nc.png,0,q\nd.png,1,r\ne.png,0,s\nf.png,0,t\n")
    save_image(tmp_path / "b.png", seed=0)  # a = b joins p and q
    save_image(tmp_path / "d.png", seed=2)  # c = d joins q and r
    task, listing, index = examine(csv, "manifest", group_column="patient")
    assert effective_groups(listing, index, np.arange(6)).tolist() == [0, 0, 0, 0, 1, 2]
    assert effective_groups(listing, index, np.array([5, 0, 3])).tolist() == [0, 1, 2]
    ungrouped = dataclasses.replace(listing, groups=None)
    assert effective_groups(ungrouped, index, np.arange(6)).tolist() == [0, 0, 1, 1, 2, 3]


def test_reading_images_imports_neither_torch_nor_scikit_learn_nor_streamlit():
    code = (
        "import sys; from core.images import index, inspect, parts, readers, source;"
        "heavy = {'torch', 'timm', 'sklearn', 'scipy', 'streamlit', 'duckdb'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.realdata
def test_real_targets_fall_into_balanced_folds(realdata):
    def read(name, format, label_type, **options):
        task = TargetTask(
            name=name, images=realdata / "targets" / name, format=format, label_type=label_type, **options
        )
        listing = read_listing(task, (realdata,))
        index = build_index(listing)
        part = training_part(task, listing, index)
        return listing, part, effective_groups(listing, index, part.indices)

    listing, part, groups = read("nih_cxr", "manifest", "multi-label", group_column="patient_id")
    per_fold = counts_per_fold(listing.labels, stratified_group_folds(listing.labels, groups, 5, 0), 5)
    assert np.abs(per_fold - listing.labels.sum(0) / 5).max() <= 3
    listing, part, groups = read("pneumoniamnist.npz", "npz", "binary")
    assert len(part.indices) == 4708 and part.locked and len(set(groups)) == 4690
    matrix = listing.labels[part.indices][:, None]
    per_fold = counts_per_fold(matrix, stratified_group_folds(matrix, groups, 5, 0), 5)
    assert np.ptp(per_fold) <= 1
