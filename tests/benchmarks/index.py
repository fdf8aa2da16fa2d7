"""How soon many small images give a first answer, and how close the whole index comes to reading the files alone.

    python -m tests.benchmarks.index [--images 50000] [--size 64] [--classes 10] [--folder DIR] [--json OUT.json]

Synthetic PNG files in a temporary folder (or in DIR, kept for the next time). Each figure comes from a process of its
own; "reading" is open().read() of every file and decoding it from memory, in as many threads as the index has. On a
busy machine the seconds of processor time (cpu) compare better.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from core.images.index import build_index
from core.images.readers import read_listing
from core.target import TargetTask


def write_images(folder: Path, count: int, size: int, classes: int) -> None:
    """`count` noisy grey PNG files in `classes` sub-folders; nothing where they are there already."""
    if folder.is_dir():
        return
    rng = np.random.default_rng(0)
    for number in range(classes):
        (folder / f"class {number}").mkdir(parents=True)
    for i in range(count):
        values = rng.integers(0, 64, (size, size), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"class {i % classes}" / f"{i:06d}.png")


def task_of(folder: Path) -> TargetTask:
    return TargetTask("benchmark", folder, "folder", "multi-class")


def listing_figures(folder: Path) -> dict:
    """Seconds until the counts per class are known."""
    began = time.perf_counter()
    listing = read_listing(task_of(folder), (folder,))
    counts = np.bincount(listing.labels)
    return {"images": int(counts.sum()), "listing_s": time.perf_counter() - began}


def index_figures(folder: Path) -> dict:
    """Seconds of the whole index after the listing, and of doing it again where nothing has changed."""
    listing = read_listing(task_of(folder), (folder,))
    began, cpu = time.perf_counter(), time.process_time()
    index = build_index(listing)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert index["error"].eq("").all()
    known = {row["id"]: row for row in index.to_dict("records")}
    began = time.perf_counter()
    build_index(listing, known)
    return {"index_s": took, "index_cpu_s": cpu, "index_again_s": time.perf_counter() - began}


def reading_figures(folder: Path) -> dict:
    """Seconds of open().read() and decoding alone."""
    files = sorted(folder.glob("*/*.png"))

    def decode(path: Path) -> int:
        with open(path, "rb") as file:
            content = file.read()
        return np.asarray(Image.open(io.BytesIO(content))).size

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        assert all(pool.map(decode, files))
    return {"reading_s": time.perf_counter() - began, "reading_cpu_s": time.process_time() - cpu}


def stamp_figures(folder: Path) -> dict:
    """Seconds of what a warm rerun of the target page does to see whether any file has changed."""
    from pages import _target_reading

    task = task_of(folder)
    listing = read_listing(task, (folder,))
    times = []
    for _ in range(4):
        began = time.perf_counter()
        key = _target_reading._stamp_of_labels(task)
        _target_reading._looked(key, lambda: _target_reading._stamp_of_images(listing))
        times.append(time.perf_counter() - began)
    return {"first_stamps_s": times[0], "warm_rerun_stamps_s": max(times[1:])}


STEPS = {step.__name__: step for step in (reading_figures, listing_figures, index_figures, stamp_figures)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        figures = STEPS[options.step](options.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(figures | {f"{options.step.removesuffix('_figures')}_peak_mb": peak}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary) / "images").resolve()
        write_images(folder, options.images, options.size, options.classes)
        figures = {}
        for step in STEPS:  # reading comes first, so that the disk's cache is warm for all
            command = [sys.executable, "-m", "tests.benchmarks.index", "--folder", str(folder), "--step", step]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            figures |= json.loads(answer.splitlines()[-1])
    figures["index_to_reading"] = figures["index_s"] / figures["reading_s"]
    for name, value in figures.items():
        print(f"{name:24} {value:10.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
