"""Which features matter to a linear classifier of a set's own classes: a light variant of Task2Vec."""

from __future__ import annotations

import numpy as np

from core.similarity.vectors import cosine_distance, principal

HEAD_DIMENSIONS = 64  # of the features that the head is fitted on


def fisher_distance(x: np.ndarray, x_labels: np.ndarray, y: np.ndarray, y_labels: np.ndarray) -> float:
    """Cosine distance in [0, 1] between the Fisher embeddings a, b of x (N, D) and y (M, D), each first divided by
    a + b, as between two tasks in Achille et al. 2019, arXiv:1902.03545."""
    a, b = fisher_embedding(x, x_labels), fisher_embedding(y, y_labels)
    total = np.where(a + b > 0, a + b, 1)
    return cosine_distance(a / total, b / total)


def fisher_embedding(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(D,) diagonal Fisher information of the weights of a linear head on features x (N, D), summed over classes.

    The head is a multinomial logistic regression (L2, C = 1) on the first 64 principal components, brought to unit
    variance in total. For the weight from feature d to class c the information is the mean over images of
    p_c (1 - p_c) x_d^2; the sum over c does not depend on what the classes are. All 0 for a single class.
    """
    from sklearn.linear_model import LogisticRegression

    x = np.asarray(x, dtype=np.float64)
    if len(np.unique(labels)) == 1:
        return np.zeros(x.shape[1])
    (z,) = principal([x], HEAD_DIMENSIONS)
    z = z / np.sqrt((z**2).sum(axis=1).mean() / z.shape[1])
    p = LogisticRegression(max_iter=200).fit(z, np.asarray(labels)).predict_proba(z)
    return (p * (1 - p)).sum(axis=1) @ x**2 / len(x)
