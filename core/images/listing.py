"""What the labels say before any pixel is read, and what all formats share: classes, groups, safe paths."""

import os
import re
import stat
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import regex

from core.errors import SourceScoutError, TargetError
from core.settings import require_allowed
from core.target import TargetTask

LONGEST_PATTERN = 500  # characters
PATIENCE = 2.0  # seconds for a file-name pattern on all names together; usual ones take 4 microseconds a name
PATIENCE_PER_NAME = 5e-5
_FRAME = re.compile(r"#frame\d+$")


@dataclass(frozen=True, eq=False)
class Listing:
    """N images with their labels; `problems` say what was left out or looked odd, `notes` what is good to know."""

    ids: tuple[str, ...]  # path relative to the images folder (posix), or "train/12" in an npz
    files: tuple[Path, ...] | None
    npz: Path | None
    labels: np.ndarray  # int64: (N,) class index, or (N, L) 0/1 for multi-label
    class_names: tuple[str, ...]
    groups: tuple[str, ...] | None
    splits: tuple[str, ...] | None  # "train" | "val" | "test"
    problems: tuple[str, ...]
    frames: tuple[int, ...] | None = None  # of DICOM files, from 0 (-1: another kind of file); None without any
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def allowed_path(path: str | Path, roots: tuple[Path, ...]) -> Path:
    """`path` with links resolved; TargetError when it leads outside `roots`."""
    try:
        return require_allowed(path, roots)
    except SourceScoutError as error:
        raise TargetError(error.message, error.remedy) from None


def allowed_files(paths: Sequence[Path], roots: tuple[Path, ...]) -> tuple[list[Path], np.ndarray]:
    """`allowed_path` of every one of `paths`, and whether it is a file: (N,) bool. One look per file and per folder."""
    folders: dict[str, Path] = {}
    files, exists = [], np.zeros(len(paths), bool)
    for i, path in enumerate(paths):
        try:
            mode = os.lstat(path).st_mode
        except (OSError, ValueError):
            mode = 0
        if not stat.S_ISREG(mode) or ".." in path.parts:  # a link, not there, or to be looked at in full
            files.append(allowed_path(path, roots))
            exists[i] = files[-1].is_file()
            continue
        where = os.path.dirname(path)
        if where not in folders:
            folders[where] = allowed_path(path, roots).parent
        files.append(folders[where] / path.name)
        exists[i] = True
    return files, exists


def posix_id(path: Path, folder: Path) -> str:
    """`path` relative to `folder`, without `.` and `..` in between, with `/` on every system."""
    return Path(os.path.relpath(path, folder)).as_posix()


def order_classes(found: Sequence[str], task: TargetTask) -> tuple[str, ...]:
    """The classes as the task orders them: `class_order`, else by number if all are numbers, else by name."""
    if task.class_order:
        unnamed = sorted(set(found) - set(task.class_order))
        if unnamed or len(set(task.class_order)) < len(task.class_order):
            what = f"leaves out {', '.join(unnamed)}" if unnamed else "names a class twice"
            raise TargetError(f"`class_order` {what}.", f"Name each class once: {', '.join(sorted(found))}.")
        names = task.class_order
    else:
        by_number = all_numbers(found)
        if task.label_type == "ordinal" and not by_number:
            raise TargetError(
                f"The order of the grades is not known: {', '.join(sorted(found))}.",
                "List them from lowest to highest in `class_order`.",
            )
        names = tuple(sorted(found, key=(lambda name: (float(name), name)) if by_number else None))
    _check_number_of_classes(names, task.label_type)
    return names


def all_numbers(names: Sequence[str]) -> bool:
    """Whether classes of these names have an order by themselves."""
    return all(re.fullmatch(r"[+-]?\d+(\.\d+)?", name) for name in names)


def _check_number_of_classes(names: tuple[str, ...], label_type: str) -> None:
    if len(names) < 2:
        there = f"only one class ({names[0]})" if names else "no class"
        raise TargetError(f"There is {there} to learn from.", "A task needs images of at least two classes.")
    if label_type == "binary" and len(names) > 2:
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise TargetError(
            f"The task is binary, but there are {len(names)} classes: {listed}.",
            "Choose the label type multi-class (or ordinal, if they are grades).",
        )


def encode_classes(
    values: np.ndarray, splits: np.ndarray | None, task: TargetTask
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class index per value (-1: not a class of the training images) and the class names.

    Classes are those of the training images, so that nothing in a test split can change what is learnt.
    """
    training = values if splits is None else values[splits == "train"]
    names = order_classes([str(value) for value in pd.unique(training)], task)
    return pd.Index(names).get_indexer(values).astype(np.int64), names


def groups_from_pattern(ids: Sequence[str], pattern: str) -> tuple[str, ...]:
    """The group of each id: first bracket of `pattern` (else the whole match); no match: the id itself.

    The frames of a clip (`a.dcm#frame12`) go by the name of their file, so they share a group.
    TargetError for a pattern that is none, is longer than LONGEST_PATTERN, or takes too long.
    """
    compiled = _compiled(pattern)
    ends = time.monotonic() + max(PATIENCE, len(ids) * PATIENCE_PER_NAME)
    try:
        return tuple(_group_of(_FRAME.sub("", id_), compiled, ends - time.monotonic()) for id_ in ids)
    except TimeoutError:
        raise TargetError(
            f"The file-name pattern `{pattern}` takes too long: it can match these names in too many ways.",
            r"Avoid repeats within repeats such as `(a+)+` or `(a|a)*`; say what ends a part, as in `([^/_]+)_[^/]*$`.",
        ) from None


def _compiled(pattern: str) -> regex.Pattern:
    if len(pattern) > LONGEST_PATTERN:
        raise TargetError(
            f"The file-name pattern has {len(pattern):,} characters; at most {LONGEST_PATTERN} are taken.",
            "A short one does: see the example in the README.",
        )
    try:
        re.compile(pattern)  # Python's own syntax alone: recursion, which `regex` also knows, takes hundreds of MB
        return regex.compile(pattern)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        why = f"{error.msg} at position {error.pos or 0}" if hasattr(error, "msg") else str(error)
        raise TargetError(
            f"The file-name pattern `{pattern}` is not a valid regular expression: {why}.",
            r"An example that takes what stands before the first underscore: `([^/_]+)_[^/]*$`.",
        ) from None


def _group_of(id_: str, pattern: regex.Pattern, seconds: float) -> str:
    match = pattern.search(id_, timeout=max(seconds, 0))
    if match is None:
        return id_
    return (match.group(1) if pattern.groups else match.group(0)) or id_


def groups_preview(ids: Sequence[str], pattern: str, n: int = 12) -> tuple[pd.DataFrame, Counter[str]]:
    """(`id`, `group`) of `n` ids spread over the list, and the number of images in each group of all of them."""
    groups = groups_from_pattern(ids, pattern)
    shown = np.unique(np.linspace(0, len(ids) - 1, min(n, len(ids))).astype(int))
    frame = pd.DataFrame({"id": [ids[i] for i in shown], "group": [groups[i] for i in shown]})
    return frame, Counter(groups)


def counted(n: int, noun: str) -> str:
    """ "1 image", "1,200 images"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def first_three(names: Sequence[str]) -> str:
    """ "`a`, `b`, `c` and 4 more"."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"`{name}`" for name in names[:3]) + more
