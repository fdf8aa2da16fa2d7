"""Labels as columns of 0 and 1: the one form in which every metric, fold and permutation sees them."""

import numpy as np

from core.errors import MetricError


def label_matrix(labels: np.ndarray, n_classes: int, label_type: str) -> np.ndarray:
    """The (N, K) int64 matrix of 0 and 1 for `labels`, class indices (N,) or, for multi-label, 0/1 rows (N, L).

    binary: one column [y = 1]; multi-class: one column per class; ordinal: C - 1 columns [y > k], after Frank & Hall
    2001 ("A simple approach to ordinal classification"); multi-label: the L columns as they are.
    """
    labels = np.asarray(labels)
    if label_type == "multi-label":
        if labels.ndim != 2 or not np.isin(labels, (0, 1)).all():
            raise MetricError(
                f"Multi-label labels must be a table of 0 and 1, one column per label; got shape {labels.shape}.",
                "Write 1 where a finding is present and 0 where it is not.",
            )
        return labels.astype(np.int64)
    if labels.ndim != 1:
        raise MetricError(
            f"Labels of type {label_type} must be one class per image; got shape {labels.shape}.",
            "For several findings per image choose the label type multi-label.",
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < n_classes):
        raise MetricError(
            f"Class indices run from {labels.min()} to {labels.max()}, but there are {n_classes} classes.",
            "Number the classes 0, 1, 2 and so on.",
        )
    if label_type == "binary":
        return (labels == 1).astype(np.int64)[:, None]
    if label_type == "multi-class":
        return (labels[:, None] == np.arange(n_classes)).astype(np.int64)
    if label_type == "ordinal":
        return (labels[:, None] > np.arange(n_classes - 1)).astype(np.int64)
    raise MetricError(f'There is no label type "{label_type}".', "Use binary, multi-class, multi-label or ordinal.")
