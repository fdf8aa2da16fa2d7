"""The demo project: small, synthetic, complete, as recorded, and readable by our own readers."""

import hashlib
import importlib
import tomllib
from importlib.metadata import version

import numpy as np
import pytest
from PIL import Image

from core.catalog import load_checkpoints
from core.images.readers import read_listing
from core.settings import demo_folder
from core.target import load_target

DEMO = demo_folder()
PROVENANCE = tomllib.loads((DEMO / "provenance.toml").read_text(encoding="utf-8"))
TARGETS = ("tissue", "radiograph")
CHECKPOINTS = {checkpoint.name: checkpoint for checkpoint in load_checkpoints(DEMO / "checkpoints.toml")}
FILES = [name for name, checkpoint in CHECKPOINTS.items() if checkpoint.kind == "file"]


def made_files() -> set[str]:
    folders = [path for name in (*TARGETS, "checkpoints") for path in (DEMO / name).rglob("*") if path.is_file()]
    descriptions = [DEMO / f"{name}.toml" for name in (*TARGETS, "checkpoints")]
    return {path.relative_to(DEMO).as_posix() for path in folders + descriptions}


def listing_of(target: str):
    return read_listing(load_target(DEMO / f"{target}.toml"), (DEMO,))


def test_the_whole_demo_is_under_ten_megabytes():
    files = [path for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 10_000_000


def test_every_made_file_is_recorded_and_unchanged():
    assert set(PROVENANCE["sha256"]) == made_files()
    changed = [
        name
        for name, recorded in PROVENANCE["sha256"].items()
        if hashlib.sha256((DEMO / name).read_bytes()).hexdigest() != recorded
    ]
    assert changed == []


def test_everything_is_labelled_synthetic():
    tasks = [load_target(DEMO / f"{target}.toml") for target in TARGETS]
    assert PROVENANCE["synthetic"] is True
    assert all(record.synthetic for record in [*tasks, *CHECKPOINTS.values()])
    assert all("synthetic" in text.lower() for task in tasks for text in (task.name, *task.class_meanings.values()))


@pytest.mark.parametrize(("target", "shape"), [("tissue", (96, 96, 3)), ("radiograph", (128, 128))])
def test_every_image_is_listed_and_opens(target, shape):
    listing = listing_of(target)
    assert set(listing.files) == set((DEMO / target).rglob("*.jpg"))
    assert listing.problems == ()
    assert len(listing) >= 160
    for file in listing.files:
        with Image.open(file) as image:
            assert np.asarray(image).shape == shape


def test_tissue_has_four_classes_on_twenty_slides():
    listing = listing_of("tissue")
    assert listing.class_names == ("gland", "lymphoid", "stroma", "tumour")
    assert np.bincount(listing.labels).min() >= 40
    assert len(set(listing.groups)) == 20


def test_radiographs_have_five_findings_and_patients_with_several_images():
    listing = listing_of("radiograph")
    positive = listing.labels.sum(0)
    assert listing.labels.shape[1] == 5
    assert ((positive >= 30) & (positive <= len(listing) / 2)).all()
    assert len(set(listing.groups)) == 96 < len(listing)


@pytest.mark.parametrize("target", TARGETS)
def test_the_locked_test_part_is_a_fifth_and_splits_no_group(target):
    listing, locked = listing_of(target), set(load_target(DEMO / f"{target}.toml").test_part)
    test_groups = {group for id_, group in zip(listing.ids, listing.groups, strict=True) if id_ in locked}
    rest_groups = {group for id_, group in zip(listing.ids, listing.groups, strict=True) if id_ not in locked}
    assert locked <= set(listing.ids)
    assert 0.15 < len(locked) / len(listing) < 0.25
    assert not test_groups & rest_groups


def test_the_checkpoints_share_one_architecture_and_include_a_random_initialisation():
    kinds = [checkpoint.kind for checkpoint in CHECKPOINTS.values()]
    assert len({checkpoint.architecture for checkpoint in CHECKPOINTS.values()}) == 1
    assert kinds.count("file") >= 3 and kinds.count("random") == 1


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_loads_strictly_and_is_half_precision(name):
    import timm
    from safetensors.torch import load_file

    checkpoint = CHECKPOINTS[name]
    weights = load_file(checkpoint.weights)
    network = timm.create_model(checkpoint.architecture, num_classes=checkpoint.num_classes, **checkpoint.kwargs)
    network.load_state_dict(weights, strict=True)
    assert {str(value.dtype) for value in weights.values()} == {"torch.float16", "torch.int64"}


def test_every_source_was_learnt_far_above_chance():
    assert {source["name"] for source in PROVENANCE["source"]} == set(FILES)
    for source in PROVENANCE["source"]:
        assert source["validation_accuracy"] > 3 * source["chance"], source["name"]


@pytest.fixture
def make(monkeypatch):
    """The generating script, imported from its folder."""
    monkeypatch.syspath_prepend(str(DEMO))
    return importlib.import_module("make")


def test_the_script_draws_the_recorded_images_again(make, monkeypatch, tmp_path):
    if any(version(name) != PROVENANCE["versions"][name] for name in ("numpy", "pillow")):
        pytest.skip("the images were made with other versions of numpy or Pillow")
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setattr(make, "SLIDES", 1)
    monkeypatch.setattr(make, "PATIENTS", 4)
    make.make_tissue()
    make.make_radiographs()
    again = list(tmp_path.rglob("*.jpg"))
    assert len(again) >= 16
    for path in again:
        with Image.open(DEMO / path.relative_to(tmp_path)) as recorded, Image.open(path) as new:
            assert np.array_equal(np.asarray(recorded), np.asarray(new)), path.name
