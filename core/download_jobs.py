"""Starts, watches and cancels the processes that `core.download` is the inside of; what the pages use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import DownloadError, RunError
from core.scoring import runner, spool


@dataclass(frozen=True)
class Standing:
    """How a file stands: `state` is absent | running | checking | stopped | failed | ready.

    stopped: a part is there and a new start goes on from it. `total` is None where the server has not said."""

    state: str
    done: int = 0
    total: int | None = None
    error: DownloadError | None = None

    @property
    def active(self) -> bool:
        return self.state in ("running", "checking")


def standing(job: Path, part: Path | None, is_there: Callable[[], bool]) -> Standing:
    """How the file of `job` stands, from its files and its lock; `is_there` tells whether it is in its place."""
    living = runner.alive(job)  # before the files are read: what a process wrote before its end is then seen
    if not living and is_there():
        return Standing("ready")
    said = spool.read_json(job / "progress.json") or {}
    have = part.stat().st_size if part and part.exists() else 0
    if living:
        state = "checking" if said.get("state") == "checking" else "running"
        return Standing(state, max(have, said.get("done") or 0), said.get("total"))
    total = (spool.read_json(job / "served.json") or {}).get("total")
    if said.get("state") == "failed":
        return Standing("failed", have, total, DownloadError(**said["error"]))
    return Standing("stopped" if have else "absent", have, total)


def start(job: Path, module: str, *arguments: str) -> None:
    """Start `python -m module` for `job`, or let it go on. DownloadError or RunError when it cannot."""
    if runner.alive(job):
        return
    try:
        job.mkdir(parents=True, exist_ok=True)
        for name in ("cancel", "progress.json"):
            (job / name).unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(
            f"{job} cannot be written: {error.strerror}.", "Check the rights and the space there."
        ) from None
    try:
        runner.launch(job, module, *arguments)
    except RunError:
        if (spool.read_json(job / "progress.json") or {}).get("state") != "failed":  # else it has said why it ended
            raise
