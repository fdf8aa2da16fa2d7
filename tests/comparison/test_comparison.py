"""Sets, the worker that measures them, and fingerprints: on small sets of noise images."""

import io
import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from core.comparison import fingerprint, job, worker
from core.comparison.sets import look_through, places_of, read_looks, sample_set, target_set
from core.errors import SimilarityError
from core.images.index import build_index
from core.images.pixels import Pixels
from core.images.readers import read_listing
from core.images.samples import list_samples
from core.similarity.moments import compare_moments
from core.similarity.visual import answers, compare
from core.target import TargetTask
from tests.scoring.conftest import network


def make_images(folder, classes, n=30, seed=0):
    rng = np.random.default_rng(seed)
    for name, brightness in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.clip(rng.normal(brightness, 40, (32, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}{i:02}.png")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCESCOUT_HOME", str(tmp_path / "home"))


@pytest.fixture
def target(tmp_path):
    folder = make_images(tmp_path / "target", {"lesion": 90, "healthy": 140})
    task = TargetTask(name="Tiny task", images=folder, format="folder", label_type="binary")
    listing = read_listing(task, (tmp_path,))
    return target_set(task, listing, build_index(listing))


@pytest.fixture
def source(tmp_path):
    folder = make_images(tmp_path / "source", {"ant": 120, "bee": 200}, seed=1)
    return sample_set("Insects", "insects", list_samples(folder, (tmp_path,)))


def finished(plan):
    errors = worker.work(job.prepare(plan))
    assert errors == []
    return plan


def test_a_comparison_makes_every_finding_once(target, source):
    plan = finished(job.make_plan([target, source], [(network(), {})], ("pca",)))
    assert job.standing(plan).state == "finished"
    written = {step.file: step.file.stat().st_mtime_ns for step in job.steps(plan)}
    finished(plan)
    assert written == {step.file: step.file.stat().st_mtime_ns for step in job.steps(plan)}
    distances = json.loads(job.distances_file(target, source, plan["encoders"][0]).read_text())
    assert distances["kid"]["n"] == [60, 60] and distances["class_aware"]["value"] > 0
    drawn = json.loads(job.projection_file(plan, plan["encoders"][0], "pca").read_text())
    assert len(drawn["points"]) == 120 and [len(rows) for rows in drawn["rows"]] == [60, 60]


def test_images_against_images_is_fingerprint_against_fingerprint(target, source, tmp_path):
    plan = finished(job.make_plan([target, source], [(network(), {})]))
    made = [fingerprint.of_set(plan, number) for number in (0, 1)]
    kept = [fingerprint.parse(fingerprint.save(one), "x.npz") for one in made]
    looks = [answers(compare(pair[0].looks, pair[1].looks)) for pair in (made, kept)]
    assert looks[0] == looks[1] and looks[0]["colour"].value > 0.3
    (key,) = made[0].encoders
    seen = [
        {name: asdict(one) for name, one in compare_moments(pair[0].encoders[key], pair[1].encoders[key]).items()}
        for pair in (made, kept)
    ]
    assert seen[0] == seen[1]


def test_scoring_and_comparing_share_features(target, source, tmp_path):
    from core.scoring.plan import features_key, sample_hash

    plan = finished(job.make_plan([target], [(network(), {})]))
    looks = read_looks(job.looks_file(target))
    key = features_key(sample_hash(list(looks.hashes)), network(), plan["encoders"][0]["identity"])
    assert (tmp_path / "home" / "features" / f"{key}.npy").exists()


def test_a_set_that_cannot_be_read_is_told_and_the_others_are_measured(target, source):
    for file in source["places"]["files"][:45]:
        with open(file, "wb") as damaged:
            damaged.write(b"not an image")
    plan = job.make_plan([target, source], [])
    (error,) = worker.work(job.prepare(plan))
    assert "only 15 of 60 images can be read" in error["message"] and "20" in error["remedy"]
    standing = job.standing(plan)
    assert standing.state == "failed" and standing.done == 1 and standing.errors


def test_unreadable_images_are_left_out(source):
    file = source["places"]["files"][3]
    with open(file, "wb") as damaged:
        damaged.write(b"not an image")
    looks = look_through(source, 1)
    assert looks.rows.tolist() == [row for row in range(60) if row != 3] and len(looks.measures["brightness"]) == 59


def test_a_medmnist_file_is_a_set_too(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (40, 28, 28), dtype=np.uint8)
    labels = (np.arange(40) % 2)[:, None]
    np.savez(tmp_path / "x.npz", train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    made = sample_set("X", None, list_samples(tmp_path / "x.npz", (tmp_path,)), most=30)
    assert made["places"]["array"] == "train_images" and len(set(made["places"]["rows"])) == 30
    assert np.array_equal(Pixels(places_of(made["places"]))[0], images[made["places"]["rows"][0]])
    np.savez(tmp_path / "y.npz", images=images)
    with pytest.raises(SimilarityError, match="train_images"):
        sample_set("Y", None, list_samples(tmp_path / "y.npz", (tmp_path,)))


def test_too_few_images_are_refused(tmp_path):
    folder = make_images(tmp_path / "few", {"a": 100}, n=19)
    with pytest.raises(SimilarityError, match="19 images are too few"):
        sample_set("Few", None, list_samples(folder, (tmp_path,)))


def test_a_changed_image_is_measured_anew_and_another_name_is_not(tmp_path, source):
    samples = list_samples(tmp_path / "source", (tmp_path,))
    assert sample_set("Another name", "insects", samples)["key"] == source["key"]
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "source" / "ant" / "ant00.png")
    assert sample_set("Insects", "insects", samples)["key"] != source["key"]


@pytest.fixture
def made(target):
    plan = finished(job.make_plan([target], [(network(), {})]))
    return fingerprint.of_set(plan)


def test_a_fingerprint_tells_no_file_no_class_and_no_place(made, tmp_path):
    content = fingerprint.save(made)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        text = " ".join([*arrays.files, arrays["about"].tobytes().decode()])
        assert max(array.shape[0] if array.ndim else 1 for name, array in arrays.items() if name != "about") <= 1024
        strings = [name for name, array in arrays.items() if array.dtype.kind in "US" and not name.endswith("digest")]
    assert strings == []
    for private in ("lesion", "healthy", ".png", str(tmp_path), "target/"):
        assert private not in text
    assert set(made.about) == {"name", "source", "n", "sample", "class_sizes", "synthetic", "measures", "encoders"}
    assert made.about["class_sizes"] == [30, 30] and re.fullmatch("random:[0-9a-f]{64}", _only(made)["identity"])
    assert len(content) < 300_000


def _only(made):
    (about,) = made.about["encoders"].values()
    return about


def test_small_counts_are_suppressed_on_request(made):
    kept = fingerprint.without_small_counts(made, 5)
    for name, counts in kept.looks.items():
        if np.issubdtype(counts.dtype, np.integer):
            assert not ((counts > 0) & (counts < 5)).any(), name
    (moments,) = kept.encoders.values()
    assert not ((moments.counts > 0) & (moments.counts < 5)).any() and moments.class_means is None
    assert kept.about["counts_suppressed_below"] == 5
    assert fingerprint.parse(fingerprint.save(kept), "x").about["counts_suppressed_below"] == 5


def test_a_fingerprint_of_few_images_is_refused_or_warned_of(made):
    assert "close to single images" in fingerprint.warning(60) and fingerprint.warning(500) == ""
    with pytest.raises(SimilarityError, match="49 images are too few"):
        fingerprint.save(replace(made, about=made.about | {"n": 49}))


@pytest.mark.parametrize("damage", ["text", "cut", "pickle", "format", "bomb", "incomplete"])
def test_what_is_no_fingerprint_is_refused(made, damage, tmp_path):
    content = fingerprint.save(made)
    if damage == "incomplete":
        content = fingerprint.save(replace(made, looks={"brightness": made.looks["brightness"][:5]}))
    elif damage == "format":
        with np.load(io.BytesIO(content)) as arrays:
            about = json.loads(arrays["about"].tobytes()) | {"format": 99}
            rest = {name: arrays[name] for name in arrays.files if name != "about"}
        content = _npz(about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8), **rest)
    elif damage == "pickle":
        content = _npz(about=np.array([{"n": 1}], dtype=object))
    elif damage == "bomb":
        content = _npz(about=np.zeros(60_000_000, dtype=np.uint8))
    else:
        content = {"text": b"hello", "cut": content[: len(content) // 2]}[damage]
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(SimilarityError, match="another version" if damage == "format" else "no fingerprint"):
        fingerprint.load(tmp_path / "x.npz")


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
