"""A key changes exactly when something that determines the result changes."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from core.errors import RunError
from core.images.index import build_index
from core.images.parts import propose_test_part
from core.images.readers import read_listing
from core.metrics import METRICS
from core.scoring import plan as planning
from core.scoring.plan import Contender, make_plan, plan_hash, score_keys, summary
from core.target import TargetTask
from tests.scoring.conftest import change, network, write_manifest


def features_keys(plan):
    return [candidate["features_key"] for candidate in plan["candidates"]]


def test_the_same_inputs_give_the_same_plan(task, plan_of):
    assert json.dumps(plan_of(task)) == json.dumps(plan_of(task))


def test_editing_a_label_changes_the_scores_and_never_the_features(task, images, plan_of):
    manifest = write_manifest(images)
    task = dataclasses.replace(task, images=manifest, format="manifest")
    first = plan_of(task, max_images=40)
    change(manifest, "dark/p00_0.png,dark", "dark/p00_0.png,light")
    second = plan_of(task, max_images=40)
    assert features_keys(first) == features_keys(second)
    assert not set(score_keys(first)) & set(score_keys(second))


def test_editing_a_group_changes_the_scores_and_never_the_features(task, images, plan_of):
    task = dataclasses.replace(task, images=write_manifest(images), format="manifest", group_column="patient")
    first = plan_of(task)
    change(task.images, "light/p05_10.png,light,light5", "light/p05_10.png,light,light6")
    second = plan_of(task)
    assert features_keys(first) == features_keys(second)
    assert not set(score_keys(first)) & set(score_keys(second))


def test_editing_a_pixel_changes_the_features(task, images, plan_of):
    first = plan_of(task)
    pixels = np.asarray(Image.open(images / "dark" / "p00_0.png")).copy()
    pixels[0, 0] ^= 255
    Image.fromarray(pixels).save(images / "dark" / "p00_0.png")
    assert not set(features_keys(first)) & set(features_keys(plan_of(task)))


@pytest.mark.parametrize(
    "changes",
    [{"seed": 5}, {"kwargs": {"drop_rate": 0.1}}, {"architecture": "test_efficientnet"}, {"num_classes": 3}],
)
def test_another_network_has_other_features(task, plan_of, changes):
    one, other = plan_of(task, [network()]), plan_of(task, [network(**changes)])
    assert features_keys(one) != features_keys(other)


def test_another_preprocessing_has_other_features(task, plan_of):
    other = dataclasses.replace(network().preprocessing, pixel_range=(0.0, 255.0))
    assert features_keys(plan_of(task, [network()])) != features_keys(plan_of(task, [network(preprocessing=other)]))


def test_a_new_version_of_a_metric_invalidates_its_scores_only(task, plan_of, monkeypatch):
    before = plan_of(task)["candidates"][0]
    newer = dataclasses.replace(METRICS["logme"], version=METRICS["logme"].version + 1)
    monkeypatch.setattr(planning, "METRICS", METRICS | {"logme": newer})
    after = plan_of(task)["candidates"][0]
    assert before["features_key"] == after["features_key"]
    assert [a["key"] == b["key"] for a, b in zip(before["scores"], after["scores"], strict=True)] == [False, True]


def test_the_locked_test_part_never_enters(task, images, plan_of, tmp_path):
    listing = read_listing(task, (tmp_path,))
    locked = dataclasses.replace(task, test_part=propose_test_part(listing, build_index(listing)))
    before = plan_of(locked)
    for id_ in locked.test_part:
        Image.new("RGB", (24, 24), "red").save(images / id_)
    assert before["part"]["locked"]
    assert before["part"]["n"] == len(listing.ids) - len(locked.test_part)
    assert plan_of(locked) == before


def test_an_unreadable_checkpoint_keeps_its_error_and_the_others_go_on(task, plan_of, tmp_path):
    plan = plan_of(task, [network("gone", weights=str(tmp_path / "gone.pth")), network()])
    assert "cannot be read" in plan["candidates"][0]["error"]["message"]
    assert plan["candidates"][0]["scores"] == []
    assert len(plan["candidates"][1]["scores"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_images": 5}, "5 images are too few"),
        ({"max_images": -1}, "-1 images are too few"),
        ({"metrics": []}, "None of the chosen metrics"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_reason(task, plan_of, options, message):
    with pytest.raises(RunError, match=message):
        plan_of(task, **options)


def test_one_label_only_is_refused(task, images, plan_of):
    manifest = write_manifest(images)
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join([rows[0], *(r for r in rows if ",dark," in r), rows[-1]]) + "\n")
    task = dataclasses.replace(
        task, images=manifest, format="manifest", test_part=("light/p11_23.png", "light/p04_9.png")
    )
    with pytest.raises(RunError, match="same label"):
        plan_of(task)


def test_the_summary_has_the_counts_but_no_list_of_images(task, plan_of):
    short = summary(plan_of(task))
    assert short["sample"]["counts"] == {"dark": 24, "light": 24}
    assert "p00_0.png" not in json.dumps(short)


def test_where_files_lie_and_what_they_cost_do_not_make_another_run(task, plan_of):
    plan = plan_of(task)
    assert plan_hash(plan | {"features_folder": "elsewhere"}) == plan_hash(plan)
    assert plan_hash(plan | {"device": "cuda"}) != plan_hash(plan)


def test_of_two_candidates_that_are_the_same_only_the_first_is_scored(task, plan_of):
    plan = plan_of(task, [network("one"), network("again"), network("other", seed=1)])
    assert [len(candidate["scores"]) for candidate in plan["candidates"]] == [2, 0, 2]
    assert "those of one" in plan["candidates"][1]["error"]["message"]


def test_a_tag_that_could_not_be_fetched_keeps_the_reason(task, tmp_path):
    listing = read_listing(task, (tmp_path,))
    tag = network("tag", architecture="test_resnet.r160_in1k", weights="timm")
    reason = {"message": "no network", "remedy": "connect"}
    contenders = [Contender(tag, {"error": reason}), Contender(network())]
    plan = make_plan(task, listing, build_index(listing), contenders, ["logme"])
    assert plan["candidates"][0]["error"] == reason
    assert len(plan["candidates"][1]["scores"]) == 1


def test_another_version_of_the_library_has_other_features(task, plan_of, monkeypatch):
    before = plan_of(task)
    monkeypatch.setattr(planning, "version_of", lambda package: "0.0")
    assert not set(features_keys(before)) & set(features_keys(plan_of(task)))


@pytest.mark.realdata
def test_other_test_images_and_labels_change_no_key_and_no_pixel_of_the_sample(realdata, tmp_path):
    original = realdata / "targets" / "pneumoniamnist.npz"
    with np.load(original) as stored:
        arrays = dict(stored)
    for part in ("val", "test"):
        arrays[f"{part}_images"] = 255 - arrays[f"{part}_images"][::-1]
        arrays[f"{part}_labels"] = 1 - arrays[f"{part}_labels"]
    changed = tmp_path / "changed.npz"
    np.savez(changed, **arrays)
    first, second = (_plan_of_npz(path) for path in (original, changed))
    assert second["sample"]["pixels"].pop("npz") != first["sample"]["pixels"].pop("npz")
    assert first == second  # keys, folds, labels, hashes of pixels: all that a score is computed from
    arrays["train_labels"][:50] = 1 - arrays["train_labels"][:50]
    np.savez(changed, **arrays)
    third = _plan_of_npz(changed)
    assert features_keys(first) == features_keys(third)
    assert not set(score_keys(first)) & set(score_keys(third))


def _plan_of_npz(path):
    task = TargetTask(name="pneumonia", images=path, format="npz", label_type="binary")
    listing = read_listing(task, (path.parent,))
    return make_plan(task, listing, build_index(listing), [Contender(network())], list(METRICS))
