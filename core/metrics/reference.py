"""The published quantities as their papers define them, on raw features, for comparison with reference values."""

from importlib import import_module

import numpy as np

from core.metrics.case import make_case


def reference(X: np.ndarray, y: np.ndarray, source_logits: np.ndarray | None = None) -> dict:  # noqa: N803
    """{quantity: number} for features `X` (N, D), class ids `y` (N,) and, for LEEP, `source_logits` (N, S).

    Each metric that has a published form gives its own by `published(case)`. One-vs-rest columns, for a binary task
    both; class ids without images are ignored. For 0/1 rows `y` (N, L), several labels per image, for which the papers
    define nothing, every quantity is {"value": None, "reason": ...}, except LogME's, which are means over the labels.
    """
    from core.metrics import METRICS

    y = np.asarray(y)
    classes, labels = (None, y) if y.ndim == 2 else np.unique(y, return_inverse=True)
    label_type, n_classes = ("multi-label", y.shape[1]) if classes is None else ("multi-class", len(classes))
    case = make_case(X, labels, label_type, n_classes, source_logits=source_logits)
    quantities = {}
    for key in METRICS:
        module = import_module(f"core.metrics.{key}")
        if hasattr(module, "published"):
            quantities |= module.published(case)
    return quantities
