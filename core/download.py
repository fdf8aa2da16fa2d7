"""Fetches one file whose checksum is published: goes on where a connection or a process ended, tells its progress, and
puts the file in its place in one step, once its checksum was compared.

`run_job` is what a process of its own does; its job folder holds what the server said of the file, progress.json, the
lock that it holds for life, and `cancel`.
"""

import hashlib
import http.client
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

from filelock import FileLock, Timeout

from core.errors import DownloadError, SourceScoutError
from core.images import web
from core.scoring import spool

ATTEMPTS = 4  # in a row that bring nothing new
PAUSE_SECONDS = 2.0
CHUNK = 2**18
SPARE = 100 * 2**20  # bytes that stay free on the disk
ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}
Report = Callable[[str, int, int | None], None]  # state, bytes done, bytes in all


class Cancelled(Exception):
    """The user asked to stop; what was fetched is kept."""


class _BrokenOff(Exception):
    """The connection ended before the file did; what was fetched is kept and the next attempt goes on from there."""


@dataclass(frozen=True)
class Wanted:
    """The file to fetch: its name for messages, from where to where, what it must be (`digest`, by a key of ALGORITHMS)
    and cannot exceed (`limit`, bytes). `part` lies on the disk of `place`. `elsewhere` and `roomier` are parts of a
    sentence for an error's remedy: where else to get the file, and how else to have room for it."""

    name: str
    url: str
    place: Path
    part: Path
    job: Path
    algorithm: str
    digest: str
    limit: int
    elsewhere: str
    roomier: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def served(self) -> Path:
        """What the server said of the file that `part` belongs to."""
        return self.job / "served.json"


def fetch(file: Wanted, report: Report, cancelled: Callable[[], bool]) -> str:
    """Bring the file to its place, or say why not as DownloadError; its SHA-256. Raises Cancelled when asked to stop.

    A file that is there already is only compared with its checksum."""
    if file.place.exists():
        return _accept(file, report)
    failures, most, fresh = 0, _size(file.part), False
    while True:
        try:
            fresh = _go_on(file, report, cancelled) or fresh
        except _BrokenOff as reason:
            failures, most = (0, _size(file.part)) if _size(file.part) > most else (failures + 1, most)
            if failures >= ATTEMPTS:
                if _is_published(file, report):  # the server says that there is more, the checksum that there is not
                    break
                raise _given_up(file, reason) from None
            _pause(cancelled)
            continue
        if _is_published(file, report):
            break
        if fresh:
            raise _wrong_file(file)
        _start_again(file)  # an older part was continued, perhaps of another version of the file
    return _put_in_place(file)


def _accept(file: Wanted, report: Report) -> str:
    report("checking", 0, None)
    digest, sha256 = _hashes(file.place, file.algorithm)
    if digest != file.digest:
        raise DownloadError(
            f"`{file.place}` is not the published file (its {ALGORITHMS[file.algorithm]} is {digest}, not "
            f"{file.digest}).",
            "Move it away, then press Download again.",
        )
    return sha256


def _go_on(file: Wanted, report: Report, cancelled: Callable[[], bool]) -> bool:
    """One connection: fetch what is missing. True when it began at the first byte. _BrokenOff when it ended early."""
    have, before = _size(file.part), spool.read_json(file.served) or {}
    headers = dict(file.headers)
    if have:
        headers["Range"] = f"bytes={have}-"
        if before.get("validator"):
            headers["If-Range"] = before["validator"]
    try:
        answer = web.open_url(Request(file.url, headers=headers))
    except HTTPError as error:
        if error.code == 416 and have:  # nothing behind what is there: whole, or of another file
            if _is_published(file, report):
                return False
            _start_again(file)
            return _go_on(file, report, cancelled)
        raise _refusal(file, error) from None
    except web.CONNECTION_ERRORS as error:
        raise _BrokenOff(web.reason_of(error)) from None
    except DownloadError as error:
        raise DownloadError(error.message, _later(file)) from None
    with answer:
        served = _served(answer)
        continues = answer.status == 206 and served["start"] == have
        changed = before.get("validator") and served["validator"] and before["validator"] != served["validator"]
        if have and (not continues or changed):  # Range ignored, or another version of the file
            _start_again(file)
            if answer.status == 206:
                raise _BrokenOff("the file on the server has changed")
            have = 0
        total = served["total"]
        _require_room(file, total, have)
        spool.write_json(file.served, served)
        _save(answer, file, have, total, report, cancelled)
    return have == 0


def _save(answer, file: Wanted, have: int, total: int | None, report: Report, cancelled) -> None:
    """Append what the answer brings. _BrokenOff when it ends before `total` bytes are there."""
    with open(file.part, "ab") as part:
        while True:
            if cancelled():
                raise Cancelled
            try:
                chunk = answer.read1(CHUNK)
            except web.CONNECTION_ERRORS as error:
                raise _BrokenOff(web.reason_of(error)) from None
            if not chunk:
                break
            if have + len(chunk) > file.limit:
                _start_again(file)
                raise _too_large(file)
            part.write(chunk)
            have += len(chunk)
            report("running", have, total)
        part.flush()
        os.fsync(part.fileno())
    if total is not None and have < total:
        raise _BrokenOff(f"the server broke off after {have:,} of {total:,} bytes")


def _served(answer: http.client.HTTPResponse) -> dict:
    """What the server says: first byte, bytes in all (None where not said), and what changes when the file does."""
    start, total = 0, answer.headers.get("Content-Length", "")
    if answer.status == 206:  # Content-Range: bytes 100-999/1000
        area, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes").strip().partition("/")
        start = int(area.split("-")[0]) if area.split("-")[0].isdecimal() else -1
    etag = answer.headers.get("ETag", "")
    return {
        "start": start,
        "total": int(total) if total.isdecimal() else None,
        "validator": etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", ""),
    }


def _require_room(file: Wanted, total: int | None, have: int) -> None:
    if total is not None and total > file.limit:
        raise _too_large(file)
    needed = (total or file.limit) - have + SPARE
    free = shutil.disk_usage(file.part.parent).free
    if free < needed:
        raise DownloadError(
            f"{needed / 1e6:,.0f} MB of disk space are needed at {file.part.parent}, {free / 1e6:,.0f} MB are free.",
            f"Free space, or {file.roomier}.",
        )


def _is_published(file: Wanted, report: Report) -> bool:
    """Whether the part is the whole published file: the checksum decides, whatever the server says of the length."""
    if not _size(file.part):
        return False
    report("checking", _size(file.part), None)
    return _hashes(file.part, file.algorithm)[0] == file.digest


def _put_in_place(file: Wanted) -> str:
    _, sha256 = _hashes(file.part, file.algorithm)
    os.replace(file.part, file.place)
    file.served.unlink(missing_ok=True)
    return sha256


def _hashes(path: Path, algorithm: str) -> tuple[str, str]:
    """The checksum as published, and the SHA-256, in one reading."""
    published, sha256 = hashlib.new(algorithm, usedforsecurity=False), hashlib.sha256()
    with open(path, "rb") as content:
        while chunk := content.read(2**20):
            published.update(chunk)
            sha256.update(chunk)
    return published.hexdigest(), sha256.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _start_again(file: Wanted) -> None:
    file.part.unlink(missing_ok=True)
    file.served.unlink(missing_ok=True)


def _pause(cancelled: Callable[[], bool]) -> None:
    until = time.monotonic() + PAUSE_SECONDS
    while time.monotonic() < until:
        if cancelled():
            raise Cancelled
        time.sleep(min(0.2, PAUSE_SECONDS))


def _later(file: Wanted) -> str:
    return f"Try again later, or {file.elsewhere}."


def _given_up(file: Wanted, reason: _BrokenOff) -> DownloadError:
    return DownloadError(
        f"The download of {file.name} does not get beyond {_size(file.part) / 1e6:.1f} MB: {reason}.",
        f"What is there is kept. Resume later, or {file.elsewhere}.",
    )


def _wrong_file(file: Wanted) -> DownloadError:
    digest, size = _hashes(file.part, file.algorithm)[0], _size(file.part)
    _start_again(file)
    return DownloadError(
        f"What the server sent is not the published {file.name}: {size:,} bytes with the "
        f"{ALGORITHMS[file.algorithm]} {digest}, not {file.digest}. It was deleted.",
        _later(file),
    )


def _too_large(file: Wanted) -> DownloadError:
    return DownloadError(
        f"The server offers more than the {file.limit / 1e6:,.0f} MB that {file.name} can have: it is not the "
        "published file.",
        _later(file),
    )


def _refusal(file: Wanted, error: HTTPError) -> Exception:
    """What the server's status means: worth another attempt (_BrokenOff) or not (DownloadError)."""
    if error.code in (408, 429) or error.code >= 500:
        return _BrokenOff(f"the server answers {error.code} ({error.reason})")
    if 300 <= error.code < 400:
        said = f"The server redirects {file.name} in a loop, or to an address that is not allowed."
    else:
        said = f"The server does not give {file.name}: it answers {error.code} ({error.reason})."
    return DownloadError(said, _later(file))


class Progress:
    """Writes progress.json, at most twice a second unless the state changes."""

    def __init__(self, job: Path):
        self.file, self.state, self.written = job / "progress.json", "", 0.0
        self.who = {"pid": os.getpid(), "host": socket.gethostname()}

    def __call__(self, state: str, done: int, total: int | None) -> None:
        if state != self.state or time.monotonic() - self.written > 0.5:
            self.state, self.written = state, time.monotonic()
            spool.write_json(self.file, self.who | {"state": state, "done": done, "total": total})

    def end(self, state: str, error: SourceScoutError | None = None) -> None:
        said = {"error": {"message": error.message, "remedy": error.remedy}} if error else {}
        spool.write_json(self.file, self.who | {"state": state} | said)


def main_of(job: Path, what: str, act: Callable[[Report, Callable[[], bool]], None], busy: str) -> int:
    """`run_job` as a process: its exit status, 3 where it failed. `busy`: what to say where another process does it."""
    try:
        run_job(job, what, act)
    except Timeout:
        print(busy, file=sys.stderr)
    except SourceScoutError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


def run_job(job: Path, what: str, act: Callable[[Report, Callable[[], bool]], None]) -> None:
    """Call `act(report, cancelled)` as the only process that does for `job`, with progress.json telling how it stands
    and how it ended. filelock.Timeout when another process does; SourceScoutError when `act` fails."""
    job.mkdir(parents=True, exist_ok=True)
    with FileLock(job / "lock", timeout=2):
        progress = Progress(job)
        try:
            act(progress, (job / "cancel").exists)
            progress.end("finished")
        except Cancelled:
            progress.end("cancelled")
        except SourceScoutError as error:
            progress.end("failed", error)
            raise
        except OSError as error:
            failed = DownloadError(
                f"{what} cannot be read or written at {error.filename or job}: {error.strerror or error}.",
                "Free disk space or check the rights there; what was fetched is kept.",
            )
            progress.end("failed", failed)
            raise failed from None
