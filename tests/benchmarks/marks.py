"""How many callipers and words are found, and how often one is seen where there is none.

    python -m tests.benchmarks.marks [--json OUT.json]

What there is to find we read by eye (tests/images/busi_marks.csv): the rules were tuned on the tuning part only, and
the held-out part was read before. No callipers are known in the other sets; their false alarms were looked at while
tuning. PneumoniaMNIST (28 px) is too small for any rule.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.images.marks import find_marks
from tests.conftest import REALDATA

TARGETS = REALDATA / "targets"
ANNOTATION = Path(__file__).resolve().parents[1] / "images" / "busi_marks.csv"
WITHOUT = ("brain_mri", "covid_xray", "nih_cxr")


def read_annotation() -> pd.DataFrame:
    """file, sha256, part, calliper, text of each image; the files must be those that were read."""
    table = pd.read_csv(ANNOTATION, comment="#", dtype=str)
    found = [hashlib.sha256((TARGETS / "busi" / file).read_bytes()).hexdigest()[-16:] for file in table["file"]]
    assert found == table["sha256"].tolist(), "the BUSI copies are not those that were read by eye"
    return table


def look(files: list[Path]) -> tuple[pd.DataFrame, float]:
    """calliper and text of each file, and milliseconds of processor time per image."""
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    began = time.process_time()
    marks = [find_marks(image) for image in images]
    took = 1000 * (time.process_time() - began) / len(files)
    return pd.DataFrame({"calliper": [m.calliper for m in marks], "text": [m.text for m in marks]}), took


def annotated_figures() -> dict:
    """Per part and mark: found of those that are there, and false of those without."""
    table = read_annotation()
    found, took = look([TARGETS / "busi" / file for file in table["file"]])
    figures = {"ms per image": round(took, 1)}
    for part in ("tuning", "held-out"):
        for mark in ("calliper", "text"):
            here = table["part"] == part
            with_it, without = (found[mark][here & (table[mark] == answer)] for answer in ("yes", "no"))
            figures[f"{part}: {mark}"] = (
                f"{with_it.sum()} of {len(with_it)} found, {without.sum()} of {len(without)} false"
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    figures = {"busi": annotated_figures()}
    for name in WITHOUT:
        found, took = look(sorted((TARGETS / name).rglob("*.jpg")))
        figures[name] = {
            "images": len(found), "calliper": int(found["calliper"].sum()), "text": int(found["text"].sum()),
            "ms per image": round(took, 1),
        }  # fmt: skip
    text = json.dumps(figures, indent=1)
    print(text)
    if (out := parser.parse_args().json) is not None:
        out.write_text(text)


if __name__ == "__main__":
    main()
