"""Images listed in a CSV file: `path`, label column or columns, and optionally a group and a split column."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import TargetError
from core.images.dicom_rows import NOT_DICOM, groups_from_headers, with_frames
from core.images.folder import SPLIT_NAMES, entries_of, is_csv
from core.images.listing import Listing, allowed_files, allowed_path, counted, encode_classes, first_three, posix_id
from core.target import TargetTask

BINARY_VALUES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
EMPTY = {"", "nan"}


def read_manifest(task: TargetTask, images: Path, roots: tuple[Path, ...]) -> Listing:
    """The rows of the CSV file at `images` or in it (see `manifest_file`); cells are text: `00012` stays."""
    csv_path = allowed_path(manifest_file(images), roots)
    table = read_table(csv_path)
    split_column = task.split_column or ("split" if "split" in table else "")
    for column in ("path", task.group_column, split_column, *task.label_columns):
        _require_column(column, table)
    columns = label_columns_for(task, table)
    entries = [*columns, *filter(None, (task.group_column, split_column))]
    table, problems = _existing_files(table, csv_path.parent, entries, roots)
    table, notes = with_frames(table)
    splits = _splits(table[split_column]) if split_column else None
    labels, names = _labels(table, columns, splits, task)

    kept = labels >= 0 if labels.ndim == 1 else np.ones(len(table), bool)
    if not kept.all():
        odd = sorted(set(table[columns[0]][~kept]))
        images = counted((~kept).sum(), "image")
        problems.append(f"Left out: {images} of classes that no training image has ({first_three(odd)}).")
    table = table[kept]
    if task.group_column:
        groups = _groups(table, task.group_column, problems)
    else:
        groups = None if task.group_pattern else groups_from_headers(table, problems)
    return Listing(
        ids=tuple(table["_id"]),
        files=tuple(table["_file"]),
        npz=None,
        labels=labels[kept],
        class_names=names,
        groups=groups,
        splits=None if splits is None else tuple(splits[kept]),
        problems=tuple(problems),
        notes=notes,
        frames=tuple(table["_frame"].tolist()) if (table["_frame"] != NOT_DICOM).any() else None,
    )


def manifest_file(images: Path) -> Path:
    """`images` itself; where it is a folder, `manifest.csv` in it, or else its only CSV file."""
    if not images.is_dir():
        return images
    lists = sorted(entry.name for entry in entries_of(images) if is_csv(entry.name))
    if "manifest.csv" in lists:
        return images / "manifest.csv"
    if len(lists) != 1:
        found = f"several CSV files there ({first_three(lists)})" if lists else "no CSV file there"
        raise TargetError(
            f"It is not clear which file lists the images: {found}.",
            "Give its path, or call it `manifest.csv`.",
        )
    return images / lists[0]


def _groups(table: pd.DataFrame, column: str, problems: list[str]) -> tuple[str, ...]:
    empty = table[column].str.lower().isin(EMPTY)
    if empty.any():
        images = counted(table["_whole"][empty].nunique(), "image")
        problems.append(f"No `{column}` is given for {images}: each is a group of its own.")
    return tuple(np.where(empty, table["_whole"], table[column]))


def read_table(csv_path: Path) -> pd.DataFrame:
    """All cells as stripped text ("" where empty). Commas, semicolons or tabs; byte order mark or not."""
    try:
        with open(csv_path, encoding="utf-8-sig") as file:
            header = file.readline()
        separator = max(",;\t", key=header.count)
        cells = pd.read_csv(
            csv_path, sep=separator, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False
        )
    except UnicodeDecodeError:
        raise TargetError(f"`{csv_path.name}` is not UTF-8 text.", "Save it as CSV UTF-8.") from None
    except OSError as error:
        raise TargetError(
            f"The manifest `{csv_path}` cannot be read: {error.strerror}.",
            "Choose a CSV file, or a folder that holds one.",
        ) from None
    except ValueError as error:  # pandas' own errors are such
        raise TargetError(
            f"`{csv_path.name}` is not a CSV table: {error}.",
            "The first line names the columns; check the line named.",
        ) from None
    cells = cells.fillna("").apply(lambda column: column.str.strip())
    table = cells[1:].set_axis(cells.iloc[0].tolist(), axis=1).reset_index(drop=True)
    table = table.loc[:, table.columns != ""]  # a saved row number, or empty columns at the end
    doubled = sorted(table.columns[table.columns.duplicated()])
    if doubled:
        raise TargetError(f"The manifest names a column twice: {', '.join(doubled)}.", "Rename one of them.")
    if table.empty:
        raise TargetError(f"`{csv_path.name}` lists no image.", "Add one line per image below the column names.")
    return table


def _require_column(column: str, table: pd.DataFrame) -> None:
    if column and column not in table:
        raise TargetError(
            f"The manifest has no column `{column}`.",
            f"Its columns are {', '.join(table.columns)}; name one of these.",
        )


def label_columns_for(task: TargetTask, table: pd.DataFrame) -> list[str]:
    """`task.label_columns`, else the columns that can only be meant. TargetError where that is not clear."""
    columns = list(task.label_columns) or _inferred(task, table)
    if task.label_type == "multi-label" and len(columns) < 2:
        raise TargetError(
            f"A multi-label task needs two or more columns with 0 and 1; found {len(columns)}.",
            f"Name them in `label_columns`, or choose another type. Columns: {', '.join(table.columns)}.",
        )
    if task.label_type != "multi-label" and len(columns) > 1:
        raise TargetError(
            f"{len(columns)} label columns are named, but the task is {task.label_type}.",
            "Name one column, or choose the label type multi-label.",
        )
    return columns


def _inferred(task: TargetTask, table: pd.DataFrame) -> list[str]:
    known = {"path", task.group_column, task.split_column or "split"}
    left = [column for column in table if column not in known]
    if task.label_type == "multi-label":
        return [column for column in left if set(table[column]) <= set(BINARY_VALUES)]
    if "label" in left:
        return ["label"]
    if len(left) != 1:
        raise TargetError(
            "It is not clear which column of the manifest holds the label.",
            f"Name it in `label_columns`. Columns: {', '.join(table.columns)}.",
        )
    return left


def _existing_files(
    table: pd.DataFrame, folder: Path, entries: list[str], roots: tuple[Path, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """Rows whose file exists, once each, with `_id` and `_file` added, and sentences about the others."""
    without = np.flatnonzero(table["path"] == "")
    if len(without):
        raise TargetError(f"Line {without[0] + 2} of the manifest has no path.", "Add it, or remove the line.")
    given = [folder / path.replace("\\", "/") for path in table["path"]]
    files, exists = allowed_files(given, roots)
    for i in np.flatnonzero(~exists):
        files[i], exists[i] = _spelt_otherwise(given[i], files[i], roots)
    table = table.assign(_id=[posix_id(path, folder) for path in given], _file=files, _exists=exists)
    table, problems = _without_repeats(table, entries)
    exists = table.pop("_exists").to_numpy()
    if not exists.any():
        raise TargetError(
            f"None of the {len(table)} images in the manifest exists, for example `{table['_file'].iat[0]}`.",
            "Paths are taken from the folder of the CSV file; correct them or move the file.",
        )
    if not exists.all():
        missing = list(table["path"][~exists])
        images = counted(len(missing), "image")
        problems.append(f"Left out: {images} of the manifest whose file does not exist ({first_three(missing)}).")
    return table[exists].reset_index(drop=True), problems


def _spelt_otherwise(path: Path, file: Path, roots: tuple[Path, ...]) -> tuple[Path, bool]:
    """The file whose name has the same letters in another encoding of accents (as macOS writes them), if there is."""
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, str(path))
        if other != str(path) and os.path.isfile(other):
            return allowed_path(other, roots), True
    return file, False


def _without_repeats(table: pd.DataFrame, entries: list[str]) -> tuple[pd.DataFrame, list[str]]:
    repeated = table["_id"].duplicated()
    if not repeated.any():
        return table, []
    distinct = table.drop_duplicates(["_id", *entries])
    contradicting = distinct["_id"][distinct["_id"].duplicated()]
    if len(contradicting):
        raise TargetError(
            f"The same path is listed with different entries: {first_three(list(contradicting.unique()))}.",
            "Label, group and split must agree; keep the line that is right.",
        )
    names = list(table["_id"][repeated].unique())
    lines = counted(repeated.sum(), "line")
    return table[~repeated], [f"Left out: {lines} with a path that an earlier line has ({first_three(names)})."]


def _splits(column: pd.Series) -> np.ndarray:
    lower = column.str.lower()
    unknown = sorted(set(column[~lower.isin(SPLIT_NAMES)]))
    if unknown:
        raise TargetError(
            f"The column `{column.name}` holds {', '.join(repr(value) for value in unknown[:3])}.",
            "Its values must be train, val or test; rename the column if it means something else.",
        )
    splits = lower.map(SPLIT_NAMES).to_numpy(dtype=object)
    if not (splits == "train").any():
        raise TargetError(f"No image has `train` in the column `{column.name}`.", "Mark the training images.")
    return splits


def _labels(
    table: pd.DataFrame, columns: list[str], splits: np.ndarray | None, task: TargetTask
) -> tuple[np.ndarray, tuple[str, ...]]:
    for column in columns:
        empty = np.flatnonzero(table[column].str.lower().isin(EMPTY))
        if len(empty):
            raise TargetError(
                f"No label in `{column}` for {counted(len(empty), 'image')}, first `{table['path'].iat[empty[0]]}`.",
                "Fill them in, or remove the lines.",
            )
    if task.label_type != "multi-label":
        return encode_classes(table[columns[0]].to_numpy(dtype=object), splits, task)
    for column in columns:
        odd = sorted(set(table[column]) - set(BINARY_VALUES))
        if odd:
            raise TargetError(
                f"The label column `{column}` holds {', '.join(repr(value) for value in odd[:3])}.",
                "A multi-label column holds only 0 (absent) and 1 (present).",
            )
    matrix = np.stack([table[column].map(BINARY_VALUES).to_numpy(np.int64) for column in columns], axis=1)
    return matrix, tuple(columns)
