"""The published quantities as their papers define them, on raw features, for comparison with reference values."""

import numpy as np

from core.metrics.case import make_case
from core.metrics.labels import label_matrix
from core.metrics.logme import logme_quantities
from core.metrics.nca import METRIC as NCA
from core.metrics.nca import nca_knn_probability


def reference(X: np.ndarray, y: np.ndarray, source_logits: np.ndarray | None = None) -> dict:  # noqa: N803
    """{quantity: number} for features `X` (N, D) and labels `y`, class ids (N,) or 0/1 rows (N, L).

    One-vs-rest columns, for a binary task both; class ids without images are ignored. `source_logits` are not used by
    any quantity yet. What is not defined for several labels per image is {"value": None, "reason": ...}.
    """
    import torch

    y = np.asarray(y)
    if y.ndim == 2:
        case = make_case(X, y, "multi-label", y.shape[1])
        suitability = {"value": None, "reason": NCA.why_not["multi-label"]}
        columns = case.columns
    else:
        classes, labels = np.unique(y, return_inverse=True)
        case = make_case(X, labels, "multi-class", len(classes))
        suitability = nca_knn_probability(case.features, case.labels)
        columns = label_matrix(case.labels, len(classes), "multi-class")
    quantities = logme_quantities(torch.from_numpy(case.features), torch.from_numpy(columns))
    return quantities | {"nca_knn_lp": suitability}
