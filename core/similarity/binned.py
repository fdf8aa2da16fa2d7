"""Histograms of each feature on fixed bins, and the divergence between two sets' histograms."""

from __future__ import annotations

import numpy as np

BINS, LOW, HIGH = 100, -4.0, 6.0  # of a feature in units of the root mean square of its image's features
ADDED = 0.5  # to each bin, so that a bin that is empty in the source does not make the divergence infinite


def histograms(features: np.ndarray) -> np.ndarray:
    """(D, 100) uint32 counts of `features` (N, D), each image scaled to a root mean square of 1.

    Bins are equally wide from -4 to 6; the first and the last take what lies beyond. They depend on no data, so that
    any two sets compare.
    """
    n, width = features.shape
    counts = np.zeros(width * BINS, dtype=np.int64)
    offsets = np.arange(width) * BINS
    for i in range(0, n, 1000):
        x = np.asarray(features[i : i + 1000], dtype=np.float64)
        rms = np.sqrt((x**2).mean(axis=1, keepdims=True))
        scaled = x / np.where(rms > 0, rms, 1)
        bins = np.clip(np.floor((scaled - LOW) * (BINS / (HIGH - LOW))), 0, BINS - 1).astype(np.int64)
        counts += np.bincount((bins + offsets).ravel(), minlength=len(counts))
    return counts.reshape(width, BINS).astype(np.uint32)


def binned_kl(target: np.ndarray, source: np.ndarray) -> float:
    """KL(target || source) in nats, >= 0, of two `histograms` (D, 100), the mean over features.

    After Godau et al. 2024, arXiv:2412.08763; what differs is said in MEASURES["binned_kl"].
    """
    p, q = (counts + ADDED for counts in (target, source))
    p, q = (counts / counts.sum(axis=1, keepdims=True) for counts in (p, q))
    return float((p * np.log(p / q)).sum(axis=1).mean())
