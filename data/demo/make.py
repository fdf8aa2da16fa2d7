"""Makes the offline demo project, all of it: `python data/demo/make.py` (11 minutes of processor time).

Two synthetic targets, four pretrained checkpoints and one random initialisation, with their descriptions and the
record of how they came about (provenance.toml). Nothing is downloaded. `--only targets` leaves the checkpoints as
they are. What the parts are is told in README.md.
"""

import argparse
import csv
import hashlib
import platform
import shutil
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import radiograph
import tissue
import tomli_w
from drawing import stream
from PIL import Image
from sources import SOURCES, Source

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from core.images.index import build_index  # noqa: E402
from core.images.parts import propose_test_part  # noqa: E402
from core.images.readers import read_listing  # noqa: E402
from core.target import load_target  # noqa: E402

SEED = 2025
SLIDES, PATCHES_PER_SLIDE = 20, 12
PATIENTS = 96
TEST_SHARE = 0.2
QUALITY = {"tissue": 90, "radiograph": 92}
LICENCE = "MIT"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
GREY = ([0.28], [0.22])
TRAINING = {  # epochs and normalisation per source
    "objects": (16, *IMAGENET),
    "textures": (12, *HALF),
    "limbs": (16, *GREY),
    "stains": (12, *HALF),
}

TISSUE = {
    "name": "Tissue patches (synthetic)",
    "images": "tissue",
    "format": "folder",
    "label_type": "multi-class",
    "modality": "Histology, stained with haematoxylin and eosin (synthetic)",
    "anatomy": "Glandular tissue (synthetic)",
    "color": "color",
    "class_meanings": {
        "gland": "Synthetic: glands, rings of nuclei around an opening",
        "lymphoid": "Synthetic: small round dark nuclei, densely packed",
        "stroma": "Synthetic: fibres with sparse spindle-shaped nuclei",
        "tumour": "Synthetic: nests of large nuclei of uneven size and shape",
    },
    "group_pattern": r"(slide\d+)_",
    "compute": "A laptop without a GPU",
    "synthetic": True,
    "notes": "Drawn by data/demo/make.py; no real tissue. Slides differ in stain, focus and magnification. "
    "Many patches hold some of a second kind of tissue; the class is the kind that fills most.",
}
RADIOGRAPH = {
    "name": "Chest-like radiographs (synthetic)",
    "images": "radiograph/manifest.csv",
    "format": "manifest",
    "label_type": "multi-label",
    "modality": "Radiography (synthetic)",
    "anatomy": "Chest-like shape (synthetic)",
    "color": "grey",
    "label_columns": list(radiograph.FINDINGS),
    "class_meanings": {
        "opacity": "Synthetic: a cloud without a sharp edge in one lung",
        "nodules": "Synthetic: three to eight small round spots in the lungs",
        "effusion": "Synthetic: fluid at the base of one lung, with a surface",
        "enlarged_heart": "Synthetic: a heart shape that is too wide",
        "device_line": "Synthetic: a thin catheter-like line",
    },
    "group_column": "patient_id",
    "compute": "A laptop without a GPU",
    "synthetic": True,
    "notes": "Drawn by data/demo/make.py; no real patient. One to three images of each synthetic patient share "
    "the anatomy; exposure, noise and position differ between images.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["targets", "checkpoints"], help="make a part only")
    only = parser.parse_args().only
    if only != "checkpoints":
        make_tissue()
        make_radiographs()
        describe_target("tissue", TISSUE)
        describe_target("radiograph", RADIOGRAPH)
    write_provenance(make_checkpoints() if only != "targets" else _recorded_sources())


def make_tissue() -> None:
    """20 slides of 12 patches, one folder per class; a slide has its own stain and its own mixture of classes."""
    folder = _empty_folder("tissue")
    for number in range(SLIDES):
        rng = stream("tissue", SEED, number)
        slide = tissue.draw_slide(rng)
        kinds = rng.choice(tissue.CLASSES, PATCHES_PER_SLIDE, p=rng.dirichlet([3] * len(tissue.CLASSES)))
        for patch_number, kind in enumerate(kinds):
            (folder / kind).mkdir(exist_ok=True)
            pixels = tissue.patch(stream("tissue", SEED, number, patch_number), kind, slide)
            _save(pixels, folder / kind / f"slide{number + 1:02d}_patch{patch_number + 1:02d}.jpg", "tissue")
    print("tissue:", sum(1 for _ in folder.rglob("*.jpg")), "images", flush=True)


def make_radiographs() -> None:
    """Patients with one to three images each, and the manifest that lists them."""
    folder = _empty_folder("radiograph")
    (folder / "images").mkdir()
    rows = []
    for number in range(PATIENTS):
        rng = stream("radiograph", SEED, number)
        patient = radiograph.draw_patient(rng)
        for image_number in range(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])):
            rng = stream("radiograph", SEED, number, image_number)
            findings = radiograph.image_findings(rng, patient)
            path = f"images/patient{number + 1:03d}_{image_number + 1}.jpg"
            _save(radiograph.image(rng, patient, findings), folder / path, "radiograph")
            rows.append([path, f"patient{number + 1:03d}", *findings])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["path", "patient_id", *radiograph.FINDINGS], *rows])
    print("radiograph:", len(rows), "images, positive:", np.array([row[2:] for row in rows]).sum(0), flush=True)


def describe_target(key: str, record: dict) -> None:
    """Writes `<key>.toml`, with the part of the images that is locked away as test part."""
    path = HERE / f"{key}.toml"
    path.write_text(tomli_w.dumps(record), encoding="utf-8")
    listing = read_listing(load_target(path), (HERE,))
    test_part = propose_test_part(listing, build_index(listing), TEST_SHARE, seed=0)
    path.write_text(tomli_w.dumps(record | {"test_part": list(test_part)}), encoding="utf-8")
    print(f"{key}: {len(test_part)} of {len(listing)} images locked as test part", flush=True)


def make_checkpoints() -> list[dict]:
    """Pretrains one network per source and writes checkpoints.toml, the random initialisation last.

    Returns how each source was trained, and how well.
    """
    from training import ARCHITECTURE

    folder = _empty_folder("checkpoints")
    jobs = [(source, *TRAINING[source.key], folder / f"{source.key}.safetensors") for source in SOURCES]
    with ProcessPoolExecutor(max_workers=2) as pool:  # one thread each: the same weights on any number of cores
        accuracies = list(pool.map(_pretrained, jobs))
    rows = [_checkpoint_row(source, ARCHITECTURE, mean, std) for source, _, mean, std, _ in jobs]
    rows.append({
        "name": "Random initialisation", "architecture": ARCHITECTURE, "library": "timm", "weights": "random",
        "seed": 0, "source": "none (control)", "licence": LICENCE, "synthetic": True,
        "preprocessing": _preprocessing(*IMAGENET),
    })  # fmt: skip
    (HERE / "checkpoints.toml").write_text(tomli_w.dumps({"checkpoint": rows}), encoding="utf-8")
    return [
        _training_record(source, epochs, file, accuracy)
        for (source, epochs, _, _, file), accuracy in zip(jobs, accuracies, strict=True)
    ]


def _pretrained(job: tuple) -> float:
    import torch
    from training import pretrain

    torch.set_num_threads(1)
    return pretrain(*job)


def _training_record(source: Source, epochs: int, file: Path, accuracy: float) -> dict:
    from training import VALIDATION_IMAGES

    return {
        "name": source.name, "file": f"checkpoints/{file.name}", "classes": list(source.classes),
        "training_images": source.train_images, "epochs": epochs, "seed": source.seed,
        "validation_images": VALIDATION_IMAGES, "validation_accuracy": round(accuracy, 4),
        "chance": round(1 / len(source.classes), 4),
    }  # fmt: skip


def _checkpoint_row(source: Source, architecture: str, mean: list[float], std: list[float]) -> dict:
    row = {
        "name": source.name, "architecture": architecture, "library": "timm",
        "weights": f"checkpoints/{source.key}.safetensors", "num_classes": len(source.classes),
        "source": f"{source.name} ({source.train_images} images, {len(source.classes)} classes)",
        "licence": LICENCE, "synthetic": True, "preprocessing": _preprocessing(mean, std),
    }  # fmt: skip
    return row | ({"kwargs": {"in_chans": 1}} if source.channels == 1 else {})


def _preprocessing(mean: list[float], std: list[float]) -> dict:
    color = "grey" if len(mean) == 1 else "RGB"
    return {"input_size": [96, 96], "mean": mean, "std": std, "color": color, "pixel_range": [0.0, 1.0]}


def _recorded_sources() -> list[dict]:
    """What an earlier run of this script recorded about the checkpoints."""
    return tomllib.loads((HERE / "provenance.toml").read_text(encoding="utf-8"))["source"]


def write_provenance(sources: list[dict]) -> None:
    """Records script, seeds, versions, what pretraining reached, and the SHA-256 of every file that was made."""
    packages = ("numpy", "pillow", "torch", "timm", "safetensors")
    made = [path for name in ("tissue", "radiograph", "checkpoints") for path in (HERE / name).rglob("*")]
    made += [HERE / name for name in ("tissue.toml", "radiograph.toml", "checkpoints.toml")]
    record = {
        "synthetic": True,
        "script": "data/demo/make.py",
        "seed": SEED,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "source": sources,
        "sha256": {
            path.relative_to(HERE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(made) if path.is_file()
        },
    }  # fmt: skip
    (HERE / "provenance.toml").write_text(tomli_w.dumps(record), encoding="utf-8")


def _empty_folder(name: str) -> Path:
    shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / name).mkdir()
    return HERE / name


def _save(pixels: np.ndarray, path: Path, key: str) -> None:
    Image.fromarray(pixels).save(path, quality=QUALITY[key])


if __name__ == "__main__":
    main()
