"""Seconds of one projection in this fresh process, imports and compilation included.

    python -m tests.benchmarks.projection [umap|tsne|pca|nca|lda] [images] [width]

What it must stay under: 30 s for UMAP of 5,000 x 512.
"""

import sys
import time

import numpy as np

from core.similarity.projection import project, trust


def clusters(n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of ten overlapping groups with a falling spectrum, as images have; the group of each."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    scale = 1 / np.sqrt(np.arange(1, width + 1))
    features = (rng.normal(size=(10, width))[labels] + rng.normal(size=(n, width))) * scale
    return features.astype(np.float32), labels


def main(method: str = "umap", n: str = "5000", width: str = "512") -> None:
    features, labels = clusters(int(n), int(width))
    start, busy = time.perf_counter(), time.process_time()
    found = project(features, method, labels)
    whole, busy = time.perf_counter() - start, time.process_time() - busy
    start = time.perf_counter()
    trust(features, found.points)
    checked = time.perf_counter() - start
    print(
        f"{method} of {n} x {width}: {whole:.1f} s ({busy:.1f} s of processor time), "
        f"of which trust numbers {checked:.1f} s; "
        f"preservation {found.preservation:.2f}, trustworthiness {found.trustworthiness:.3f}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
