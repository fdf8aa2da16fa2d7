"""What was found in a target's images, in numbers and in sentences with remedies. It decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.images.listing import Listing, counted, first_three
from core.images.parts import FOLDS, splits_of
from core.target import COLORS, TargetTask

SMALL_CLASS = 10  # training images


@dataclass(frozen=True)
class Finding:
    """`level` is "error" (scoring cannot start), "warning" or "info"; `ids` are the images it is about."""

    level: str
    text: str
    remedy: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Duplicates:
    """Images with equal pixels."""

    ids: tuple[str, ...]
    across_classes: bool
    across_splits: bool


@dataclass(frozen=True, eq=False)
class Inspection:
    """Numbers over the readable images; `counts` has `class` and one column per split (or "all")."""

    n_images: int
    counts: pd.DataFrame
    sizes: pd.DataFrame  # width, height, images; the most frequent first
    color: dict[str, int]  # "grey" and "color"
    n_groups: int | None
    unreadable: tuple[str, ...]
    duplicates: tuple[Duplicates, ...]
    small_classes: tuple[str, ...]
    straddling_groups: tuple[str, ...]
    findings: tuple[Finding, ...]


def inspect_target(task: TargetTask, listing: Listing, index: pd.DataFrame) -> Inspection:
    """Counts, sizes, colour, groups, duplicates and what to say about them; no pixel is read here."""
    table = _table(task, listing, index)
    readable = table[table["error"] == ""]
    counts = _counts(readable, listing)
    training_counts = counts["train" if "train" in counts else "all"].to_numpy()
    duplicates = _duplicates(readable)
    straddling = _straddling(readable)
    findings = [
        *(Finding("warning", problem) for problem in listing.problems),
        *(Finding("info", note) for note in listing.notes),
        *_on_reading(table),
        *_on_parts_of_files(table),
        *_on_classes(training_counts, readable, listing),
        *_on_duplicates(duplicates),
        *_on_groups(readable, listing, straddling),
        *_on_test_part(task, listing, counts),
        *_on_color(task, readable),
    ]
    return Inspection(
        n_images=len(readable),
        counts=counts,
        sizes=readable.groupby(["width", "height"]).size().sort_values(ascending=False).reset_index(name="images"),
        color={color: int((readable["color"] == color).sum()) for color in ("grey", "color")},
        n_groups=None if listing.groups is None else readable["group"].nunique(),
        unreadable=tuple(table["id"][table["error"] != ""]),
        duplicates=duplicates,
        small_classes=tuple(
            name for name, n in zip(listing.class_names, training_counts, strict=True) if n < SMALL_CLASS
        ),
        straddling_groups=straddling,
        findings=tuple(sorted(findings, key=lambda finding: ("error", "warning", "info").index(finding.level))),
    )


def counts_of_labels(task: TargetTask, listing: Listing) -> pd.DataFrame:
    """Images per class and split by their labels alone: the first answer, before any image is opened."""
    splits = splits_of(task, listing)
    rows = pd.DataFrame({"row": np.arange(len(listing)), "split": "all" if splits is None else splits})
    return _counts(rows, listing)


def _table(task: TargetTask, listing: Listing, index: pd.DataFrame) -> pd.DataFrame:
    """The index with `row`, `label` (comparable), `split` (else "all") and `group` (else the id)."""
    splits = splits_of(task, listing)
    return index.assign(
        row=np.arange(len(index)),
        label=listing.labels if listing.labels.ndim == 1 else [str(row) for row in listing.labels.tolist()],
        split="all" if splits is None else splits,
        group=list(listing.ids if listing.groups is None else listing.groups),
    )


def _counts(readable: pd.DataFrame, listing: Listing) -> pd.DataFrame:
    there = set(readable["split"])
    splits = [split for split in ("all", "train", "val", "test") if split in there] or ["all"]
    labels, rows = listing.labels, {split: readable["row"][readable["split"] == split] for split in splits}
    n = len(listing.class_names)
    columns = {
        split: labels[rows[split]].sum(0) if labels.ndim == 2 else np.bincount(labels[rows[split]], minlength=n)
        for split in splits
    }
    return pd.DataFrame({"class": listing.class_names, **columns})


def _duplicates(readable: pd.DataFrame) -> tuple[Duplicates, ...]:
    repeated = readable[readable["pixel_hash"].duplicated(keep=False)]
    return tuple(
        Duplicates(tuple(same["id"]), same["label"].nunique() > 1, same["split"].nunique() > 1)
        for _, same in repeated.groupby("pixel_hash", sort=False)
    )


def _straddling(readable: pd.DataFrame) -> tuple[str, ...]:
    splits_per_group = readable.groupby("group")["split"].nunique()
    return tuple(splits_per_group.index[splits_per_group > 1])


def _on_reading(table: pd.DataFrame) -> Iterable[Finding]:
    broken = table[table["error"] != ""]
    if len(broken):
        yield Finding(
            "error" if len(broken) == len(table) else "warning",
            f"{len(broken)} of {len(table)} images cannot be read and are left out. {broken['error'].iat[0]}",
            "",
            tuple(broken["id"]),
        )


def _on_parts_of_files(table: pd.DataFrame) -> Iterable[Finding]:
    partly = table[table["note"] != ""]
    if len(partly):
        example = f"for example `{partly['id'].iat[0]}`: {partly['note'].iat[0]}"
        yield Finding(
            "info",
            f"Of {counted(len(partly), 'file')} only a part is used, {example}.",
            "Export further pages as images of their own if they matter.",
            tuple(partly["id"]),
        )


def _on_classes(training_counts: np.ndarray, readable: pd.DataFrame, listing: Listing) -> Iterable[Finding]:
    if listing.labels.ndim == 1 and (training_counts > 0).sum() < 2:
        yield Finding(
            "error",
            "Readable training images of at least two classes are needed.",
            "Add images, or check the split and the test part.",
        )
    training = readable[readable["split"].isin(("all", "train"))]
    for number, name in enumerate(listing.class_names):
        labels = listing.labels[training["row"]]
        has = labels[:, number] == 1 if labels.ndim == 2 else labels == number
        yield from _on_class(name, training[has], "with")
        if labels.ndim == 2:
            yield from _on_class(name, training[~has], "without")


def _on_class(name: str, rows: pd.DataFrame, which: str) -> Iterable[Finding]:
    n, n_groups = len(rows), rows["group"].nunique()
    images = counted(n, "training image")
    if min(n, n_groups) < FOLDS:
        groups = f" in {counted(n_groups, 'group')}" if n_groups < n else ""
        text = f"Only {images} {which} `{name}`{groups}: it cannot be scored in {FOLDS} folds."
    elif n < SMALL_CLASS:
        text = f"Only {images} {which} `{name}`: too few for a score to rely on."
    else:
        return
    yield Finding("warning", text, "Add images, merge it with another class, or leave it out.")


def _on_duplicates(duplicates: tuple[Duplicates, ...]) -> Iterable[Finding]:
    contradicting = [found for found in duplicates if found.across_classes]
    across_splits = [found for found in duplicates if found.across_splits]
    if contradicting:
        yield Finding(
            "warning",
            f"Equal pixels with different labels, in {counted(len(contradicting), 'case')}: "
            f"for example {first_three(contradicting[0].ids)}.",
            "One of the labels must be wrong; remove the copies that are.",
            _ids_of(contradicting),
        )
    if across_splits:
        yield Finding(
            "warning",
            f"Equal pixels in more than one split, in {counted(len(across_splits), 'case')}: "
            f"for example {first_three(across_splits[0].ids)}. Test results will be too good.",
            "Remove the copies from the test or validation split.",
            _ids_of(across_splits),
        )
    if duplicates:
        copies = sum(len(found.ids) - 1 for found in duplicates)
        yield Finding(
            "info",
            f"Exact copies of other images: {copies}. Copies always stay in one fold.",
            "Remove them if they are not meant.",
            _ids_of(duplicates),
        )


def _ids_of(duplicates: Iterable[Duplicates]) -> tuple[str, ...]:
    return tuple(id_ for found in duplicates for id_ in found.ids)


def _on_groups(readable: pd.DataFrame, listing: Listing, straddling: tuple[str, ...]) -> Iterable[Finding]:
    if listing.groups is None:
        yield Finding(
            "info",
            "Nothing tells which images belong together. "
            "AUC may be optimistic if several images come from one patient.",
            "Name a group column such as `patient_id`, or find groups with a file-name pattern.",
        )
        return
    n_groups = readable["group"].nunique()
    if n_groups < FOLDS:
        yield Finding(
            "error",
            f"Only {counted(n_groups, 'group')}, but {FOLDS} folds need at least {FOLDS}.",
            "Check the group column or the file-name pattern.",
        )
    elif n_groups == len(readable):
        yield Finding(
            "info",
            f"Each of the {n_groups} images is a group of its own.",
            "If patients have several images here, check the group column or the file-name pattern.",
        )
    if straddling:
        yield Finding(
            "warning",
            f"{counted(len(straddling), 'group')} with images in more than one split: {first_three(straddling)}. "
            "Test results will be too good.",
            "Move all images of a group into one split.",
            tuple(readable["id"][readable["group"].isin(straddling)]),
        )


def _on_test_part(task: TargetTask, listing: Listing, counts: pd.DataFrame) -> Iterable[Finding]:
    gone = sorted(set(task.test_part) - set(listing.ids))
    if gone:
        yield Finding(
            "warning",
            f"{counted(len(gone), 'image')} of the locked test part cannot be found: {first_three(gone)}.",
            "Bring them back under their old names; renamed ones would be used for training.",
            tuple(gone),
        )
    if "test" not in counts:
        yield Finding(
            "warning",
            "No test part is kept out: later test results on these images will be optimistic.",
            "Lock a test part before anything is computed.",
        )


def _on_color(task: TargetTask, readable: pd.DataFrame) -> Iterable[Finding]:
    other = readable[readable["color"] != task.color] if task.color else readable[:0]
    if len(other) and (task.color == "grey" or len(other) == len(readable)):
        found = COLORS[other["color"].iat[0]]
        yield Finding(
            "info",
            f"The task says {COLORS[task.color]}, but {len(other)} of {len(readable)} images are {found}.",
            "Correct the description, or check these images.",
            tuple(other["id"]),
        )
