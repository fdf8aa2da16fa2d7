"""Starts, watches, cancels and resumes workers. A run is a folder; its lock tells whether a worker is alive.

Nothing here needs the database or torch: the folder is the whole protocol between the app and its workers.
"""

import contextlib
import os
import shutil
import signal
import socket
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
_PROBES = 3
_children: list[subprocess.Popen] = []
_asking = threading.Lock()  # two threads that look at a lock at once would take each other for a worker
_starting = threading.Lock()


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
    """Write the plan and the results that are already `known` into `run`. Finished results there are kept.

    RunError when another run is going on in that folder, or it cannot be written."""
    if alive(run):
        if plan_hash(spool.read_plan(run)) != plan_hash(plan):
            raise RunError(
                f"Another run is going on in {run}.", "Wait for its end or cancel it, or choose another run folder."
            )
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"The run folder {run} cannot be made: {error.strerror}.", "Choose a folder that can be written."
        ) from None
    for candidate in plan["candidates"]:
        for key in (score["key"] for score in candidate["scores"]):
            if known and key in known and spool.read_result(run, key) is None:
                spool.write_result(run, known[key] | {"candidate": candidate["name"]})
    spool.write_json(run / "plan.json", plan)


def start(run: Path) -> None:
    """Start a worker on `run`, unless one is alive or nothing is missing. RunError when it does not come up."""
    with _starting:
        if not missing(run):
            return
        if alive(run):
            if (run / "cancel").exists():
                raise RunError("The run is still being cancelled.", "Start it again in a few seconds.")
            return
        require_space(run)
        try:
            (run / "cancel").unlink(missing_ok=True)
        except OSError as error:
            raise _not_started(run, error) from None
        launch(run, "core.scoring.worker", str(run))


def launch(folder: Path, module: str, *arguments: str) -> None:
    """Start `python -m module` and wait until it holds the lock of `folder`. RunError when it does not come up."""
    try:
        child = _spawn(folder, module, arguments)
    except OSError as error:
        raise _not_started(folder, error) from None
    _children.append(child)
    deadline = time.monotonic() + _START_SECONDS
    while not alive(folder) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if child.returncode not in (None, 0):
        raise RunError(f"The worker did not start. {last_words(folder)}".strip(), f"See {folder / 'log.txt'}.")


def _not_started(folder: Path, error: OSError) -> RunError:
    return RunError(f"The worker could not be started: {error}.", f"Check space and rights in {folder}.")


def _spawn(folder: Path, module: str, arguments: tuple[str, ...]) -> subprocess.Popen:
    """A process in a process group of its own, which outlives this process and its terminal."""
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # ignored on Windows, where the flags below do it
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            | getattr(subprocess, "DETACHED_PROCESS", 0),
        )


def last_words(run: Path) -> str:
    """The last line of the worker's log; "" without one."""
    with contextlib.suppress(OSError):
        lines = (run / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else ""
    return ""


def require_space(run: Path, needed: int = 200 * 2**20) -> None:
    """RunError when the disk of `run` has less than `needed` bytes free."""
    free = shutil.disk_usage(run).free
    if free < needed:
        raise RunError(
            f"Only {free / 2**20:.0f} MB of disk space are free at {run}; {needed / 2**20:.0f} MB are needed.",
            "Free space, or set SOURCESCOUT_HOME to a larger disk.",
        )


def alive(run: Path) -> bool:
    """Whether a worker holds the lock of `run`. The system frees the lock however the worker ends.

    A worker holds it for life, another process that asks for an instant: asking again tells them apart."""
    _children[:] = [child for child in _children if child.poll() is None]  # polled: ended ones leave no zombies
    if not (run / "lock").exists():
        return False
    with _asking:
        for _ in range(_PROBES):
            try:
                with FileLock(run / "lock", timeout=0):
                    return False
            except Timeout:
                time.sleep(0.002)
            except OSError:  # a read-only folder, such as the demo's run: nothing can run there
                return False
    return True


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
    counts |= {"doubts": seen["doubts"]} if seen.get("doubts") else {}
    if candidate["scores"] and counts["done"] == counts["total"]:
        return {"state": "finished", **counts}
    if living and seen.get("state") == "running":
        return {**seen, **counts}
    error = candidate.get("error") or seen.get("error")
    return {"state": "failed", **counts, **error} if error else {"state": "waiting", **counts}


def cancel(run: Path) -> None:
    """Ask the worker of `run` to stop after the batch it is at. RunError when that cannot be written."""
    if alive(run):
        try:
            (run / "cancel").touch()
        except OSError as error:
            raise RunError(f"The run cannot be cancelled: {error.strerror}.", f"Check the disk of {run}.") from None


def enforce_cancel(run: Path) -> None:
    """End the worker's whole process group when it has not stopped within the grace time after `cancel`."""
    with contextlib.suppress(OSError):
        asked = (run / "cancel").stat().st_mtime
        if time.time() - asked >= GRACE_SECONDS and alive(run):
            _end(spool.read_json(run / "progress.json") or {})


def _end(worker: dict) -> None:
    """End the worker that wrote this progress: with its lock held it lives, so its pid is still its own. A worker on
    another machine that shares the disk is left alone."""
    pid = worker.get("pid")
    if worker.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 1:
        return
    if not hasattr(os, "killpg"):
        os.kill(pid, signal.SIGTERM)  # Windows ends it at once
    elif os.getpgid(pid) == pid:
        os.killpg(pid, signal.SIGKILL)
    else:  # started by hand, in the group of a shell
        os.kill(pid, signal.SIGKILL)
