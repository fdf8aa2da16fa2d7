"""The copyable code runs on its own, gives our features, and refuses a file that is not the one that was scored."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from PIL import Image

from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing, identity
from core.preprocess import prepare
from core.snippet import snippet

OURS = Preprocessing((64, 96), (0.5, 0.4, 0.3), (0.25, 0.5, 0.2))
# Runs every snippet in one process (importing torch takes seconds), each in a namespace of its own.
RUNNER = """
import json, sys, traceback
import numpy as np, torch
from PIL import Image
folder = sys.argv[1]
found = {}
for name, code in json.load(open(folder + "/snippets.json")).items():
    names = {}
    try:
        exec(compile(code, name, "exec"), names)
        model, x = names["model"], names["prepare"](Image.open(folder + "/image.png"))[None]
        with torch.no_grad():
            if hasattr(model, "forward_head"):
                y = model.forward_head(model.forward_features(x), pre_logits=True)
            else:
                y = torch.nn.Sequential(*list(model.children())[:-1])(x).flatten(1)
        found[name] = {"features": y.tolist(), "training": model.training}
    except Exception:
        found[name] = {"error": traceback.format_exc()}
json.dump(found, open(folder + "/found.json", "w"))
"""


def our_features(checkpoint: Checkpoint, folder: Path) -> np.ndarray:
    pixels = np.array(Image.open(folder / "image.png"))
    with torch.no_grad():
        return load_network(checkpoint).features(prepare(pixels, checkpoint.preprocessing)[None]).numpy()


def saved(folder: Path, module: torch.nn.Module, name: str = "w.pth") -> str:
    if name.endswith(".safetensors"):
        safetensors.torch.save_file(module.state_dict(), folder / name)
    else:
        torch.save({"state_dict": module.state_dict()}, folder / name)
    return str(folder / name)


def timm_file(folder: Path, name: str = "w.pth", **kwargs) -> Checkpoint:
    weights = saved(folder, timm.create_model("test_resnet", **kwargs), name)
    return Checkpoint("a", "test_resnet", "timm", weights, preprocessing=OURS)


def renamed_file(folder: Path) -> Checkpoint:
    """A file with a prefix, a renamed part, and tensors that are left out."""
    state = timm.create_model("test_resnet", num_classes=5).state_dict()
    names = {name: "module." + ("0." + name.removeprefix("conv1.") if name.startswith("conv1.") else name)
             for name in state}  # fmt: skip
    extra = {"projection.0.weight": torch.ones(2), "queue": torch.ones(3)}
    torch.save({names[name]: value for name, value in state.items()} | extra, folder / "w.pth")
    return Checkpoint(
        "a", "test_resnet", "timm", str(folder / "w.pth"), preprocessing=OURS,
        strip_prefix="module.", ignore=("projection.", "queue"), rename={"0.": "conv1."},
    )  # fmt: skip


CASES = {
    "a file, its classes read from it": lambda f: timm_file(f, num_classes=5),
    "a file without a head, as safetensors": lambda f: replace(
        timm_file(f, "w.safetensors", num_classes=0), num_classes=0
    ),
    "a grey network": lambda f: replace(
        timm_file(f, in_chans=1), kwargs={"in_chans": 1},
        preprocessing=Preprocessing((64, 64), (0.5,), (0.5,), "grey", (-1.0, 1.0)),
    ),
    "blue first, 0 to 255": lambda f: replace(
        timm_file(f), preprocessing=Preprocessing((64, 64), (104.0, 117.0, 123.0), (1.0,) * 3, "BGR", (0.0, 255.0))
    ),
    "a file whose names are changed": lambda f: renamed_file(f),
    "a random initialisation": lambda f: Checkpoint("r", "test_resnet", "timm", "random", seed=3, preprocessing=OURS),
    "a file of torchvision": lambda f: Checkpoint(
        "t", "resnet18", "torchvision", saved(f, torchvision.models.get_model("resnet18", num_classes=4)),
        preprocessing=OURS,
    ),
}  # fmt: skip


WRONG = "sha256:" + "0" * 64
TAG = Checkpoint("v", "test_vit.r160_in1k", "timm", "timm", preprocessing=replace(OURS, input_size=(160, 160)))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict:
    """The checkpoint, what its snippet gave, and what we compute, by case; and two with a wrong hash."""
    folder = tmp_path_factory.mktemp("snippets")
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "image.png")
    checkpoints = {}
    for number, case in enumerate(CASES):
        (folder / str(number)).mkdir()
        checkpoints[case] = CASES[case](folder / str(number))
    hub_weights = put_into_hub(folder / "hub")
    codes = {case: snippet(checkpoint, identity(checkpoint)) for case, checkpoint in checkpoints.items()}
    codes["tag"] = snippet(TAG, identity(TAG, hub_weights))
    codes["tag, wrong hash"] = snippet(TAG, WRONG)
    (folder / "evil.pth").write_bytes(b"not even weights")
    codes["file, wrong hash"] = snippet(Checkpoint("a", "test_resnet", "timm", str(folder / "evil.pth")), WRONG)
    (folder / "snippets.json").write_text(json.dumps(codes))
    hub = {"HF_HUB_CACHE": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", RUNNER, str(folder)], cwd=folder, env=os.environ | hub, check=True)
    found = json.loads((folder / "found.json").read_text())
    for case, checkpoint in checkpoints.items():
        found[case]["ours"] = our_features(checkpoint, folder)
    return found


def put_into_hub(hub: Path) -> str:
    """Random weights, lying in the hub's cache as if TAG had been downloaded."""
    files = hub / "models--timm--test_vit.r160_in1k"
    (files / "refs").mkdir(parents=True)
    (files / "refs" / "main").write_text("abc")
    (files / "snapshots" / "abc").mkdir(parents=True)
    return saved(files / "snapshots" / "abc", timm.create_model("test_vit"), "model.safetensors")


@pytest.mark.parametrize("case", CASES)
def test_the_snippet_gives_the_features_that_are_scored(case, outcomes):
    outcome = outcomes[case]
    assert "error" not in outcome, outcome["error"]
    np.testing.assert_allclose(outcome["features"], outcome["ours"], atol=1e-5)
    assert not outcome["training"]


def test_the_snippet_of_a_tag_loads_what_the_hub_gave(outcomes):
    assert np.shape(outcomes["tag"]["features"]) == (1, 64)


@pytest.mark.parametrize("case", ["tag, wrong hash", "file, wrong hash"])
def test_a_file_with_another_hash_is_refused_before_it_is_opened(case, outcomes):
    assert "is not the file that was scored" in outcomes[case]["error"]


def test_what_a_person_typed_stays_text():
    evil = "x\nimport os\u2028os.abort()'\""
    checkpoint = Checkpoint(evil, "a'b", "timm", "/tmp/'\n.pth", source=evil, licence=evil)
    code = snippet(checkpoint, "sha256:0'")
    compile(code, "snippet", "exec")
    assert not [line for line in code.splitlines() if line.startswith(("import os", "os."))]
