"""From the description of a target to the list of its images and labels. No pixel is read here."""

import dataclasses
from pathlib import Path

from core.errors import TargetError
from core.images.archive import is_archive, unpacked
from core.images.folder import read_folder
from core.images.listing import Listing, allowed_path, groups_from_pattern, groups_preview
from core.images.manifest import BINARY_VALUES, manifest_file, read_manifest, read_table
from core.images.medmnist import read_npz
from core.target import TargetTask

__all__ = [
    "Listing", "candidate_label_columns", "groups_from_pattern", "groups_preview",
    "manifest_columns", "read_listing",
]  # fmt: skip

GROUP_WORDS = ("patient", "subject", "case", "study", "participant")


def read_listing(task: TargetTask, roots: tuple[Path, ...]) -> Listing:
    """The images and labels that `task` points to; every file lies under one of `roots`, links resolved.

    A folder or manifest may be a .zip archive, which is unpacked (see `core.images.archive`); ids stay relative.
    TargetError, with what to do, where they cannot be used as described.
    """
    roots = tuple(Path(root).resolve() for root in roots)
    images = allowed_path(task.images, roots)
    if not images.exists():
        raise TargetError(f"`{task.images}` does not exist.", "Check the path, and that the disk is connected.")
    _check_options(task)
    if task.format == "npz":
        return read_npz(task, images)
    if is_archive(images):
        images = unpacked(images).resolve()
        roots = (*roots, images)
    listing = (read_folder if task.format == "folder" else read_manifest)(task, images, roots)
    if not task.group_pattern:
        return listing
    return dataclasses.replace(listing, groups=groups_from_pattern(listing.ids, task.group_pattern))


def _check_options(task: TargetTask) -> None:
    if task.group_column and task.group_pattern:
        raise TargetError(
            "Both a group column and a file-name pattern are given.",
            "Keep the one that tells patients apart.",
        )
    if task.group_pattern and task.format == "npz":
        raise TargetError(
            "A file-name pattern cannot find groups in an .npz file, which has no file names.",
            "Leave the pattern empty, or export the images and write a manifest with a group column.",
        )
    for option in ("group_column", "split_column", "label_columns"):
        if getattr(task, option) and task.format != "manifest":
            raise TargetError(
                f"`{option}` is given, but only a manifest has columns.",
                f"Leave `{option}` empty, or choose the format manifest.",
            )


def manifest_columns(images: Path, roots: tuple[Path, ...]) -> dict[str, list[str]]:
    """What each column of a manifest could be, for the page: keys "all", "label", "binary", "group"."""
    roots = tuple(Path(root).resolve() for root in roots)
    images = allowed_path(images, roots)
    if is_archive(images):
        images = unpacked(images).resolve()
        roots = (*roots, images)
    table = read_table(allowed_path(manifest_file(images), roots))
    left = [column for column in table if column not in ("path", "split")]
    return {
        "all": list(table),
        "label": [column for column in left if 2 <= table[column].nunique() <= 50],
        "binary": [column for column in left if set(table[column]) <= set(BINARY_VALUES)],
        "group": [column for column in left if any(word in column.lower() for word in GROUP_WORDS)],
    }


def candidate_label_columns(images: Path, roots: tuple[Path, ...]) -> list[str]:
    """Columns of a manifest with 2 to 50 different values."""
    return manifest_columns(images, roots)["label"]
