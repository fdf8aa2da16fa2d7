"""Starts, watches, cancels and resumes workers. A run is a folder; its lock tells whether a worker is alive.

Nothing here needs the database or torch: the folder is the whole protocol between the app and its workers.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import RunError
from core.scoring import spool
from core.scoring.plan import plan_hash, score_keys
from core.settings import home

GRACE_SECONDS = 10.0
_START_SECONDS = 20.0
_children: list[subprocess.Popen] = []
_asking = threading.Lock()  # two threads that look at a lock at once would take each other for a worker


@dataclass(frozen=True)
class RunStatus:
    """How a run stands: `state` is running | waiting | finished | failed | cancelled | stopped.

    finished: nothing is left to do (single candidates may have failed); stopped: the worker died or was never started.
    """

    state: str
    done: int
    total: int
    candidates: dict[str, dict]
    seconds_left: float | None = None

    @property
    def active(self) -> bool:
        return self.state in ("running", "waiting")


def run_folder(plan: dict) -> Path:
    """Where this plan runs: the same plan always in the same folder, so that starting twice is starting once."""
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in plan["target"]["name"].lower()).strip("-")
    return home() / "runs" / f"{slug[:40] or 'run'}-{plan_hash(plan)[:12]}"


def prepare(plan: dict, run: Path, known: dict[str, dict] | None = None) -> None:
    """Write the plan and the results that are already `known` into `run`. Finished results there are kept."""
    if alive(run):
        return
    run.mkdir(parents=True, exist_ok=True)
    for key in score_keys(plan):
        if known and key in known and spool.read_result(run, key) is None:
            spool.write_result(run, known[key])
    spool.write_json(run / "plan.json", plan)


def start(run: Path) -> None:
    """Start a worker on `run`, unless one is alive or nothing is missing. RunError when it does not come up."""
    if alive(run) or not missing(run):
        return
    require_space(run)
    (run / "cancel").unlink(missing_ok=True)
    with open(run / "log.txt", "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.scoring.worker", str(run)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _children[:] = [child, *(c for c in _children if c.poll() is None)]  # polled: ended ones leave no zombies
    deadline = time.monotonic() + _START_SECONDS
    while not alive(run) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if child.poll() not in (None, 0):
        raise RunError("The worker did not start.", f"See {run / 'log.txt'}; then press Resume.")


def require_space(run: Path, needed: int = 200 * 2**20) -> None:
    """RunError when the disk of `run` has less than `needed` bytes free."""
    free = shutil.disk_usage(run).free
    if free < needed:
        raise RunError(
            f"Only {free / 2**20:.0f} MB of disk space are free at {run}; {needed / 2**20:.0f} MB are needed.",
            "Free space, or set SOURCESCOUT_HOME to a larger disk.",
        )


def alive(run: Path) -> bool:
    """Whether a worker holds the lock of `run`. The system frees the lock however the worker ends."""
    if not (run / "lock").exists():
        return False
    try:
        with _asking, FileLock(run / "lock", timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a read-only folder, such as the demo's run: nothing can run there
        return False


def missing(run: Path) -> list[str]:
    """Keys of the scores that are not finished yet."""
    return [key for key in score_keys(spool.read_plan(run)) if spool.read_result(run, key) is None]


def status(run: Path) -> RunStatus:
    """How `run` stands, from its files and its lock."""
    living = alive(run)  # before the files are read: what a worker wrote before its end is then seen
    plan = spool.read_plan(run)
    total = len(score_keys(plan))
    left = set(missing(run))
    progress = spool.read_json(run / "progress.json") or {}
    candidates = {c["name"]: _candidate_status(c, left, progress, living) for c in plan["candidates"]}
    if living:
        state = "waiting" if progress.get("state") == "waiting" else "running"
        return RunStatus(state, total - len(left), total, candidates, progress.get("seconds_left"))
    if any(c["state"] == "waiting" for c in candidates.values()):
        state = "cancelled" if (run / "cancel").exists() else "stopped"
    else:
        state = "finished" if total > len(left) else "failed"
    return RunStatus(state, total - len(left), total, candidates)


def _candidate_status(candidate: dict, left: set[str], progress: dict, living: bool) -> dict:
    seen = progress.get("candidates", {}).get(candidate["name"], {})
    counts = {"total": len(candidate["scores"]), "done": sum(s["key"] not in left for s in candidate["scores"])}
    if candidate["scores"] and counts["done"] == counts["total"]:
        return {"state": "finished", **counts}
    if living and seen.get("state") == "running":
        return {**seen, **counts}
    error = candidate.get("error") or seen.get("error")
    return {"state": "failed", **counts, **error} if error else {"state": "waiting", **counts}


def cancel(run: Path) -> None:
    """Ask the worker of `run` to stop after the batch it is at."""
    if alive(run):
        (run / "cancel").touch()


def enforce_cancel(run: Path) -> None:
    """End the worker's whole process group when it has not stopped within the grace time after `cancel`."""
    asked = run / "cancel"
    if not asked.exists() or time.time() - asked.stat().st_mtime < GRACE_SECONDS or not alive(run):
        return
    pid = (spool.read_json(run / "progress.json") or {}).get("pid")
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
