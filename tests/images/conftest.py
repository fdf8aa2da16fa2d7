"""Small targets made on the spot: a folder per class, a manifest, an .npz."""

import numpy as np
import pytest
from PIL import Image

from core.images.index import build_index
from core.images.readers import read_listing
from core.target import TargetTask


def picture(seed: int, color: bool = False) -> np.ndarray:
    shape = (12, 16, 3) if color else (12, 16)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def save_image():
    """save_image(path, seed) writes a small PNG, other for every seed."""

    def save(path, seed=0, color=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(seed, color)).save(path)
        return path

    return save


@pytest.fixture
def class_folder(tmp_path, save_image):
    """class_folder(benign=12, malignant=11) writes so many images per class; the folder comes back."""

    def make(**counts):
        for number, (name, n) in enumerate(counts.items()):
            (tmp_path / "images" / name).mkdir(parents=True)
            for i in range(n):
                save_image(tmp_path / "images" / name / f"{i:03}.png", seed=1000 * number + i)
        return tmp_path / "images"

    return make


@pytest.fixture
def manifest(tmp_path, save_image):
    """manifest(text) writes a.png to f.png and `manifest.csv` beside them; the path of the CSV comes back."""

    def make(text, encoding="utf-8"):
        for seed, name in enumerate("abcdef"):
            save_image(tmp_path / f"{name}.png", seed)
        path = tmp_path / "manifest.csv"
        path.write_text(text, encoding=encoding)
        return path

    return make


@pytest.fixture
def npz(tmp_path):
    """npz(**changes) writes a small binary MedMNIST file with 30/8/6 images; a change of None leaves an array out."""

    def make(**changes):
        rng = np.random.default_rng(0)
        arrays = {}
        for split, n in (("train", 30), ("val", 8), ("test", 6)):
            arrays[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
            arrays[f"{split}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
        arrays = {name: values for name, values in (arrays | changes).items() if values is not None}
        np.savez_compressed(tmp_path / "mnist.npz", **arrays)
        return tmp_path / "mnist.npz"

    return make


@pytest.fixture
def read(tmp_path):
    """read(images, format, label_type, **task) -> (task, listing), with tmp_path as the only folder allowed."""

    def make(images, format="folder", label_type="binary", **options):
        task = TargetTask(name="t", images=images, format=format, label_type=label_type, **options)
        return task, read_listing(task, (tmp_path,))

    return make


@pytest.fixture
def examine(read):
    """examine(images, ...) -> (task, listing, index)."""

    def make(*args, **options):
        task, listing = read(*args, **options)
        return task, listing, build_index(listing)

    return make
