"""Sets of images that are compared: which images of a target or of samples belong to one, and reading them once.

A set is plain values, ready for the JSON that tells a worker: `name`, `source` (key of the record of the data set; None
for the target), `places` of its images, `labels` (a class, or a row of 0 and 1, per image) with the names of
`classes`, `groups` and `sample` (a hash over the pixels) of the target, `synthetic`, and a `key` of all that decides
what is measured.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from core.catalog import file_stamp
from core.errors import SimilarityError, TargetError
from core.images.index import pixel_hash
from core.images.listing import Listing, allowed_path
from core.images.parts import draw_sample, effective_groups, training_part
from core.images.pixels import RULES, Pixels, Places
from core.images.samples import NO_CLASS, Samples, draw
from core.scoring.plan import digest, sample_hash
from core.similarity.visual_features import VERSION, measure
from core.target import TargetTask

MOST_IMAGES = 2_000
FEWEST_IMAGES = 20
SEED = 0
ALONE = 200  # images, which are measured before another process has started
_AT_ONCE = 8  # images that a process takes at a time


def target_set(task: TargetTask, listing: Listing, index: pd.DataFrame, most: int = MOST_IMAGES) -> dict:
    """The set of at most `most` images of the target's training part; the test part stays out."""
    part = training_part(task, listing, index)
    rows = draw_sample(part, index, most, SEED)
    if listing.npz is not None:
        split = listing.ids[rows[0]].split("/")[0]
        places = {"npz": str(listing.npz), "array": f"{split}_images", "rows": [_row(listing.ids[i]) for i in rows]}
    else:
        places = {"files": [str(listing.files[i]) for i in rows]}
        places |= {} if listing.frames is None else {"frames": [listing.frames[i] for i in rows]}
    labels, groups = listing.labels[rows].tolist(), effective_groups(listing, index, rows).tolist()
    found = _set(task.name, None, places, labels, listing.class_names, groups, task.synthetic)
    return found | {"sample": sample_hash(index["pixel_hash"].iloc[rows].tolist())}


def sample_set(name: str, source: str | None, samples: Samples, most: int = MOST_IMAGES) -> dict:
    """The set of at most `most` images drawn from the samples of a source data set."""
    rows = np.sort(draw(np.arange(len(samples)), most, SEED))
    if samples.in_npz:
        arrays = {samples.ids[row].rsplit("/", 1)[0] for row in range(len(samples))}
        array = "train_images" if "train_images" in arrays else next(iter(arrays))
        if not array.endswith("_images"):
            raise SimilarityError(
                f"`{samples.path.name}` holds its images in an array `{array}`.",
                "Call it `train_images`, or point to a folder of images.",
            )
        inside = [row for row in range(len(samples)) if samples.ids[row].startswith(f"{array}/")]
        rows = np.sort(draw(np.array(inside), most, SEED))
        places = {"npz": str(samples.path), "array": array, "rows": [_row(samples.ids[row]) for row in rows]}
    else:
        places = {"files": [str(allowed_path(samples.file(row), samples.roots)) for row in rows]}
    known = samples.classes[-1:] != (NO_CLASS,) and len(samples.classes) > 1
    labels = samples.labels[rows].tolist() if known else None
    return _set(name, source, places, labels, samples.classes if known else (), None, False)


def _row(id_: str) -> int:
    return int(id_.rsplit("/", 1)[1])


def _set(
    name: str,
    source: str | None,
    places: dict,
    labels: list | None,
    classes: Sequence[str],
    groups: list | None,
    synthetic: bool,
) -> dict:
    stamps = [file_stamp(places["npz"])] if "npz" in places else [file_stamp(file) for file in places["files"]]
    facts = {"source": source, "places": places, "labels": labels, "groups": groups}
    key = digest([facts, stamps, RULES, VERSION])
    images = {"name": name, "synthetic": synthetic, "key": key, "classes": list(classes), **facts}
    if size(images) < FEWEST_IMAGES:
        raise SimilarityError(
            f"{name}: {size(images)} images are too few to compare.",
            f"At least {FEWEST_IMAGES} are needed; more is better.",
        )
    return images


def size(images: dict) -> int:
    """How many images a set has, whether or not they can be read."""
    return len(images["places"].get("files") or images["places"]["rows"])


@dataclass(frozen=True, eq=False)
class Looks:
    """What one way through the images of a set gave: `rows` of the set that can be read, the `hashes` of their pixels,
    and the `measures` of each (measure of `core.similarity.visual` -> (N,) float)."""

    rows: np.ndarray
    hashes: tuple[str, ...]
    measures: dict[str, np.ndarray]


def look_through(images: dict, processes: int, progress: Callable[[int, int], None] | None = None) -> Looks:
    """Decode and measure every image of the set `images`, in so many processes; what cannot be read is left out.

    `progress(done, total)` is called now and then. SimilarityError when too few can be read."""
    pixels = Pixels(places_of(images["places"]))
    shares = [range(begin, min(begin + _AT_ONCE, len(pixels))) for begin in range(0, len(pixels), _AT_ONCE)]
    found: list[tuple[str, dict] | None] = []
    with _each_share(pixels, 1 if len(pixels) < ALONE else processes) as each:
        for share in each(_look, shares):
            found += share
            if progress:
                progress(len(found), len(pixels))
    rows = np.array([row for row, seen in enumerate(found) if seen], dtype=int)
    if len(rows) < FEWEST_IMAGES:
        raise SimilarityError(
            f"{images['name']}: only {len(rows)} of {len(found)} images can be read.",
            f"At least {FEWEST_IMAGES} are needed.",
        )
    hashes, measures = zip(*(found[row] for row in rows), strict=True)
    return Looks(rows, hashes, {name: np.array([one[name] for one in measures]) for name in measures[0]})


def read_looks(file: Path) -> Looks:
    """What the worker wrote of a set."""
    with np.load(file, allow_pickle=False) as arrays:
        measures = {name.split("/", 1)[1]: arrays[name] for name in arrays.files if name.startswith("measure/")}
        return Looks(arrays["rows"], tuple(arrays["hashes"].tolist()), measures)


def places_of(places: dict) -> Places:
    """Where the images are, as `Pixels` takes it."""
    if "files" in places:
        return Places(places["files"], [Path(file) for file in places["files"]], None, places.get("frames"))
    split = places["array"].removesuffix("_images")
    return Places([f"{split}/{row}" for row in places["rows"]], None, Path(places["npz"]))


_pixels: Pixels | None = None  # of a process of the pool


@contextmanager
def _each_share(pixels: Pixels, processes: int) -> Iterator[Callable]:
    """A `map` that calls functions in so many processes that know `pixels`."""
    if processes == 1:
        _begin(pixels)
        yield map
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (pixels,)) as pool:
        yield pool.map


def _begin(pixels: Pixels) -> None:
    global _pixels
    _pixels = pixels


def _look(rows: range) -> list[tuple[str, dict] | None]:
    seen = []
    for row in rows:
        try:
            values = _pixels[row]
        except TargetError:
            seen.append(None)
        else:
            seen.append((pixel_hash(values), measure(values)))
    return seen
