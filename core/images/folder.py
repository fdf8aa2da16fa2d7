"""Images in a folder with one sub-folder per class."""

import os
from itertools import islice
from pathlib import Path

import numpy as np

from core.errors import TargetError
from core.images.listing import Listing, allowed_path, counted, encode_classes, first_three, posix_id
from core.images.pixels import is_dicom
from core.target import TargetTask

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def read_folder(task: TargetTask, folder: Path, roots: tuple[Path, ...]) -> Listing:
    """One class per sub-folder of `folder`; images at any depth inside it count, hidden ones do not."""
    if not folder.is_dir():
        raise TargetError(f"`{folder}` is not a folder.", "Choose the folder that holds one sub-folder per class.")
    if task.label_type == "multi-label":
        raise TargetError(
            "A folder per class gives each image one class, but the task is multi-label.",
            "Use a manifest (CSV) with one 0/1 column per finding.",
        )
    entries = sorted(_visible(folder), key=lambda path: path.name)
    classes = [path for path in entries if path.is_dir()]
    _refuse_splits(classes)
    problems = _problems_at_top(entries)
    files, values = [], []
    for class_folder in classes:
        found, odd = _images_below(class_folder, roots)
        problems += odd
        if not found:
            problems.append(f"The class folder `{class_folder.name}` holds no image and was left out.")
        files += found
        values += [class_folder.name] * len(found)
    if not files:
        _refuse_dicom(classes)
    labels, names = encode_classes(np.array(values, dtype=object), None, task)
    return Listing(
        ids=tuple(posix_id(file, folder) for file in files),
        files=tuple(allowed_path(file, roots) for file in files),
        npz=None,
        labels=labels,
        class_names=names,
        groups=None,
        splits=None,
        problems=tuple(problems),
    )


def _visible(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise TargetError(f"`{folder}` cannot be read: {error.strerror}.", "Check its permissions.") from None


def _refuse_splits(classes: list[Path]) -> None:
    if classes and all(path.name.lower() in SPLIT_NAMES for path in classes):
        raise TargetError(
            f"The sub-folders are splits, not classes: {', '.join(path.name for path in classes)}.",
            "Choose the training folder itself, or write a manifest (CSV) with a `split` column.",
        )


def _refuse_dicom(classes: list[Path]) -> None:
    if any(path.is_file() and is_dicom(path) for folder in classes for path in islice(folder.rglob("*"), 20)):
        raise TargetError(
            "The class folders hold DICOM files, and no other images.",
            "List them in a CSV with the columns `path` and `label`, and choose the manifest layout.",
        )


def _problems_at_top(entries: list[Path]) -> list[str]:
    loose = [path.name for path in entries if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    if not loose:
        return []
    return [f"Left out, as no class folder holds them: {counted(len(loose), 'image')} ({first_three(loose)})."]


def _images_below(class_folder: Path, roots: tuple[Path, ...]) -> tuple[list[Path], list[str]]:
    """Image files below `class_folder`, sorted, and sentences about what else lies there."""
    allowed_path(class_folder, roots)
    images, others, links = [], [], []
    for where, folders, names in os.walk(class_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links += [Path(where, name) for name in folders if Path(where, name).is_symlink()]
        for name in names:
            if not name.startswith("."):
                (images if Path(name).suffix.lower() in IMAGE_SUFFIXES else others).append(Path(where, name))
    for link in links:
        allowed_path(link, roots)
    problems = []
    if others:
        names = first_three(sorted(path.name for path in others))
        problems.append(f"Left out of `{class_folder.name}`: {counted(len(others), 'file')} of other kinds ({names}).")
    if links:
        names = first_three(sorted(path.name for path in links))
        problems.append(f"Linked folders in `{class_folder.name}` were not followed: {names}.")
    return sorted(images), problems
