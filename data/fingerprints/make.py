"""Makes the fingerprints that ship: `python data/fingerprints/make.py`.

Of the two synthetic targets of the demo and of its four synthetic sources, drawn anew, through the demo's networks; and
of the samples of source data sets in ../shared/realdata (or SOURCESCOUT_REALDATA), through those and MobileNetV2 trained
on ImageNet-1K. Statistics only: no image of these samples is part of this project. README.md in this folder says what
they are.
"""

import os
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "data" / "demo")]

from core.catalog import Checkpoint, Preprocessing, load_checkpoints  # noqa: E402
from core.comparison import fingerprint, job, worker  # noqa: E402
from core.comparison.sets import sample_set, target_set  # noqa: E402
from core.images.index import build_index  # noqa: E402
from core.images.readers import read_listing  # noqa: E402
from core.images.samples import PATTERNS, list_samples  # noqa: E402
from core.settings import demo_folder  # noqa: E402
from core.target import load_target  # noqa: E402
from sources import SOURCES  # noqa: E402

REALDATA = Path(os.environ.get("SOURCESCOUT_REALDATA", ROOT.parent / "shared" / "realdata")).resolve()
WORDNET = PATTERNS["after the first _: n01440764_tench.jpg"]
SAMPLES = {  # folder -> key of the record (None: the catalogue has none), name, pattern of the class in file names
    "imagenet_1k": ("imagenet_1k", "ImageNet-1K", WORDNET),
    "intel_scenes": (None, "Intel scenes", ""),
    "cifar10": ("cifar10", "CIFAR-10", ""),
}


DRAWN = 200  # images of each synthetic source


def main() -> None:
    demo = load_checkpoints(demo_folder() / "checkpoints.toml")
    for name in ("tissue", "radiograph"):
        task = load_target(demo_folder() / f"{name}.toml")
        listing = read_listing(task, (demo_folder(),))
        make(f"demo_{name}", target_set(task, listing, build_index(listing)), demo)
    for source in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            draw(source, Path(folder))
            images = sample_set(source.name, None, list_samples(folder, (Path(folder).resolve(),)))
            make(f"demo_{source.key}", images | {"synthetic": True}, demo)
    for folder, (source, name, pattern) in SAMPLES.items():
        samples = list_samples(REALDATA / "source_samples" / folder, (REALDATA,), pattern)
        make(folder, sample_set(name, source, samples), [*demo, mobilenet()])


def draw(source, folder: Path) -> None:
    """New images of a source of the demo, a folder per class; none was used to train its network."""
    images, labels = source.images("fingerprint", DRAWN)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        file = folder / source.classes[label] / f"{number:03d}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image.squeeze()).save(file)


def mobilenet() -> Checkpoint:
    half = Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3)
    return Checkpoint(
        "MobileNetV2, ImageNet-1K", "mobilenetv2_100", "timm", str(REALDATA / "checkpoints" / "mnv2_imagenet.pth"),
        {"pad_type": "same"}, num_classes=1001, preprocessing=half,
    )  # fmt: skip


def make(name: str, images: dict, networks: list[Checkpoint]) -> None:
    plan = job.make_plan([images], [(network, {}) for network in networks])
    if errors := worker.work(job.prepare(plan)):
        raise SystemExit(str(errors))
    content = fingerprint.save(fingerprint.of_set(plan))
    (Path(__file__).parent / f"{name}.npz").write_bytes(content)
    print(f"{name}: {len(content) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
