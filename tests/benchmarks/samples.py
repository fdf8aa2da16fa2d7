"""How soon a folder of many small images can be browsed, and whether memory grows with it.

    python -m tests.benchmarks.samples [--images 100000] [--few 1000] [--classes 100] [--json OUT.json]

Copies (hard links) of a few hundred tiny JPEG files in a temporary folder. Each size runs in processes of its own that
start from nothing: one does what the page does, step by step; the other draws the page itself (AppTest, without a
browser) on a warm start, that is after another view was drawn. The disk's cache is warm.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

DIFFERENT = 300
SIDE = 64
PAGES = 5
SHELL = Path(__file__).parents[2] / "pages" / "_shell.py"


def write_images(folder: Path, n_images: int, n_classes: int) -> None:
    """`n_images` links to DIFFERENT noisy colour JPEG files, in `n_classes` sub-folders."""
    rng, originals = np.random.default_rng(0), folder / "originals"
    originals.mkdir(parents=True)
    for i in range(DIFFERENT):
        values = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(values).resize((SIDE, SIDE)).save(originals / f"{i}.jpg")
    for number in range(n_classes):
        (folder / "images" / f"class {number:03}").mkdir(parents=True)
    for i in range(n_images):
        os.link(originals / f"{i % DIFFERENT}.jpg", folder / "images" / f"class {i % n_classes:03}" / f"{i:07}.jpg")


def step_figures(folder: Path) -> dict:
    """Seconds to the listing, to the first grid of thumbnails, to the next pages, to the figures of 500 images."""
    from core.images.samples import draw, few_of_each, figures_of, list_samples, look_at, rows_of
    from pages._sources_samples_figures import MEASURED
    from pages._sources_samples_grid import FEW, PAGE
    from pages._target_reading import thumbnail

    imported = peak_mb()
    began = time.perf_counter()
    samples = list_samples(folder, (folder,))
    listed = time.perf_counter()
    rows = few_of_each(samples, rows_of(samples, ()), FEW)
    assert all(isinstance(picture, str) for picture in look_at(samples, rows[:PAGE].tolist(), thumbnail))
    first = time.perf_counter()
    everything = draw(rows_of(samples, ()), len(samples), seed=0)
    pages = []
    for number in range(1, PAGES + 1):
        start = time.perf_counter()
        look_at(samples, everything[number * PAGE : (number + 1) * PAGE].tolist(), thumbnail)
        pages.append(time.perf_counter() - start)
    browsed = peak_mb()
    start = time.perf_counter()
    look_at(samples, everything[:MEASURED].tolist(), figures_of)
    return {
        "images": len(samples),
        "listing_s": listed - began,
        "first_grid_s": first - began,
        "next_page_s": max(pages),
        "figures_s": time.perf_counter() - start,
        "peak_before_mb": imported,
        "peak_mb": browsed,
    }


def page_figures(folder: Path) -> dict:
    """Seconds to draw the view with its first grid, and the next page of it."""
    from streamlit.testing.v1 import AppTest

    from core.images.samples import Kept, keep_samples

    os.environ |= {"SOURCESCOUT_HOME": str(folder.parent / "home"), "SOURCESCOUT_ROOTS": str(folder.parent)}
    at = AppTest.from_file(SHELL, default_timeout=120).run()
    at.switch_page("sources.py").run()
    keep_samples("imagenet_1k", Kept(str(folder)))
    began = time.perf_counter()
    at.session_state["sources_next"] = {"sources_view": "Samples"}
    at.run()
    drawn = time.perf_counter()
    assert not at.exception and len(at.get("image")) == 36, at.exception
    at.button(key="samples_Next").click().run()
    assert not at.exception
    return {"view_drawn_s": drawn - began, "next_page_drawn_s": time.perf_counter() - drawn, "page_peak_mb": peak_mb()}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


STEPS = {step.__name__: step for step in (step_figures, page_figures)}


def measured(folder: Path) -> dict:
    figures = {}
    for step in STEPS:
        command = [sys.executable, "-m", "tests.benchmarks.samples", "--folder", str(folder), "--step", step]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        figures |= json.loads(answer.splitlines()[-1])
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=1_000, help="the other size, for memory")
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options.folder)))
        return
    figures = {}
    for n_images in (options.few, options.images):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary).resolve()
            write_images(folder, n_images, options.classes)
            figures[str(n_images)] = measured(folder / "images")
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
