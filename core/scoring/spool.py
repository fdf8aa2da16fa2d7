"""The files of a run folder. Every write is atomic: a reader sees the old file or the new one, never a part.

plan.json            what to do, fully resolved
progress.json        how far it is
results/<key>.json   one finished score each
log.txt, lock, cancel
"""

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path

from core.errors import RunError


def write_json(path: Path, record: dict | list) -> None:
    """Write `record` to `path` in one step. RunError when the disk is full or the folder cannot be written."""
    write_bytes(path, json.dumps(record, allow_nan=False, indent=1).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step. RunError when the disk is full or the folder cannot be written."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, suffix=".part") as file:
            temporary = file.name
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise RunError(
            f"Nothing more can be written to {path.parent}: {error.strerror}.",
            "Free disk space or check the rights there; what was finished is kept.",
        ) from None


def sweep(folder: Path, older_than: float = 86_400.0) -> None:
    """Remove what a writer that was killed left half written in `folder`, once it is `older_than` seconds old."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > older_than:
                part.unlink()


def read_json(path: Path) -> dict | None:
    """The record in `path`; None when there is none, or it was damaged by something other than us."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def read_plan(run: Path) -> dict:
    """The plan of the run folder `run`."""
    plan = read_json(run / "plan.json")
    if plan is None:
        raise RunError(f"`{run}` holds no readable plan.json.", "Choose a run folder that SourceScout has made.")
    return plan


def write_result(run: Path, result: dict) -> None:
    """Keep one finished score under its key."""
    write_json(run / "results" / f"{result['key']}.json", result)


def read_result(run: Path, key: str) -> dict | None:
    """The finished score of that key, or None."""
    result = read_json(run / "results" / f"{key}.json")
    return result if result and result.get("key") == key else None


def read_results(run: Path) -> dict[str, dict]:
    """All finished scores that the plan of `run` asks for, by key."""
    keys = [score["key"] for candidate in read_plan(run)["candidates"] for score in candidate["scores"]]
    results = {key: read_result(run, key) for key in keys}
    return {key: result for key, result in results.items() if result}
