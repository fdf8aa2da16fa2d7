"""What several of the distances need: lengths, angles and common principal components."""

from __future__ import annotations

import numpy as np


def principal(parts: list[np.ndarray], k: int) -> list[np.ndarray]:
    """Each of the features `parts` (N_i, D) in the first k principal components of all of them together: (N_i, k)
    float64; fewer columns where there are fewer directions. The largest loading of a component is positive."""
    x = np.concatenate(parts).astype(np.float64)
    x -= x.mean(axis=0)
    if len(x) <= x.shape[1]:
        _, _, loadings = np.linalg.svd(x, full_matrices=False)
        loadings = loadings.T
    else:
        loadings = np.linalg.eigh(x.T @ x)[1][:, ::-1]
    loadings = loadings[:, :k]
    largest = np.take_along_axis(loadings, np.abs(loadings).argmax(axis=0)[None], axis=0)
    scores = x @ (loadings * np.where(largest < 0, -1.0, 1.0))
    return np.split(scores, np.cumsum([len(part) for part in parts])[:-1])


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cosine of the angle between a and b (D,); 0 between two zero vectors, 1 between one and another."""
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    if norms == 0:
        return float(np.any(a != b))
    return float(max(0.0, 1 - a @ b / norms))


def unit_length(x: np.ndarray) -> np.ndarray:
    """Each row of x (N, D) brought to length 1, float64; rows of zeros stay."""
    x = np.asarray(x, dtype=np.float64)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norms > 0, norms, 1)
