"""A MedMNIST file: one .npz with {train,val,test}_{images,labels}. Pickled arrays are never opened."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from core.errors import TargetError
from core.images.listing import Listing, counted, encode_classes
from core.target import TargetTask

SPLITS = ("train", "val", "test")
LARGEST_ARRAY = 8 * 2**30  # bytes; one array is held in memory as a whole
# RuntimeError: an encrypted archive, or a method of compression that Python does not know
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)


def read_npz(task: TargetTask, path: Path) -> Listing:
    """Ids are "train/0", ... in the order train, val, test. Only the training arrays must be there."""
    if not path.is_file():
        raise TargetError(f"`{path}` is not a file.", "Choose a MedMNIST file (.npz).")
    shapes = array_shapes(path)
    if "train_images" not in shapes or "train_labels" not in shapes:
        raise TargetError(
            f"`{path.name}` lacks train_images or train_labels; it holds {', '.join(shapes) or 'nothing'}.",
            "A MedMNIST file holds train_images, train_labels and the same for val and test.",
        )
    ids, values, splits, problems = [], [], [], []
    for split in SPLITS:
        there = [name for name in (f"{split}_images", f"{split}_labels") if name in shapes]
        if len(there) == 1:
            problems.append(f"The file holds {there[0]} alone; the {split} split was left out.")
        if len(there) < 2:
            continue
        n = check_images(f"{split}_images", *shapes[f"{split}_images"])
        values.append(_check_labels(f"{split}_labels", load_array(path, f"{split}_labels"), n, task.label_type))
        ids += [f"{split}/{row}" for row in range(n)]
        splits += [split] * n
    if len({block.shape[1:] for block in values}) > 1:
        raise TargetError("The splits differ in their number of labels.", "Check how the file was made.")
    labels, names = _encode(np.concatenate(values), np.array(splits, dtype=object), task)

    kept = np.arange(len(ids)) if labels.ndim == 2 else np.flatnonzero(labels >= 0)
    if len(kept) < len(ids):
        problems.append(f"Left out: {counted(len(ids) - len(kept), 'image')} of classes that no training image has.")
    return Listing(
        ids=tuple(ids[i] for i in kept),
        files=None,
        npz=path,
        labels=labels[kept],
        class_names=names,
        groups=None,
        splits=tuple(splits[i] for i in kept),
        problems=tuple(problems),
    )


def array_shapes(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of each array from its header; no array is decompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name[:-4]: _header(archive, name) for name in archive.namelist() if name.endswith(".npy")}
    except DAMAGED as error:
        raise TargetError(
            f"`{path.name}` is damaged or not an .npz file: {error}.", "Download or export it again."
        ) from None


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(name) as file:
        shape, _, dtype = _read_header(file)
    return shape, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def rows_of_array(path: Path, name: str, rows: Sequence[int]) -> Iterator[np.ndarray]:
    """The `rows` (ascending) of one array of the file; of the others at most 16 MB are in memory.

    TargetError when the array is pickled, in Fortran's order (rows then lie scattered) or damaged."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            shape, fortran, dtype = _read_header(file)
            _refuse_pickled(name, dtype)
            if fortran and len(shape) > 1:
                raise TargetError(
                    f"`{name}` in `{path.name}` is stored column by column.", "Save it with numpy.ascontiguousarray."
                )
            size, begin = math.prod(shape[1:]) * dtype.itemsize, file.tell()
            for row in rows:
                file.seek(begin + int(row) * size)
                yield np.frombuffer(file.read(size), dtype).reshape(shape[1:])
    except DAMAGED as error:
        raise TargetError(f"`{name}` in `{path.name}` is damaged: {error}.", "Download or export it again.") from None


def load_array(path: Path, name: str) -> np.ndarray:
    """One array of the file, in memory. TargetError when it is pickled, too large or damaged."""
    shape, dtype = array_shapes(path)[name]
    _refuse_pickled(name, dtype)
    size = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if size > LARGEST_ARRAY:
        raise TargetError(
            f"`{name}` in `{path.name}` needs {size / 2**30:.0f} GB of memory.",
            "Use a smaller image size of this data set, or export the images to a folder.",
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[name]
    except DAMAGED as error:
        raise TargetError(f"`{name}` in `{path.name}` is damaged: {error}.", "Download or export it again.") from None


def _refuse_pickled(name: str, dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise TargetError(
            f"`{name}` is pickled, and opening it could run a program.",
            "Save it again as plain numbers: numpy.savez_compressed without object arrays.",
        )


def check_images(name: str, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """The number of images in an array of this shape and type; TargetError where it is none of images."""
    _refuse_pickled(name, dtype)
    fits = dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)) and 0 not in shape[1:3]
    if not fits:
        raise TargetError(
            f"`{name}` has the shape {shape} and the type {dtype}.",
            "Images must be uint8 with the shape (N, height, width) or (N, height, width, 3).",
        )
    return shape[0]


def _check_labels(name: str, labels: np.ndarray, n: int, label_type: str) -> np.ndarray:
    """(N,) for one class per image, (N, L) for multi-label; int64."""
    if labels.ndim not in (1, 2) or len(labels) != n:
        raise TargetError(
            f"`{name}` has the shape {labels.shape}, but there are {n} images.",
            "Give one row of labels per image.",
        )
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all() or (labels != labels.astype(np.int64)).any():
        raise TargetError(f"`{name}` holds values that are not whole numbers.", "Number the classes 0, 1, ...")
    n_labels = 1 if labels.ndim == 1 else labels.shape[1]
    if label_type == "multi-label":
        if n_labels < 2 or not np.isin(labels, (0, 1)).all():
            raise TargetError(
                f"`{name}` holds {n_labels} values per image, from {labels.min(initial=0):.0f} to "
                f"{labels.max(initial=0):.0f}.",
                "A multi-label file holds two or more per image, all 0 or 1; else choose another label type.",
            )
        return labels.astype(np.int64)
    if n_labels != 1:
        raise TargetError(f"`{name}` holds {n_labels} labels per image.", "Choose the label type multi-label.")
    return labels.reshape(-1).astype(np.int64)


def _encode(values: np.ndarray, splits: np.ndarray, task: TargetTask) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.ndim == 2:
        return values, tuple(str(column) for column in range(values.shape[1]))
    return encode_classes(values.astype(str).astype(object), splits, task)
