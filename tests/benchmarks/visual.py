"""How long the looks of two sets take: `python -m tests.benchmarks.visual [--images 2000] [--processes 2]` measures two
sets of synthetic JPEGs, 224 x 298 pixels in colour, which lie in a temporary folder (aim: 2,000 + 2,000 under 60 s on
2 cores), and compares them. The CPU time, over the processes, is what an idle machine would need."""

import argparse
import json
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from core.images.pixels import read_pixels
from core.similarity.visual import compare, counts_of
from core.similarity.visual_features import measure

SIZE = (298, 224)


def write_image(path: Path, seed: int) -> None:
    """Coarse colours with noise on them."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    noise = rng.normal(0, 8, (SIZE[1], SIZE[0], 3))
    Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=90)


def measure_file(path: Path) -> dict[str, float]:
    return measure(read_pixels(path))


def looks_of(paths: list[Path], pool: ProcessPoolExecutor) -> dict[str, np.ndarray]:
    rows = list(pool.map(measure_file, paths, chunksize=16))
    return counts_of({key: np.array([row[key] for row in rows]) for key in rows[0]})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000, help="of each of the two sets")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(2 * chosen.images)]
        for number, path in enumerate(paths):
            write_image(path, number)
        began = time.perf_counter()
        with ProcessPoolExecutor(chosen.processes) as pool:
            sets = [looks_of(half, pool) for half in (paths[: chosen.images], paths[chosen.images :])]
        measured = time.perf_counter()
        compare(*sets)
        figures = {
            "images": len(paths),
            "processes": chosen.processes,
            "cores": os.cpu_count(),
            "decode and measure, s": round(measured - began, 1),
            "CPU time of the processes, s": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 1),
            "compare, s": round(time.perf_counter() - measured, 2),
        }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
