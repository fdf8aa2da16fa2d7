"""A tiny real target (noise images whose brightness tells the class, not always) and tiny random networks."""

import numpy as np
import pytest
from PIL import Image

from core.catalog import Checkpoint, Preprocessing
from core.images.index import build_index
from core.images.readers import read_listing
from core.scoring.plan import Contender, make_plan
from core.target import TargetTask


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for name, brightness in (("dark", 100), ("light", 125)):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for i in range(24):
            pixels = np.clip(rng.normal(rng.normal(brightness, 20), 40, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"p{i // 2:02d}_{i}.png")
    return tmp_path / "images"


@pytest.fixture
def task(images):
    return TargetTask(name="Tiny task", images=images, format="folder", label_type="binary")


def network(name="random 0", seed=0, **changes) -> Checkpoint:
    size = Preprocessing(input_size=(32, 32), mean=(0.5,) * 3, std=(0.5,) * 3)
    facts = {"name": name, "architecture": "test_resnet", "library": "timm", "weights": "random", "seed": seed}
    return Checkpoint(**facts | {"preprocessing": size} | changes)


@pytest.fixture
def plan_of(tmp_path):
    def plan(task, checkpoints=None, metrics=("logme", "knn"), **options):
        listing = read_listing(task, (tmp_path,))
        contenders = [Contender(c) for c in checkpoints or [network(), network("random 1", 1)]]
        return make_plan(task, listing, build_index(listing), contenders, list(metrics), **options)

    return plan


def write_manifest(images):
    """A manifest of the same images, with a label and a patient for each."""
    rows = [
        f"{p.relative_to(images).as_posix()},{p.parent.name},{p.parent.name}{int(p.stem[1:3])}"
        for p in sorted(images.rglob("*.png"))
    ]
    (images / "manifest.csv").write_text("\n".join(["path,label,patient", *rows]) + "\n")
    return images / "manifest.csv"


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
