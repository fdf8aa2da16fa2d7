"""Computes the results that ship with the demo: `python data/demo/compute.py`, after make.py.

Scores both targets from scratch, as `python -m core demo` does, and keeps each run under runs/ without its list of
images and without paths of this machine, with the SHA-256 of every file.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

DEMO = Path(__file__).resolve().parent
sys.path.insert(0, str(DEMO.parents[1]))

from core.__main__ import compute  # noqa: E402
from core.demo import TARGETS, demo_plan  # noqa: E402
from core.scoring import runner, spool  # noqa: E402
from core.scoring.plan import score_keys, summary  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SOURCESCOUT_HOME"] = scratch
        for name in TARGETS:
            plan = demo_plan(name)
            run = runner.run_folder(plan)
            compute([(plan, run)])
            if runner.missing(run):
                raise SystemExit(f"{name}: not all scores could be computed; see {(run / 'log.txt').read_text()}")
            keep(plan, run, DEMO / "runs" / name)


def keep(plan: dict, run: Path, folder: Path) -> None:
    """The run as it ships: the plan's summary, the results, and their hashes."""
    shutil.rmtree(folder, ignore_errors=True)
    short = summary(plan)
    for candidate in short["candidates"]:
        candidate.pop("costs", None)
        weights = Path(candidate["checkpoint"]["weights"])
        if weights.is_absolute():
            candidate["checkpoint"]["weights"] = weights.relative_to(DEMO).as_posix()
    spool.write_json(folder / "plan.json", short)
    for key in score_keys(plan):
        spool.write_result(folder, spool.read_result(run, key))
    files = sorted(path for path in folder.rglob("*.json"))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(folder).as_posix()}" for f in files]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
