"""Which changed copies of an image are found, and how often two different images are taken for one.

    python -m tests.benchmarks.near [--images 200] [--json OUT.json]

Every image is changed in each of the ways below; a copy is found where its signature is a candidate's and its details
are alike enough. The fixed threshold (.85, core.images.near) was read off pairs within the medical sets; changed copies
and natural images were not looked at for it. That a collection of one template needs more was read off the demo
radiographs. False are pairs of different patients (nih_cxr, demo) or of different pictures.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from core.images.near import ALIKE, DETAIL_ALIKE, SIDE, candidate_pairs, correlations, detail_needed
from core.images.signature import shrunk, signature
from core.settings import demo_folder
from tests.conftest import REALDATA

FOLDERS = {
    "nih_cxr": REALDATA / "targets" / "nih_cxr",
    "imagenet_1k": REALDATA / "source_samples" / "imagenet_1k",
    "intel_scenes": REALDATA / "source_samples" / "intel_scenes",
    "demo radiographs (synthetic)": demo_folder() / "radiograph",
}


def saved(quality: int):
    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return change


def resized(share: float):
    return lambda image: image.resize(tuple(round(share * side) for side in image.size), Image.Resampling.LANCZOS)


def cropped(share: float):
    """`share` of the width and of the height taken away, half of it on each side."""

    def change(image: Image.Image) -> Image.Image:
        x, y = (round(share / 2 * side) for side in image.size)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


def turned(degrees: float):
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC)


def lettered(image: Image.Image) -> Image.Image:
    image = image.copy()
    size = max(8, image.height // 10)
    ImageDraw.Draw(image).text((4, 4), "L", fill=255, font=ImageFont.load_default(size=size))
    return image


CHANGES = {
    "JPEG quality 90": saved(90),
    "JPEG quality 50": saved(50),
    "JPEG quality 15": saved(15),
    "half the size": resized(0.5),
    "twice the size": resized(2),
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "30 % darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "half the contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "gamma 1.5": lambda image: image.point([round(255 * (v / 255) ** 1.5) for v in range(256)]),
    "a letter": lettered,
    "cropped by 2 %": cropped(0.02),
    "cropped by 5 %": cropped(0.05),
    "cropped by 10 %": cropped(0.1),
    "turned by 1 degree": turned(1),
    "turned by 3 degrees": turned(3),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def figures_of(folder: Path, most: int) -> dict:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    order = np.random.default_rng(0).permutation(len(files))[:most]
    files = [files[i] for i in sorted(order)]
    images = [Image.open(file).convert("L") for file in files]
    signatures, thumbnails = describe(images)
    needed = detail_needed(thumbnails)
    figures = {"images": len(images), "details must correlate": round(needed, 3), "found": {}}
    for name, change in CHANGES.items():
        changed, small = describe([change(image) for image in images])
        near = [len(candidate_pairs([a, b])) > 0 for a, b in zip(signatures, changed, strict=True)]
        plain, detail = correlations(thumbnails, small)
        figures["found"][name] = round(float((near & (plain >= ALIKE) & (detail >= needed)).mean()), 3)
    patients = [(file.parent, file.stem.split("_")[0]) for file in files]
    pairs = candidate_pairs(signatures)
    pairs = np.array([(i, j) for i, j in pairs if patients[i] != patients[j]], dtype=int).reshape(-1, 2)
    plain, detail = correlations(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]])
    figures["false pairs"] = {
        "of all pairs": len(images) * (len(images) - 1) // 2,
        "with alike signatures": len(pairs),
        f"with the fixed threshold {DETAIL_ALIKE}": int(((plain >= ALIKE) & (detail >= DETAIL_ALIKE)).sum()),
        "with this collection's threshold": int(((plain >= ALIKE) & (detail >= needed)).sum()),
    }
    return figures


def describe(images: list[Image.Image]) -> tuple[list[str], np.ndarray]:
    """Signatures, and thumbnails (N, SIDE, SIDE)."""
    values = [np.asarray(image) for image in images]
    return [signature(v) for v in values], np.stack([np.asarray(shrunk(v, SIDE)) for v in values])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200, help="of each set")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    text = json.dumps({name: figures_of(folder, options.images) for name, folder in FOLDERS.items()}, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
