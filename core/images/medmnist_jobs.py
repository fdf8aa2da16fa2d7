"""Starts, watches and cancels downloads of MedMNIST files; what the pages use."""

from core import download_jobs
from core.download_jobs import Standing
from core.images.medmnist_download import is_whole, job_folder
from core.images.medmnist_sets import MedMnistSet
from core.scoring import runner


def standing(entry: MedMnistSet, size: int) -> Standing:
    """How the file stands here, from its files and its lock."""
    job, place = job_folder(entry, size), entry.place(size)
    return download_jobs.standing(job, job / f"{place.name}.part", lambda: is_whole(place, entry.md5(size)))


def start(entry: MedMnistSet, size: int) -> None:
    """Start the download, or go on with it, unless it is going on. DownloadError or RunError when it cannot."""
    entry.url(size)  # a wrong mirror is said at once
    download_jobs.start(job_folder(entry, size), "core.images.medmnist_download", entry.name, str(size))


def cancel(entry: MedMnistSet, size: int) -> None:
    """Ask the download to stop; what was fetched is kept."""
    runner.cancel(job_folder(entry, size))


def enforce_cancel(entry: MedMnistSet, size: int) -> None:
    """End a download that was asked to stop and did not, such as one that waits for a silent server."""
    runner.enforce_cancel(job_folder(entry, size))
