"""Images in a folder with one sub-folder per class."""

import os
from itertools import islice
from pathlib import Path

import numpy as np

from core.errors import TargetError
from core.images.listing import Listing, allowed_path, counted, encode_classes, first_three
from core.images.pixels import is_dicom
from core.target import TargetTask

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
JUNK = {"thumbs.db", "desktop.ini"}  # Windows leaves these
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
    entries = sorted(entries_of(folder), key=lambda entry: entry.name)
    classes = [folder / entry.name for entry in entries if entry.is_dir()]
    loose = [entry.name for entry in entries if is_image(entry.name) and not entry.is_dir()]
    _refuse_splits(classes)
    problems = []
    if loose:
        images = counted(len(loose), "image")
        problems.append(f"Left out, as no class folder holds them: {images} ({first_three(loose)}).")
    ids, files, values = [], [], []
    for class_folder in classes:
        found, odd = _images_below(class_folder, roots)
        problems += odd
        if not found:
            problems.append(f"The class folder `{class_folder.name}` holds no image and was left out.")
        ids += [f"{class_folder.name}/{name}" for name in found]
        files += found.values()
        values += [class_folder.name] * len(found)
    if len(set(values)) < 2:
        _refuse_other_layouts(entries, loose, values)
    labels, names = encode_classes(np.array(values, dtype=object), None, task)
    return Listing(
        ids=tuple(ids),
        files=tuple(files),
        npz=None,
        labels=labels,
        class_names=names,
        groups=None,
        splits=None,
        problems=tuple(problems),
    )


def _refuse_splits(classes: list[Path]) -> None:
    if classes and all(path.name.lower() in SPLIT_NAMES for path in classes):
        raise TargetError(
            f"The sub-folders are splits, not classes: {', '.join(path.name for path in classes)}.",
            "Choose the training folder itself, or write a manifest (CSV) with a `split` column.",
        )


def _refuse_other_layouts(entries: list[os.DirEntry], loose: list[str], values: list[str]) -> None:
    """Says what lies there instead of two folders with images."""
    lists = [entry.name for entry in entries if is_csv(entry.name)]
    if lists:
        raise TargetError(
            f"There are not two class folders with images there, but there is {first_three(lists)}.",
            "If that lists the images and their classes, choose the manifest layout.",
        )
    inside = (path for entry in entries if entry.is_dir() for path in islice(Path(entry.path).rglob("*"), 20))
    if not values and any(path.is_file() and is_dicom(path) for path in inside):
        raise TargetError(
            "The class folders hold DICOM files, and no other images.",
            "List them in a CSV with the columns `path` and `label`, and choose the manifest layout.",
        )
    if loose and not values:
        raise TargetError(
            f"The images lie in the folder itself ({first_three(loose)}), not in one folder per class.",
            "Choose the folder that holds the class folders, or list the images in a CSV with `path` and `label`.",
        )


def is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def is_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


def _images_below(class_folder: Path, roots: tuple[Path, ...]) -> tuple[dict[str, Path], list[str]]:
    """Image files below `class_folder` by their path in it, sorted, and sentences about what else lies there.

    Only links are resolved, as everything else lies where its folder does: on a slow disk every look at a file counts.
    """
    top = allowed_path(class_folder, roots)
    images, others, links, left = {}, [], [], [("", top)]
    while left:
        inside, folder = left.pop()
        for entry in entries_of(folder):
            if entry.is_dir(follow_symlinks=False):
                left.append((f"{inside}{entry.name}/", folder / entry.name))
                continue
            path = allowed_path(entry.path, roots) if entry.is_symlink() else folder / entry.name
            if entry.is_symlink() and entry.is_dir():
                links.append(entry.name)
            elif is_image(entry.name):
                images[inside + entry.name] = path
            elif entry.name.lower() not in JUNK:
                others.append(entry.name)
    problems = []
    if others:
        names = first_three(sorted(others))
        problems.append(f"Left out of `{class_folder.name}`: {counted(len(others), 'file')} of other kinds ({names}).")
    if links:
        names = first_three(sorted(links))
        problems.append(f"Linked folders in `{class_folder.name}` were not followed: {names}.")
    return {name: images[name] for name in sorted(images, key=lambda name: name.split("/"))}, problems


def entries_of(folder: Path) -> list[os.DirEntry]:
    """What `folder` holds, hidden things left out. TargetError where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise TargetError(f"`{folder}` cannot be read: {error.strerror}.", "Check its permissions.") from None
