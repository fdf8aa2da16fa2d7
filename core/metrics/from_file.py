"""Metrics of features that were computed elsewhere: `python -m core metrics FILE.npz`."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from core.errors import MetricError
from core.metrics.calibration import score
from core.metrics.case import Case, make_case
from core.metrics.labels import label_matrix
from core.metrics.reference import reference as reference_quantities

MAX_BYTES = 16 * 2**30
FOLDS = 5
_DAMAGED = (ValueError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError)  # RuntimeError: encrypted


def metrics_of_file(path: str | Path, reference: bool = False, seed: int = 0, device: str = "cpu") -> dict:
    """{metric: scores} of the features in the .npz at `path`, or with `reference` the flat published quantities.

    The file holds `X` (N, D) numbers and `y`, class ids (N,) of any kind or 0/1 rows (N, L), and may hold `groups` (N,)
    and `source_logits` (N, S). MetricError when it cannot be used.
    """
    from core.metrics import METRICS

    arrays = _read(Path(path))
    x, y = arrays["X"], arrays["y"]
    if reference:
        return reference_quantities(x, y, arrays.get("source_logits"))
    labels, label_type, n_classes = _classes(y)
    groups = np.unique(arrays["groups"], return_inverse=True)[1] if "groups" in arrays else np.arange(len(y))
    folds = _folds(label_matrix(labels, n_classes, label_type), groups, seed)
    case = make_case(x, labels, label_type, n_classes, groups, folds, seed, device, arrays.get("source_logits"))
    return {key: _scored(key, case) for key, metric in METRICS.items() if metric.needs != "gradients"}


def _scored(key: str, case: Case) -> dict:
    """What one metric says; where it refuses these features and labels, the reason."""
    try:
        return score(key, case)
    except MetricError as error:
        return {"value": None, "reason": str(error)}


def _folds(columns: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    from core.images.parts import stratified_group_folds

    return stratified_group_folds(columns, groups, k=FOLDS, seed=seed)


def _classes(y: np.ndarray) -> tuple[np.ndarray, str, int]:
    if y.ndim == 2:
        return y, "multi-label", y.shape[1]
    classes, labels = np.unique(y, return_inverse=True)
    return labels, "binary" if len(classes) == 2 else "multi-class", len(classes)


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, with shapes that fit together; nothing in it is ever unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise MetricError(f"`{path}` unpacks to {size / 2**30:.0f} GiB.", "Score a sample of the images.")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("X", "y", "groups", "source_logits") if name in stored}
    except OSError as error:
        raise MetricError(f"`{path}` cannot be read: {error.strerror or error}.", "Check the path.") from None
    except MemoryError:
        raise MetricError(f"The arrays of `{path}` do not fit into memory.", "Score a sample of the images.") from None
    except _DAMAGED as error:
        pickled = "allow_pickle" in str(error)
        raise MetricError(
            f"`{path}` holds pickled objects, which are never opened." if pickled else f"`{path}` is not a .npz file.",
            "Write it with `numpy.savez(path, X=features, y=labels)` from arrays of numbers or text.",
        ) from None
    return _fitting(arrays, path)


def _fitting(arrays: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    missing = [name for name in ("X", "y") if name not in arrays]
    if missing:
        raise MetricError(f"`{path}` has no array {' and no array '.join(missing)}.", "It needs `X` and `y`.")
    x, y = arrays["X"], arrays["y"]
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind not in "fiub":
        raise MetricError(f"`X` has shape {x.shape} and type {x.dtype}.", "It must be a table of numbers (N, D).")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise MetricError(f"`y` has shape {y.shape}.", "It must be classes (N,) or 0/1 rows (N, L).")
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.round(y)).all()):
        raise MetricError("`y` holds NaN or fractions.", "Give class ids, or 0/1 rows for several labels per image.")
    for name, array in arrays.items():
        rows = len(array) if array.ndim else 0
        if name != "X" and rows != len(x):
            raise MetricError(f"`{name}` has {rows} rows, `X` has {len(x)}.", "Give one row per image.")
    for name, dims in (("groups", 1), ("source_logits", 2)):
        if name in arrays and arrays[name].ndim != dims:
            raise MetricError(f"`{name}` has shape {arrays[name].shape}.", f"It must have {dims} dimension(s).")
    return arrays | {"y": y}
