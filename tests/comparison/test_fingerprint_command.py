"""`python -m core fingerprint`: of a folder and of a target, and what it refuses."""

import pytest

from core.__main__ import main
from core.catalog import dump_checkpoints
from core.comparison import fingerprint
from core.target import TargetTask, dump_target
from tests.comparison.test_comparison import make_images
from tests.scoring.conftest import network


@pytest.fixture
def folder(tmp_path):
    return make_images(tmp_path / "images", {"lesion": 90, "healthy": 140})


def test_of_a_folder(folder, tmp_path, capsys):
    out = tmp_path / "x.npz"
    assert main(["fingerprint", str(folder), "--out", str(out), "--name", "Ours", "--source", "ours"]) == 0
    told = capsys.readouterr()
    assert f"{out}: 60 images, 0 networks" in told.out and "close to single images" in told.err
    made = fingerprint.load(out)
    assert (made.name, made.about["source"], made.n, made.about["class_sizes"]) == ("Ours", "ours", 60, [30, 30])


def test_of_a_target_only_the_training_part_with_its_networks(folder, tmp_path):
    locked = tuple(f"healthy/healthy{i:02}.png" for i in range(5))
    task = TargetTask(name="T", images=folder, format="folder", label_type="binary", test_part=locked)
    (tmp_path / "TARGET.toml").write_text(dump_target(task))
    checkpoints = tmp_path / "CHECKPOINTS.toml"
    checkpoints.write_text(dump_checkpoints([network()]))
    out = tmp_path / "t.npz"
    command = ["fingerprint", str(tmp_path / "TARGET.toml"), "--out", str(out), "--checkpoints", str(checkpoints)]
    assert main([*command, "--suppress-below", "5"]) == 0
    made = fingerprint.load(out)
    assert made.n == 55 and made.name == "T" and made.about["counts_suppressed_below"] == 5
    assert sorted(made.about["class_sizes"]) == [25, 30] and len(made.encoders) == 1


@pytest.mark.parametrize(
    ("images", "out", "said"),
    [
        ("gone", "x.npz", "does not exist"),
        ("images", "no/such/x.npz", "cannot be written"),
        ("few", "x.npz", "too few"),
    ],
)
def test_what_cannot_be_done_is_said(folder, tmp_path, capsys, images, out, said):
    make_images(tmp_path / "few", {"one": 90}, n=30)
    assert main(["fingerprint", str(tmp_path / images), "--out", str(tmp_path / out)]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / out).exists()
