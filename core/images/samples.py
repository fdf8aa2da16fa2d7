"""Samples of a source data set: which images lie in a folder, .zip or .npz, of which classes, and what they look like.

Listing opens no image; looking opens those asked for and keeps only what was made of them.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from filelock import FileLock
from PIL import Image

from core.errors import SamplesError, TargetError
from core.images.archive import is_archive, unpacked
from core.images.folder import SPLIT_NAMES, is_image
from core.images.listing import all_numbers, allowed_path, first_three, groups_from_pattern
from core.images.medmnist import array_shapes, check_images, load_array, rows_of_array
from core.images.medmnist_sets import medmnist_sets
from core.images.near import SimilarSet, compared_by, similar_among
from core.images.pixels import grey_if_equal, opened, read_pixels
from core.settings import full_path, home

NO_CLASS = "(no class)"
MOST_ENTRIES = 5_000_000  # files and folders; who points to the whole disk should not wait for its end
PATTERNS = {
    "before the number: dog_0001.jpg": r"([^/]*[^/\d_ -])[_ -]*\d+\.[^./]+$",
    "after the first _: n01440764_tench.jpg": r"[^/_]+_([^/]+)\.[^./]+$",
    "before the first _: dog_a1.jpg": r"([^/_]+)_[^/]*$",
}
_TRIED = 2_000  # names on which a pattern is tried before it is offered
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Samples:
    """N images of a source by name and class, class by class where folders give them."""

    path: Path  # the folder (of a .zip: where it was unpacked) or the .npz
    roots: tuple[Path, ...]  # links in the folder are followed inside these only
    ids: tuple[str, ...]  # path in the folder (posix), or "train_images/12" in an .npz
    labels: np.ndarray  # (N,) int32 index into `classes`, or (N, L) of 0 and 1 where an image has any number of labels
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def in_npz(self) -> bool:
        return self.path.suffix.lower() == ".npz"

    def file(self, row: int) -> Path:
        return self.path if self.in_npz else self.path / self.ids[row]


def list_samples(path: str | Path, roots: tuple[Path, ...], pattern: str = "") -> Samples:
    """What lies at `path`, a folder, .zip or .npz under one of `roots`. A .zip is unpacked (see `core.images.archive`).

    Sub-folders are classes; with `pattern`, the first bracket of it in the name of a file is. An .npz holds
    `<split>_images` (uint8, (N, height, width) or (N, height, width, 3)) and perhaps `<split>_labels`, or `images` and
    `labels`, or one array alone. SourceScoutError, with what to do, where there are no images or they may not be read.
    """
    if not full_path(path).is_absolute():
        raise SamplesError(f"`{path}` is not a full path.", f"Begin it with `{roots[0]}`, or another allowed folder.")
    place = allowed_path(path, roots)
    if not place.exists():
        raise SamplesError(f"`{path}` does not exist.", "Check the path, and that the disk is connected.")
    if place.suffix.lower() == ".npz":
        return _in_npz(place, roots)
    if is_archive(place):
        place = unpacked(place).resolve()
        roots = (*roots, place)
    if not place.is_dir():
        raise SamplesError(f"`{path}` is neither a folder nor a .zip or .npz file.", "Name the folder of the images.")
    samples = _in_folder(place, roots)
    return with_classes_from_names(samples, pattern) if pattern else samples


def _in_folder(folder: Path, roots: tuple[Path, ...]) -> Samples:
    names = {True: [], False: []}
    for name, is_folder in _entries(folder):
        names[is_folder].append(name)
    folders, loose = sorted(names[True], key=str.casefold), sorted(filter(is_image, names[False]))
    if folders and not loose and all(name.lower() in SPLIT_NAMES for name in folders):
        raise SamplesError(
            f"The sub-folders of `{folder}` are splits, not classes: {', '.join(folders)}.",
            f"Choose one of them, for example `{folder / folders[0]}`.",
        )
    found, left_out, n_entries = {}, [], 0
    for name in folders:
        try:
            inside = list(_images_below(allowed_path(folder / name, roots), MOST_ENTRIES - n_entries))
        except TargetError:
            left_out.append(name)
            continue
        n_entries += len(inside)
        if images := sorted(filter(is_image, inside)):
            found[name] = images
    ids = [f"{name}/{image}" for name, images in found.items() for image in images] + loose
    if not ids:
        raise SamplesError(
            f"`{folder}` holds no image that can be browsed.",
            "Name a folder with PNG, JPEG, TIFF, BMP, WebP or GIF files, or with one sub-folder of them per class. "
            "DICOM files are not browsed here.",
        )
    sizes = [len(images) for images in found.values()] + [len(loose)] * bool(loose)
    notes = [f"Left out, as they lie outside the folders that may be read: {first_three(left_out)}."]
    return Samples(
        folder,
        roots,
        tuple(ids),
        np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        (*found, NO_CLASS) if loose else tuple(found),
        tuple(notes) if left_out else (),
    )


def _entries(folder: Path | str) -> Iterator[tuple[str, bool]]:
    """Name and whether it is a folder, of what is not hidden in `folder`; a link counts as what it leads to."""
    try:
        with os.scandir(folder) as entries:
            yield from ((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise SamplesError(f"`{folder}` cannot be read: {error.strerror}.", "Check its permissions.") from None


def _images_below(folder: Path, most: int) -> Iterator[str]:
    """Paths in `folder` of all files at any depth; linked folders in it are not followed."""
    left, n = [""], 0
    while left:
        inside = left.pop()
        for name, is_folder in _entries(f"{folder}/{inside}"):
            n += 1
            if n > most:
                raise SamplesError(
                    f"More than {MOST_ENTRIES:,} files and folders lie there.", "Name a folder further down."
                )
            if not is_folder:
                yield inside + name
            elif not os.path.islink(f"{folder}/{inside}{name}"):
                left.append(f"{inside}{name}/")


def _in_npz(path: Path, roots: tuple[Path, ...]) -> Samples:
    shapes = array_shapes(path)
    arrays = [name for name in shapes if name.endswith("images")] or (list(shapes) if len(shapes) == 1 else [])
    if not arrays:
        raise SamplesError(
            f"`{path.name}` holds no images that can be told from the rest: {', '.join(shapes) or 'it is empty'}.",
            "Call the array of images `images`, or `train_images` and so on as MedMNIST does.",
        )
    sizes = [check_images(name, *shapes[name]) for name in arrays]
    if not sum(sizes):
        raise SamplesError(f"`{path.name}` holds no image.", "Choose another file.")
    ids = tuple(f"{name}/{row}" for name, n in zip(arrays, sizes, strict=True) for row in range(n))
    labels, classes, notes = _npz_classes(path, arrays, sizes, set(shapes))
    return Samples(path, roots, ids, labels, classes, notes)


def _npz_classes(
    path: Path, arrays: list[str], sizes: list[int], there: set[str]
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """`labels`, `classes` and `notes` of a Samples, from the arrays of labels that go with `arrays`."""
    names = [f"{name.removesuffix('images')}labels" for name in arrays]
    blocks = [
        _fitting_labels(load_array(path, name), n) if name in there else None
        for name, n in zip(names, sizes, strict=True)
    ]
    known = _known_labels(path)
    if len({None if block is None else block.shape[1:] for block in blocks}) == 1 and _is_matrix(blocks[0]):
        matrix = np.concatenate(blocks).astype(np.int32)
        width = matrix.shape[1]
        return matrix, known if len(known) == width else tuple(str(column) for column in range(width)), ()
    used = [block is not None and block.ndim == 1 for block in blocks]
    texts = []
    for block, n, is_used in zip(blocks, sizes, used, strict=True):
        texts += block.astype(str).tolist() if is_used else [""] * n
    if known and set(texts) <= {str(number) for number in range(len(known))}:
        texts = [known[int(text)] for text in texts]
    missing = ("Some of these images come without labels that could be read; they have no class.",)
    return *_encoded(texts), missing if there & set(names) and not all(used) else ()


def _fitting_labels(labels: np.ndarray, n: int) -> np.ndarray | None:
    """(n,) one class per image, or (n, L) of 0 and 1; None for what is neither."""
    labels = labels[:, 0] if labels.shape == (n, 1) else labels
    fits = labels.shape == (n,) or (labels.ndim == 2 and len(labels) == n and np.isin(labels, (0, 1)).all())
    return labels if fits else None


def _is_matrix(labels: np.ndarray | None) -> bool:
    return labels is not None and labels.ndim == 2


def _known_labels(path: Path) -> tuple[str, ...]:
    """What the class numbers of a published MedMNIST file mean, by the name of the file; () for others."""
    known = medmnist_sets().get(path.stem.split("_")[0].lower())
    return known.labels if known else ()


def _encoded(values: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class index per value and class names, in order of names (numbers by value); "" is NO_CLASS, the last."""
    found = [name for name in set(values) if name]
    by_number = all_numbers(found)
    order = sorted(found, key=lambda name: (float(name) if by_number else name.casefold(), name))
    names = order + [""] * (len(found) < len(set(values)))
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.fromiter((numbers[value] for value in values), np.int32, len(values))
    return labels, tuple(name or NO_CLASS for name in names)


def with_classes_from_names(samples: Samples, pattern: str) -> Samples:
    """`samples` with what the first bracket of `pattern` (a regular expression) matches in each name as its class.

    TargetError for a pattern that is none or takes too long."""
    labels, classes = _encoded(classes_in_names(samples.ids, pattern))
    return dataclasses.replace(samples, labels=labels, classes=classes)


def classes_in_names(ids: Sequence[str], pattern: str) -> list[str]:
    """The class of each id, "" where the pattern does not match."""
    found = groups_from_pattern(ids, pattern)
    return ["" if name == id_ else name for name, id_ in zip(found, ids, strict=True)]


def some_names(samples: Samples) -> tuple[str, ...]:
    """About 2,000 ids, evenly spread; all where there are no more."""
    return samples.ids[:: max(1, len(samples) // _TRIED)]


def fitting_patterns(samples: Samples) -> dict[str, str]:
    """Those of PATTERNS that give at least two classes and match every name, tried on some of the names."""
    ids, fits = some_names(samples), {}
    for name, pattern in PATTERNS.items():
        classes = tuple(classes_in_names(ids, pattern))
        if len(set(classes)) > 1 and all(classes):
            fits.setdefault(classes, (name, pattern))
    return dict(fits.values())


def counts(samples: Samples) -> np.ndarray:
    """(C,) images of each class."""
    labels = samples.labels
    return labels.sum(0) if labels.ndim == 2 else np.bincount(labels, minlength=len(samples.classes))


def rows_of(samples: Samples, classes: Sequence[str]) -> np.ndarray:
    """Rows of the images of these classes; of all images without any."""
    if not classes:
        return np.arange(len(samples))
    numbers = [samples.classes.index(name) for name in classes]
    labels = samples.labels
    return np.flatnonzero(labels[:, numbers].any(1) if labels.ndim == 2 else np.isin(labels, numbers))


def few_of_each(samples: Samples, rows: np.ndarray, n: int) -> np.ndarray:
    """At most `n` of `rows` per class, class by class; an image with several labels counts with the first."""
    labels = samples.labels[rows]
    labels = np.where(labels.any(1), labels.argmax(1), labels.shape[1]) if labels.ndim == 2 else labels
    order = np.argsort(labels, kind="stable")
    ranks = np.arange(len(rows)) - np.searchsorted(labels[order], labels[order])
    return rows[order[ranks < n]]


def draw(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    """At most `n` of `rows` at random, in random order."""
    return np.random.default_rng(seed).permutation(rows)[:n]


def label_of(samples: Samples, row: int) -> str:
    """The class of an image, or its labels."""
    label = samples.labels[row]
    if samples.labels.ndim == 1:
        return samples.classes[label]
    return ", ".join(name for name, has in zip(samples.classes, label, strict=True) if has) or NO_CLASS


def look_at(samples: Samples, rows: Sequence[int], look: Callable[[np.ndarray], _T]) -> list[_T | TargetError]:
    """What `look` makes of each image (uint8, (H, W) or (H, W, 3)); for one that cannot be read, the error that says
    why. No image is kept. TargetError when the .npz is damaged."""
    if samples.in_npz:
        return _look_in_npz(samples, rows, look)

    def image(row: int) -> np.ndarray:
        return read_pixels(allowed_path(samples.file(row), samples.roots))

    return looked_at(image, rows, look)


def looked_at(
    image: Callable[[int], np.ndarray], rows: Sequence[int], look: Callable[[np.ndarray], _T]
) -> list[_T | TargetError]:
    """`look_at` of the images that `image` gives, in several threads."""

    def one(row: int) -> _T | TargetError:
        try:
            return look(image(row))
        except TargetError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(one, rows))


def _look_in_npz(samples: Samples, rows: Sequence[int], look: Callable[[np.ndarray], _T]) -> list[_T]:
    """One way through each array, as it is packed as a whole."""
    wanted: dict[str, dict[int, int]] = {}
    for position, row in sorted(enumerate(rows), key=lambda pair: pair[1]):
        array, number = samples.ids[row].rsplit("/", 1)
        wanted.setdefault(array, {})[position] = int(number)
    seen = [None] * len(rows)
    for array, numbers in wanted.items():
        for position, values in zip(numbers, rows_of_array(samples.path, array, numbers.values()), strict=True):
            seen[position] = look(grey_if_equal(values))
    return seen


FIGURES = ("width", "height", "aspect", "intensity", "contrast", "saturation", "color")


def figures_of(values: np.ndarray) -> dict:
    """FIGURES of one image: sides in pixels, width / height, mean and standard deviation of its grey values (0 to 255),
    mean saturation (0 to 1, (max - min) / max of red, green and blue), whether it is in colour."""
    height, width = values.shape[:2]
    grey = np.asarray(Image.fromarray(values).convert("L"))
    return {
        "width": width,
        "height": height,
        "aspect": width / height,
        "intensity": float(grey.mean()),
        "contrast": float(grey.std()),
        "saturation": _saturation(values) if values.ndim == 3 else 0.0,
        "color": values.ndim == 3,
    }


def _saturation(values: np.ndarray) -> float:
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    highest = np.maximum(np.maximum(red, green), blue)
    spread = highest - np.minimum(np.minimum(red, green), blue)
    return float((spread / np.maximum(highest, 1).astype(np.float32)).mean())


MODES = {
    "1": "black and white", "L": "grey, 8 bits", "LA": "grey with transparency", "P": "palette of colours",
    "RGB": "colour, 8 bits per channel", "RGBA": "colour with transparency", "CMYK": "colour for print",
    "I;16": "grey, 16 bits", "I": "grey, 32 bits",
}  # fmt: skip


def kind_of(samples: Samples, row: int) -> str:
    """In words how an image that could be read is stored: kind of file, mode and size of the file."""
    if samples.in_npz:
        return f"a row of `{samples.ids[row].rsplit('/', 1)[0]}` in an .npz, 8 bits"
    file = samples.file(row)
    with opened(file) as image:
        mode = MODES.get(image.mode, "")
        return f"{image.format}, mode {image.mode}{mode and f' ({mode})'}, {file.stat().st_size / 1024:,.0f} KB"


def table_of(seen: Sequence[dict | TargetError]) -> pd.DataFrame:
    """FIGURES of the images that could be read, a row each."""
    return pd.DataFrame([figures for figures in seen if isinstance(figures, dict)], columns=list(FIGURES))


def histograms(tables: dict[str, pd.DataFrame], bins: int = 24) -> pd.DataFrame:
    """Per group of `tables` (what `table_of` gave) and figure: `left`, `right` and `share` of the images in each bin.

    All groups have the same bins, so that they can be laid over each other."""
    parts = []
    for figure in FIGURES[:-1]:
        values = {group: table[figure].to_numpy(dtype=float) for group, table in tables.items()}
        edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
        for group, found in values.items():
            share = np.histogram(found, edges)[0] / max(len(found), 1)
            parts.append(
                pd.DataFrame({"figure": figure, "group": group, "left": edges[:-1], "right": edges[1:], "share": share})
            )
    return pd.concat(parts, ignore_index=True)


def similar_samples(samples: Samples, rows: np.ndarray) -> tuple[tuple[SimilarSet, ...], int]:
    """Sets of equal and nearly equal images among `rows`, and how many of `rows` could be read."""
    seen = look_at(samples, rows, compared_by)
    read = [(row, *found) for row, found in zip(rows.tolist(), seen, strict=True) if isinstance(found, tuple)]
    if len(read) < 2:
        return (), len(read)
    readable, hashes, signatures, thumbnails = zip(*read, strict=True)
    labels = [label_of(samples, row) for row in readable]
    sets = similar_among(hashes, signatures, np.array(thumbnails), labels)
    return tuple(
        dataclasses.replace(same, rows=tuple(readable[position] for position in same.rows)) for same in sets
    ), len(read)


@dataclass(frozen=True)
class Kept:
    """Where the samples of a source are, and the pattern that finds the class in their names ("": folders say)."""

    path: str
    pattern: str = ""


def _kept_file() -> Path:
    return home() / "samples.json"


def kept_samples() -> dict[str, Kept]:
    """What was kept, by key of the source or the own name of another set. SamplesError when the file is damaged."""
    try:
        found = json.loads(_kept_file().read_text(encoding="utf-8"))
        return {str(key): Kept(**place) for key, place in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SamplesError(
            f"The list of samples, `{_kept_file()}`, cannot be read: {error}.",
            "Correct it, or remove it and begin anew.",
        ) from None


def keep_samples(key: str, place: Kept | None) -> None:
    """Keep where the samples of `key` are; None forgets it. The images stay as they are."""
    file = _kept_file()
    try:
        with FileLock(f"{file}.lock"):
            found = {name: dataclasses.asdict(kept) for name, kept in kept_samples().items() if name != key}
            if place is not None:
                found[key] = dataclasses.asdict(place)
            part = file.with_suffix(".part")
            part.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
            os.replace(part, file)
    except OSError as error:
        raise SamplesError(
            f"`{file}` cannot be written: {error.strerror or error}.", "Make room, or check its permissions."
        ) from None
