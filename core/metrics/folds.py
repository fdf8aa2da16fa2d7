"""The given folds, as (training, held-out) index pairs."""

import numpy as np

from core.errors import MetricError

FOLDS_LIMIT = (
    "Without patient groups, images of one patient can be on both sides of a fold, and the AUC is optimistic. "
    "The interval covers which images were drawn, not how the folds fell."
)


def each_fold(folds: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """One pair of index arrays per fold; MetricError when there are not at least two."""
    ids = [] if folds is None else np.unique(folds)
    if len(ids) < 2:
        raise MetricError(
            "Cross-validation needs at least two folds with images.",
            "Add images, or check the group column: all images may belong to one group.",
        )
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in ids]
