"""Fetches one file of a MedMNIST set, checked against its published MD5, in a process of its own:

python -m core.images.medmnist_download NAME SIZE

Beside the finished file lies a record of its SHA-256.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from core import download
from core.catalog import file_stamp
from core.download import Report, Wanted, main_of
from core.errors import SourceScoutError
from core.images import web
from core.images.medmnist_sets import MedMnistSet, medmnist_set
from core.scoring import spool

BY_HAND = "or put the file at `{}` by hand and try again: it is then only checked"


def job_folder(entry: MedMnistSet, size: int) -> Path:
    return entry.place(size).parent / "jobs" / f"{entry.name}-{size}"


def wanted(entry: MedMnistSet, size: int) -> Wanted:
    place, job = entry.place(size), job_folder(entry, size)
    return Wanted(
        place.name, entry.url(size), place, job / f"{place.name}.part", job,
        algorithm="md5", digest=entry.md5(size), limit=entry.largest_file(size),
        elsewhere=f"set SOURCESCOUT_MEDMNIST_MIRROR to another server, {BY_HAND.format(place)}",
        roomier="choose a smaller size, or set SOURCESCOUT_HOME to a larger disk",
    )  # fmt: skip


def is_whole(place: Path, md5: str) -> bool:
    """Whether the file is there as it was when its checksum was compared; known without reading it."""
    record = spool.read_json(record_of(place))
    return bool(record) and record.get("md5") == md5 and record.get("stamp") == file_stamp(place)


def record_of(place: Path) -> Path:
    return place.with_name(place.name + ".json")


def fetch(file: Wanted, report: Report, cancelled: Callable[[], bool]) -> None:
    """Bring the file to its place, or say why not as DownloadError. Raises Cancelled when asked to stop."""
    if not file.place.exists():
        report("running", file.part.stat().st_size if file.part.exists() else 0, None)
        web.require_reachable(file.url, BY_HAND.format(file.place))
    sha256 = download.fetch(file, report, cancelled)
    record = {
        "md5": file.digest, "sha256": sha256, "stamp": file_stamp(file.place), "published_as": file.place.name,
    }  # fmt: skip
    spool.write_json(record_of(file.place), record)


def main() -> int:
    try:
        name, size = sys.argv[1], int(sys.argv[2])
    except (IndexError, ValueError):
        print("Usage: python -m core.images.medmnist_download NAME SIZE", file=sys.stderr)
        return 2
    try:
        entry = medmnist_set(name, size)
        job = job_folder(entry, size)
    except SourceScoutError as error:
        print(error, file=sys.stderr)
        return 3
    busy = "This file is being downloaded already."
    return main_of(job, entry.file_name(size), lambda *told: fetch(wanted(entry, size), *told), busy)


if __name__ == "__main__":
    raise SystemExit(main())
