"""Near-duplicates: found through resizing and re-encoding, not among images that only look alike; groups from them."""

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.images import near
from core.images.index import build_index
from core.images.near import candidate_pairs, near_pairs, similar_sets, with_similar_groups
from core.images.parts import effective_groups, propose_test_part
from core.images.readers import read_listing
from core.images.signature import shrunk, signature
from core.scoring.plan import Contender, make_plan
from core.settings import demo_folder
from core.target import TargetTask, load_target
from tests.benchmarks.near import CHANGES


def scene(seed: int, size: int = 128) -> Image.Image:
    """A smooth field with some texture: what a radiograph is to a hash."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (7, 7), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(rng.integers(0, 255, (40, 40), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    return Image.blend(coarse, fine, 0.3)


def encoded(image: Image.Image, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.fixture
def target(tmp_path):
    """20 images of two classes in splits by manifest; copies: a0 in b (small), a1 in test (JPEG), a2 in a."""
    images = {f"a{i}": scene(i) for i in range(10)} | {f"b{i}": scene(100 + i) for i in range(10)}
    images["b_copy"] = images["a0"].resize((96, 96), Image.Resampling.LANCZOS)
    images["a_test"] = Image.fromarray(encoded(images["a1"], 60))
    images["a_brighter"] = images["a2"].point(lambda v: min(255, v * 0.8 + 30))
    lines = ["path,label,split"]
    for name, image in images.items():
        image.save(tmp_path / f"{name}.png")
        lines.append(f"{name}.png,{name[0]},{'test' if name in ('a_test', 'a9', 'b9') else 'train'}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    task = TargetTask("t", tmp_path / "manifest.csv", "manifest", "binary", label_columns=("label",))
    listing = read_listing(task, (tmp_path,))
    return task, listing, build_index(listing)


def names_of(listing, sets):
    return [tuple(listing.ids[i] for i in found.rows) for found in sets]


def test_resized_reencoded_and_brighter_copies_are_found_and_nothing_else(target):
    task, listing, index = target
    sets = similar_sets(task, listing, index)
    assert sorted(names_of(listing, sets)) == [
        ("a0.png", "b_copy.png"), ("a1.png", "a_test.png"), ("a2.png", "a_brighter.png"),
    ]  # fmt: skip
    flags = {names[0]: (s.exact, s.across_classes, s.across_splits) for names, s in
             zip(names_of(listing, sets), sets, strict=True)}  # fmt: skip
    assert flags == {"a0.png": (False, True, False), "a1.png": (False, False, True), "a2.png": (False, False, False)}
    assert names_of(listing, sets)[2] == ("a2.png", "a_brighter.png")  # the harmless one last


def test_images_that_only_look_alike_are_no_duplicates():
    """One smooth field, other texture on each: hashes agree, details do not."""
    base = scene(1).filter(near_blur())
    strangers = []
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(0, 12, (128, 128))
        strangers.append((np.asarray(base) + noise).clip(0, 255).astype(np.uint8))
    assert len(candidate_pairs([signature(v) for v in strangers])) == 15
    small = np.stack([np.asarray(Image.fromarray(v).resize((64, 64), Image.Resampling.BOX)) for v in strangers])
    plain, detail = near.correlations(small[:-1], small[1:])
    assert (plain > near.ALIKE).all() and (detail < near.DETAIL_ALIKE).all()


def near_blur():
    from PIL import ImageFilter

    return ImageFilter.GaussianBlur(12)


def small(images) -> np.ndarray:
    return np.stack([np.asarray(shrunk(np.asarray(image), near.SIDE)) for image in images])


def of_template(seed: int, own: float) -> Image.Image:
    return Image.blend(scene(0), scene(seed), own)


@pytest.mark.parametrize(
    "images, low, high",
    [
        ([scene(i) for i in range(40)], 0.85, 0.85),  # different images
        ([of_template(i, 0.3) for i in range(1, 41)], 0.86, 0.95),  # one template
        ([of_template(i, 0.3) for i in range(1, 11)], 0.85, 0.85),  # too few to tell
        ([of_template(i, 0.05) for i in range(1, 41)], 0.95, 0.95),  # frames of one film
    ],
    ids=["different", "template", "few", "film"],
)
def test_how_alike_copies_must_be_depends_on_how_alike_the_collection_is(images, low, high):
    assert low <= near.detail_needed(small(images)) <= high


def test_in_the_demo_no_two_patients_are_taken_for_one():
    for name in ("tissue", "radiograph"):
        task = load_target(demo_folder() / f"{name}.toml")
        listing = read_listing(task, (demo_folder(),))
        assert similar_sets(task, listing, build_index(listing)) == ()


@pytest.mark.parametrize("name", ["JPEG quality 50", "half the size", "30 % darker", "gamma 1.5", "a letter"])
def test_changed_copies_of_demo_radiographs_are_found(name):
    files = sorted((demo_folder() / "radiograph" / "images").iterdir())[:60]
    images = [Image.open(file).convert("L") for file in files]
    copies = [CHANGES[name](image) for image in images]
    plain, detail = near.correlations(small(images), small(copies))
    assert ((plain >= near.ALIKE) & (detail >= near.detail_needed(small(images)))).mean() > 0.95


def test_images_without_contrast_are_never_near_duplicates():
    flat = np.full((20, 20), 7, dtype=np.uint8)
    assert signature(flat) == ""
    assert candidate_pairs(["", "", ""]).shape == (0, 2)


def test_candidates_are_those_that_a_loop_over_all_pairs_finds():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2, (60, 128))
    bits = np.vstack([base, base ^ (rng.random((60, 128)) < 0.06)])
    texts = [np.packbits(row).tobytes().hex() for row in bits]
    slow = {
        (i, j) for i in range(120) for j in range(i + 1, 120)
        if (bits[i, :64] != bits[j, :64]).sum() <= near.RADIUS and (bits[i, 64:] != bits[j, 64:]).sum() <= near.RADIUS
    }  # fmt: skip
    assert len(slow) > 40 and set(map(tuple, candidate_pairs(texts).tolist())) == slow


def test_fifty_thousand_signatures_are_compared_in_seconds():
    rng = np.random.default_rng(0)
    texts = [row.tobytes().hex() for row in rng.integers(0, 2**63, (50_000, 2)).astype(np.uint64)]
    start = time.perf_counter()
    candidate_pairs(texts)
    assert time.perf_counter() - start < 30  # 5 s on two cores


def test_thousands_of_equal_signatures_stay_connected_without_all_their_pairs():
    pairs = candidate_pairs(["0f" * 16] * 5000 + ["", "f0" * 16])
    assert len(pairs) < 20_000 and near._components(5002, pairs)[:5000].max() == 0
    assert not np.isin([5000, 5001], pairs).any() and (pairs[:, 0] < pairs[:, 1]).all()


def test_groups_join_near_duplicates_of_the_training_part_only(target):
    task, listing, index = target
    assert with_similar_groups(task, listing, index) is listing
    grouped = with_similar_groups(replace(task, group_similar=True), listing, index)
    group = dict(zip(grouped.ids, grouped.groups, strict=True))
    assert group["a0.png"] == group["b_copy.png"] and group["a2.png"] == group["a_brighter.png"]
    assert group["a1.png"] != group["a_test.png"] and len(set(grouped.groups)) == len(listing) - 2


def test_known_groups_are_merged_never_split(target):
    task, listing, index = target
    listing = replace(listing, groups=tuple("p" if id_ in ("b_copy.png", "b3.png") else id_ for id_ in listing.ids))
    grouped = with_similar_groups(replace(task, group_similar=True), listing, index)
    group = dict(zip(grouped.ids, grouped.groups, strict=True))
    assert group["a0.png"] == group["b_copy.png"] == group["b3.png"]


def test_what_was_found_is_read_back_and_does_not_depend_on_the_order(target, monkeypatch):
    _, listing, index = target
    rows = np.arange(len(listing))
    first = near_pairs(listing, index, rows)
    monkeypatch.setattr(near, "_alike", None)  # a second computation would fail
    assert near_pairs(listing, index, rows[::-1]).tolist() == first.tolist()


def test_a_proposed_test_part_keeps_near_duplicates_together(target):
    task, listing, index = target
    task, listing = replace(task, group_similar=True), replace(listing, splits=None)
    grouped = with_similar_groups(task, listing, index)
    for seed in range(5):
        locked = set(propose_test_part(grouped, index, 0.3, seed))
        for pair in (("a0.png", "b_copy.png"), ("a1.png", "a_test.png"), ("a2.png", "a_brighter.png")):
            assert len(locked & set(pair)) in (0, 2)


def keys_of(task, listing, index):
    contender = Contender(checkpoint(), {"identity": "x", "feature_dim": 4})
    plan = make_plan(task, listing, index, [contender], ["knn"])
    return plan["sample"]["hash"], plan["candidates"][0]["features_key"], plan["candidates"][0]["scores"][0]["key"]


def checkpoint():
    from core.catalog import Checkpoint

    return Checkpoint("random", "mobilenetv2_100", "timm", "random", seed=1)


def test_grouping_changes_the_scores_keys_and_never_the_sample_or_the_features(target):
    task, listing, index = target
    plain, grouped = (keys_of(replace(task, group_similar=flag), listing, index) for flag in (False, True))
    assert plain[:2] == grouped[:2] and plain[2] != grouped[2]


def test_a_changed_test_image_changes_no_key(target, tmp_path):
    task, listing, index = target
    task = replace(task, group_similar=True)
    before = keys_of(task, listing, index)
    scene(0).save(tmp_path / "a_test.png")  # now a near-duplicate of a training image of another group
    scene(3).save(tmp_path / "b9.png")
    assert keys_of(task, listing, build_index(listing)) == before


def test_merged_groups_are_what_folds_are_made_of(target):
    task, listing, index = target
    grouped = with_similar_groups(replace(task, group_similar=True), listing, index)
    rows = np.flatnonzero(np.array(listing.splits) == "train")
    assert len(set(effective_groups(grouped, index, rows))) == len(rows) - 2


@pytest.mark.realdata
def test_on_real_images_known_pairs_are_found_and_strangers_are_not(realdata):
    found = {}
    for name in ("brain_mri", "busi", "covid_xray"):
        task = TargetTask(name, realdata / "targets" / name, "folder", "multi-class")
        listing = read_listing(task, (realdata,))
        found[name] = names_of(listing, similar_sets(task, listing, build_index(listing)))
    assert ("notumor/0028.jpg", "notumor/0105.jpg") in found["brain_mri"]
    assert max(map(len, found["brain_mri"])) <= 6 and sum(map(len, found["brain_mri"])) < 80
    assert ("benign/0098.jpg", "malignant/0061.jpg") in found["busi"]
    assert found["covid_xray"] == [("Covid-19/0044.jpg", "Covid-19/0081.jpg")]


@pytest.mark.realdata
def test_the_images_that_two_chest_sets_share_are_found(realdata, tmp_path):
    files = sorted((realdata / "targets" / "covid_xray").rglob("*.jpg"))
    files += sorted((realdata / "targets" / "nih_cxr").rglob("*.jpg"))
    lines = [f"{file},{file.parts[-3] == 'covid_xray'}" for file in files]
    (tmp_path / "both.csv").write_text("\n".join(["path,label", *lines]))
    task = TargetTask("both", tmp_path / "both.csv", "manifest", "binary", label_columns=("label",))
    listing = read_listing(task, (tmp_path, realdata))
    shared = [s for s in similar_sets(task, listing, build_index(listing)) if s.across_classes]
    assert len(shared) == 4 and all(len(s.rows) == 2 for s in shared)
