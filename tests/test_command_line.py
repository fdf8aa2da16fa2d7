"""The command line as a user calls it: its exit codes, its JSON, its messages."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = """
[[checkpoint]]
name = "one"
architecture = "test_resnet"
library = "timm"
weights = "random"
[checkpoint.preprocessing]
input_size = 32

[[checkpoint]]
name = "gone"
architecture = "test_resnet"
library = "timm"
weights = "gone.pth"
"""


def run(*arguments, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


@pytest.fixture
def target(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, level in (("a", 100), ("b", 130)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.clip(rng.normal(rng.normal(level, 20), 30, (16, 16)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    file = tmp_path / "TARGET.toml"
    file.write_text('name = "t"\nlabel_type = "binary"\nimages = "images"\nformat = "folder"\n')
    (tmp_path / "CHECKPOINTS.toml").write_text(CHECKPOINTS)
    return file


def score(target, *more):
    folder = target.parent
    return run("score", "--target", target, "--checkpoints", folder / "CHECKPOINTS.toml", "--run", folder / "run",
               "--json", folder / "out.json", *more)  # fmt: skip


def test_scoring_tells_the_part_the_failure_and_the_others_and_is_repeatable(target):
    first = score(target, "--metrics", "logme,knn")
    answer = (target.parent / "out.json").read_text()
    assert first.returncode == 1  # one candidate failed
    found = json.loads(answer)
    assert (found["part"]["n"], found["part"]["name"]) == (40, "all images: no test part")
    assert found["part"]["hash"] and found["part"]["hash"][:12] in first.stdout
    one, gone = found["candidates"]
    assert set(one["metrics"]) == {"logme", "knn"}
    assert one["metrics"]["logme"]["p"] >= 1 / 201
    assert "cannot be read" in gone["error"]["message"]
    for file in (target.parent / "run" / "results").iterdir():
        file.unlink()
    score(target, "--metrics", "logme,knn")
    assert (target.parent / "out.json").read_text() == answer


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("images =", "image ="), "Unknown entries: image"),
        (lambda text: text.replace('"images"', '"nowhere"'), "does not exist"),
        (lambda text: text.replace("binary", "ternary"), "`label_type`"),
        (lambda text: text + r"group_pattern = '(.?|\w?){60}[#%]'", "takes too long"),
        (lambda text: "name = ", "not valid TOML"),
    ],
)
def test_a_bad_target_is_refused_with_what_to_do(target, edit, message):
    target.write_text(edit(target.read_text()))
    done = score(target)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-images", "0"], "0 images are too few"),
        (["--run", __file__], "cannot be made"),
        (["--checkpoints", "nowhere.toml"], "cannot be read"),
        (["--device", "cpu", "--metrics", ""], "Unknown metrics"),
    ],
)
def test_a_bad_option_is_refused_with_what_to_do(target, more, message):
    done = score(target, *more)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_scores_are_kept_where_the_json_cannot_be_written(target):
    done = score(target, "--metrics", "logme", "--json", target.parent / "nowhere" / "out.json")
    assert done.returncode == 2 and "The scores are kept" in done.stderr
    assert list((target.parent / "run" / "results").iterdir())


def test_a_tag_that_cannot_be_fetched_fails_alone_and_what_is_left_out_is_said(target):
    checkpoints = target.parent / "CHECKPOINTS.toml"
    first, second = checkpoints.read_text().split('name = "gone"')
    second = second.replace("gone.pth", "timm").replace("test_resnet", "resnet18.no")
    checkpoints.write_text(f'{first}name = "gone"{second}')
    (target.parent / "images" / "a" / "0.png").write_bytes(b"not an image")
    done = score(target, "--metrics", "logme")
    one, gone = json.loads((target.parent / "out.json").read_text())["candidates"]
    assert one["metrics"]["logme"]["n"] == 39
    assert "no pretrained weights called resnet18.no" in gone["error"]["message"]
    assert done.returncode == 1 and "1 of 40 images cannot be read" in done.stderr


def test_a_worker_that_dies_is_said(target, monkeypatch):
    from core import __main__ as command_line
    from core.errors import SourceScoutError
    from core.scoring import runner

    stopped = runner.RunStatus("stopped", 1, 2, {})
    for name, answer in {"prepare": None, "start": None, "status": stopped, "last_words": "killed"}.items():
        monkeypatch.setattr(runner, name, lambda *_, answer=answer: answer)
    with pytest.raises(SourceScoutError, match="ended before its time; 1 of 2 scores are finished. killed"):
        command_line.compute([({}, target.parent)])


def test_an_unknown_metric_is_refused(target):
    done = score(target, "--metrics", "logme,magic")
    assert (done.returncode, "Unknown metrics: magic" in done.stderr) == (2, True)


def test_a_gpu_that_is_not_there_is_said_per_candidate(target):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    score(target, "--device", "cuda")
    found = json.loads((target.parent / "out.json").read_text())
    assert "Choose the CPU" in found["candidates"][0]["error"]["remedy"]


def test_metrics_of_a_feature_file(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    np.savez(tmp_path / "f.npz", X=rng.normal(size=(120, 10)) + labels[:, None], y=labels)
    text = run("metrics", tmp_path / "f.npz", "--json").stdout
    assert run("metrics", tmp_path / "f.npz", "--json").stdout == text  # to the last bit
    found = json.loads(text)
    assert {"logme", "knn", "linear_probe", "sfda", "ncti", "gbc", "nca"} <= set(found)
    wanted = {"value", "raw", "null", "p", "z", "low", "high", "verdict"}
    assert all(wanted <= set(result) for key, result in found.items() if key != "leep")
    assert set(found["leep"]) == {"value", "reason"}  # the file holds no outputs of a source head
    assert found["logme"]["value"] > 0.1 and found["knn"]["value"] > 0.8


def test_a_file_that_would_run_code_is_refused(tmp_path):
    np.savez(tmp_path / "f.npz", X=np.array([{"a": 1}], dtype=object), y=np.zeros(1))
    done = run("metrics", tmp_path / "f.npz")
    assert done.returncode == 2 and done.stderr.startswith("error: ")


def test_pure_noise_wider_than_long_is_near_zero_with_a_warning(tmp_path):
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "f.npz", X=rng.normal(size=(200, 2048)).astype(np.float32), y=rng.integers(0, 5, 200))
    logme = json.loads(run("metrics", tmp_path / "f.npz", "--json").stdout)["logme"]
    assert abs(logme["value"]) < 0.02
    assert logme["p"] > 0.05
    assert logme["verdict"] == "not meaningful here"
    assert "200 images for 2048 features" in logme["reason"]


def test_a_dicom_folder_is_scored_and_its_patients_are_told_and_kept_nowhere(target, tmp_path):
    from core.settings import home
    from tests.dicoms import SECRETS, write_study

    write_study(tmp_path / "study")
    target.write_text('name = "t"\nlabel_type = "binary"\nimages = "study/labels.csv"\nformat = "manifest"\n')
    done = score(target, "--metrics", "logme,knn")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["part"]["n"] == 33 and set(found["candidates"][0]["metrics"]) == {"logme", "knn"}, done.stderr
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["grouped"] and len(set(plan["groups"])) == 12
    kept = [path for folder in (tmp_path / "run", home()) for path in folder.rglob("*") if path.is_file()]
    told = (done.stdout + done.stderr).encode() + (tmp_path / "out.json").read_bytes()
    told += b"".join(path.read_bytes() for path in kept)
    assert not [secret for secret in SECRETS if secret.encode() in told]
