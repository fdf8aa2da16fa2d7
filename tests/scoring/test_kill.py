"""`kill -9` at random points of the demo's run: nothing finished is lost, and the results are those of a quiet run."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from core.demo import demo_plan
from core.scoring import runner, spool

KILLS, KILLS_PER_ROUND = 20, 10
METRICS = ("knn", "logme", "hscore", "sfda", "gbc")  # quick ones: each round is a whole run
METRIC, EARLIER, BEFORE_LOCK = "in a metric", "in loading or features", "before the lock"


def quiet_run(home: Path, monkeypatch) -> tuple[Path, float]:
    """The demo's tissue target from scratch, undisturbed, and the seconds that it took."""
    run = prepared(home, monkeypatch)
    began = time.monotonic()
    assert start(run).wait(timeout=300) == 0
    return run, time.monotonic() - began


def prepared(home: Path, monkeypatch) -> Path:
    """A run folder in a data folder of its own: no features and no scores are there yet."""
    monkeypatch.setenv("SOURCESCOUT_HOME", str(home))
    plan = demo_plan("tissue")
    for candidate in plan["candidates"]:
        candidate["scores"] = [score for score in candidate["scores"] if score["metric"] in METRICS]
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    return run


def start(run: Path) -> subprocess.Popen:
    """A worker as `runner.start` starts it, but without waiting for its lock, so that it can be killed before that."""
    with open(run / "log.txt", "ab") as log:
        command = [sys.executable, "-m", "core.scoring.worker", str(run)]
        return subprocess.Popen(command, cwd=Path(runner.__file__).parents[2], stdout=log, stderr=log)


def kill_after(run: Path, seconds: float) -> str | None:
    """Start a worker and kill it after that time; what it was at then, or None when it had ended by itself."""
    (run / "progress.json").unlink(missing_ok=True)
    worker = start(run)
    time.sleep(seconds)
    stage = stage_of(run)
    worker.kill()
    return stage if worker.wait() == -9 else None


def stage_of(run: Path) -> str:
    progress = spool.read_json(run / "progress.json")
    if progress is None:
        return BEFORE_LOCK
    stages = [candidate.get("stage") for candidate in progress["candidates"].values()]
    return EARLIER if not stages or stages[-1] in ("Loading the network", "Features") else METRIC


def files(folder: Path, pattern: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob(pattern)}


def shares(rng: np.random.Generator) -> np.ndarray:
    """When to kill, as shares of the time that is left: at once, then spread evenly in random order."""
    n = KILLS_PER_ROUND - 1
    return np.array([0.003, *(rng.permutation(n) + rng.random(n)) / n])


def test_twenty_kills_at_random_points_change_no_result(tmp_path, monkeypatch):
    quiet, seconds = quiet_run(tmp_path / "quiet", monkeypatch)
    wanted = files(quiet / "results", "*.json")
    assert len(wanted) == len(runner.missing(prepared(tmp_path / "empty", monkeypatch))) == 5 * len(METRICS)

    rng, hits = np.random.default_rng(0), []
    while len(hits) < KILLS:
        home = tmp_path / f"after {len(hits)} kills"
        run = prepared(home, monkeypatch)
        for share in shares(rng):
            finished = files(run / "results", "*.json")
            left = max(1 - len(finished) / len(wanted), 0.2)  # starting up takes its time, however little is left
            stage = kill_after(run, share * left * seconds)
            hits += [stage] if stage else []
            assert runner.status(run).state in ("stopped", "finished")
            assert finished.items() <= files(run / "results", "*.json").items()
        runner.start(run)  # Resume
        while runner.alive(run):
            time.sleep(0.1)
        assert runner.status(run).state == "finished", (run / "log.txt").read_text()[-2000:]
        assert files(run / "results", "*.json") == wanted
        assert files(home / "features", "*.npy") == files(tmp_path / "quiet" / "features", "*.npy")
    assert set(hits) == {BEFORE_LOCK, EARLIER, METRIC}, hits
