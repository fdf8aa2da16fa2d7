"""Asks torch's side, in a process of its own, whether checkpoints can be loaded here; nothing here imports torch."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from core import hub
from core.catalog import Checkpoint, checkpoint_record, file_stamp
from core.errors import CheckpointError

SECONDS_PER_FILE = 300.0
SECONDS_PER_TAG = 3600.0  # a download may be needed
_HERE = Path(__file__).resolve().parent.parent


def torch_installed() -> bool:
    """Whether this installation can make networks at all."""
    return all(importlib.util.find_spec(name) for name in ("torch", "torchvision", "timm"))


def check(checkpoints: list[Checkpoint]) -> list[dict]:
    """One report per checkpoint, as `core.backbone.check_checkpoint` makes it, and the `stamp` of its weights file.

    All are checked in one process; when it dies, each is tried alone, so that only the culprit's report is
    `{"ok": False, "error": {"message": ..., "remedy": ...}}`. Tags whose weights are not here and cannot be fetched,
    because the hub does not answer, are not tried: their reports say so (`not_downloaded`).
    """
    obstacles = hub.obstacles(checkpoints)
    possible = [c for c, obstacle in zip(checkpoints, obstacles, strict=True) if not obstacle]
    reports = iter(_check_together(possible))
    return [_failure(obstacle) | {"not_downloaded": True} if obstacle else next(reports) for obstacle in obstacles]


def _check_together(checkpoints: list[Checkpoint]) -> list[dict]:
    if not checkpoints:
        return []
    stamps = [file_stamp(c.weights) if c.kind == "file" else None for c in checkpoints]
    try:
        reports = _ask("core.backbone", [checkpoint_record(c) for c in checkpoints], _limit(checkpoints))
    except CheckpointError as error:
        if len(checkpoints) > 1:
            return [report for checkpoint in checkpoints for report in _check_together([checkpoint])]
        return [_failure(CheckpointError(f"{checkpoints[0].name}: {error.message}", error.remedy))]
    return [
        report | {"stamp": stamp or file_stamp(report.get("weights_file"))}
        for report, stamp in zip(reports, stamps, strict=True)
    ]


def _failure(error: CheckpointError) -> dict:
    return {"ok": False, "error": {"message": error.message, "remedy": error.remedy}}


def _limit(checkpoints: list[Checkpoint]) -> float:
    return sum(SECONDS_PER_TAG if c.kind == "timm" else SECONDS_PER_FILE for c in checkpoints)


def _ask(module: str, question: object, seconds: float):
    """Run `python -m module IN OUT` with `question` as JSON; its answer. CheckpointError when there is none."""
    if not torch_installed():
        raise CheckpointError("PyTorch and timm are not installed here.", "The README has the install lines.")
    with tempfile.TemporaryDirectory(prefix="sourcescout-check-") as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.json"
        source.write_text(json.dumps(question), encoding="utf-8")
        try:
            ended = subprocess.run(
                [sys.executable, "-m", module, str(source), str(target)],
                cwd=_HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CheckpointError(
                f"The check did not end within {seconds / 60:.0f} minutes and was stopped.",
                "Try again when the machine is less busy, or check that the weights file is on a fast disk.",
            ) from None
        if ended.returncode or not target.exists():
            raise _crash(ended)
        return json.loads(target.read_text(encoding="utf-8"))


def _crash(ended: subprocess.CompletedProcess) -> CheckpointError:
    if os.name == "posix" and ended.returncode == -signal.SIGKILL:
        return CheckpointError(
            "The check was ended by the system, most likely for lack of memory.",
            "Close other programs, or use a machine with more memory for this network.",
        )
    said = (ended.stderr or "").strip().splitlines()
    return CheckpointError(
        f"The check broke off ({said[-1] if said else f'exit status {ended.returncode}'}).",
        "Check the installation: `python -m core.backbone` must run from the project's folder.",
    )
