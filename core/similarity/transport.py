"""The least effort of moving the classes of one set onto those of another, each class a normal distribution."""

from __future__ import annotations

import numpy as np


def class_distance(x: np.ndarray, x_labels: np.ndarray, y: np.ndarray, y_labels: np.ndarray) -> float:
    """Cost >= 0 of the best transport of the classes of x (N, d) onto those of y (M, d), in squared feature units.

    A class weighs its share of images; moving it costs the squared Bures-Wasserstein distance between the normal
    distributions of both classes. After Alvarez-Melis & Fusi 2020, arXiv:2002.02923, class by class.
    """
    (x_means, x_roots, x_shares), (y_means, y_roots, y_shares) = _gaussians(x, x_labels), _gaussians(y, y_labels)
    return transport_cost(bures_wasserstein(x_means, x_roots, y_means, y_roots), x_shares, y_shares)


def _gaussians(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (C, d), symmetric square roots of the covariances (C, d, d; divisor: the class size) and class shares."""
    names, sizes = np.unique(np.asarray(labels), return_counts=True)
    x = np.asarray(x, dtype=np.float64)
    members = [x[np.asarray(labels) == name] for name in names]
    means = np.stack([m.mean(axis=0) for m in members])
    values, vectors = np.linalg.eigh(
        np.stack([np.cov(m, rowvar=False, bias=True).reshape(2 * x.shape[1:]) for m in members])
    )
    roots = (vectors * np.sqrt(np.clip(values, 0, None))[:, None]) @ vectors.transpose(0, 2, 1)
    return means, roots, sizes / sizes.sum()


def bures_wasserstein(x_means: np.ndarray, x_roots: np.ndarray, y_means: np.ndarray, y_roots: np.ndarray) -> np.ndarray:
    """(C, K) squared Bures-Wasserstein distances of normal distributions with means (C, d) and (K, d) and symmetric
    roots of their covariances (C, d, d) and (K, d, d)."""
    means = ((x_means[:, None] - y_means) ** 2).sum(axis=2)
    traces = (x_roots**2).sum(axis=(1, 2))[:, None] + (y_roots**2).sum(axis=(1, 2))
    # one row of pairs at a time: all C x K matrices of many classes would fill the memory
    overlaps = np.stack([np.linalg.svd(root @ y_roots, compute_uv=False).sum(axis=1) for root in x_roots])
    return np.clip(means + traces - 2 * overlaps, 0, None)


def transport_cost(costs: np.ndarray, x_shares: np.ndarray, y_shares: np.ndarray) -> float:
    """The smallest sum of plan * costs (C, K) over plans whose rows sum to `x_shares` and columns to `y_shares`."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    c, k = costs.shape
    rows, columns = kron(eye_array(c), np.ones((1, k))), kron(np.ones((1, c)), eye_array(k))
    scale = costs.max() or 1.0  # the solver's tolerances are absolute
    found = linprog(costs.ravel() / scale, A_eq=vstack([rows, columns]), b_eq=np.concatenate([x_shares, y_shares]))
    return float(max(0.0, found.fun * scale))
