"""Starts, watches and cancels downloads of MedMNIST files; what the pages use."""

from dataclasses import dataclass

from core.errors import DownloadError, RunError
from core.images.medmnist_download import is_whole, job_folder
from core.images.medmnist_sets import MedMnistSet
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


def standing(entry: MedMnistSet, size: int) -> Standing:
    """How the file stands here, from its files and its lock."""
    job = job_folder(entry, size)
    living = runner.alive(job)  # before the files are read: what a process wrote before its end is then seen
    if not living and is_whole(entry.place(size), entry.md5(size)):
        return Standing("ready")
    said = spool.read_json(job / "progress.json") or {}
    part = job / f"{entry.file_name(size)}.part"
    have = part.stat().st_size if part.exists() else 0
    if living:
        state = "checking" if said.get("state") == "checking" else "running"
        return Standing(state, max(have, said.get("done") or 0), said.get("total"))
    total = (spool.read_json(job / "served.json") or {}).get("total")
    if said.get("state") == "failed":
        return Standing("failed", have, total, DownloadError(**said["error"]))
    return Standing("stopped" if have else "absent", have, total)


def start(entry: MedMnistSet, size: int) -> None:
    """Start the download, or go on with it, unless it is going on. DownloadError or RunError when it cannot."""
    entry.url(size)  # a wrong mirror is said at once
    job = job_folder(entry, size)
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
        runner.launch(job, "core.images.medmnist_download", entry.name, str(size))
    except RunError:
        if standing(entry, size).state != "failed":  # it came up, and has said why it ended so soon
            raise


def cancel(entry: MedMnistSet, size: int) -> None:
    """Ask the download to stop; what was fetched is kept."""
    runner.cancel(job_folder(entry, size))


def enforce_cancel(entry: MedMnistSet, size: int) -> None:
    """End a download that was asked to stop and did not, such as one that waits for a silent server."""
    runner.enforce_cancel(job_folder(entry, size))
