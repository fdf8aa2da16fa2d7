"""A target that is a zip archive: checked by its table of contents, then unpacked once, whole or not at all."""

import errno
import hashlib
import os
import shutil
import stat
import unicodedata
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path, PurePosixPath

from filelock import FileLock

from core.errors import TargetError
from core.settings import home

MOST_FILES = 200_000
LARGEST_CONTENTS = MOST_FILES * 200  # bytes of the table of contents; Python keeps it in memory as a whole
LARGEST_FILE = 4 * 2**30  # bytes, unpacked
LARGEST_UNPACKED = 200 * 2**30
MOST_PER_FILE, FREE_PER_FILE = 200, 16 * 2**20  # unpacked : packed, where a file unpacks to more than 16 MiB
MOST_IN_ALL, FREE_IN_ALL = 50, 2**30  # the same for the archive, above 1 GiB
DISK_LEFT = 2**30  # bytes that stay free
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, UnicodeError)
_UTF8 = 0x800  # the flag of a name that is UTF-8


def is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file()


def unpacked(archive: Path) -> Path:
    """The folder with the contents of `archive`, in SOURCESCOUT_HOME/unpacked/<SHA-256 of the archive>.

    A single folder around everything is stepped into, unless it is the only class. Nothing is written for an archive
    with absolute paths, `..`, links or devices, encryption, a file twice, or too much in it: too many files, too many
    bytes, a file or a whole that is mostly air (a bomb), or more than the disk takes. TargetError says which.
    """
    try:
        status = archive.stat()
        folder = home() / "unpacked" / _sha256(archive, status.st_size, status.st_mtime_ns)
        if not folder.is_dir():
            folder.parent.mkdir(mode=0o700, exist_ok=True)  # what is in it may be of patients
            with FileLock(f"{folder}.lock"):
                if not folder.is_dir():
                    _unpack(archive, folder)
    except OSError as error:
        raise _not_written(archive, error) from None
    return _inner(folder)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _not_written(archive: Path, error: OSError) -> TargetError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return TargetError(
        f"`{archive.name}` cannot be unpacked: {'the disk is full' if full else error.strerror or error}.",
        "Make room, or set SOURCESCOUT_HOME to another disk." if full else "Unpack it yourself, and name the folder.",
    )


def _unpack(archive: Path, folder: Path) -> None:
    """To a temporary folder, which then takes its name; what an interrupted attempt left is removed first."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _check_contents_size(archive)
        with zipfile.ZipFile(archive) as opened:
            members = _checked(archive, opened.infolist())
            _check_disk(archive, sum(member.file_size for member in members.values()), folder.parent)
            part.mkdir(mode=0o700)
            for name, member in members.items():
                place = part / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, open(place, "xb") as target:  # reads no more than it declares
                    shutil.copyfileobj(source, target, 2**20)
        os.rename(part, folder)
    except _DAMAGED as error:
        raise TargetError(
            f"`{archive.name}` is damaged or not a zip archive: {str(error).rstrip('.')}.",
            "Download or copy it again, or unpack it yourself and name the folder.",
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_contents_size(archive: Path) -> None:
    """Refuses an archive whose table of contents alone would fill the memory, by the record at its end."""
    with open(archive, "rb") as file:
        file.seek(-min(archive.stat().st_size, 2**16 + 22 + 76), os.SEEK_END)
        tail = file.read()
    at, wide_at = tail.rfind(b"PK\5\6"), tail.rfind(b"PK\6\6")  # the record at the end, and the one of zip64
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if wide_at >= 0:
        size = int.from_bytes(tail[wide_at + 40 : wide_at + 48], "little")
    if size > LARGEST_CONTENTS:
        raise _too_much(archive, f"lists more than {MOST_FILES:,} files")


def _checked(archive: Path, listed: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files to unpack by their safe name. TargetError for what no honest archive of images holds."""
    if len(listed) > MOST_FILES:
        raise _too_much(archive, f"lists more than {MOST_FILES:,} files")
    members = {}
    for member in listed:
        name = _safe_name(archive, member)
        if member.is_dir() or name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("."):
            continue
        _check_member(archive, name, member)
        if name in members:
            raise TargetError(f"`{archive.name}` holds `{name}` twice.", "Make the archive again.")
        members[name] = member
    _check_total(archive, list(members.values()))
    return members


def _safe_name(archive: Path, member: zipfile.ZipInfo) -> str:
    """The name in the archive, relative, with `/` and composed letters; some programs write UTF-8 and do not say so."""
    name = member.filename
    if not member.flag_bits & _UTF8 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = member.filename
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = name.split("/")
    if name.startswith("/") or ":" in parts[0] or ".." in parts or not name.isprintable():
        raise TargetError(
            f"`{archive.name}` holds {name[:200]!r}, a path that would lead out of its folder or is none.",
            "Nothing was unpacked. Make the archive again from inside the folder of the images.",
        )
    return str(PurePosixPath(name))


def _check_member(archive: Path, name: str, member: zipfile.ZipInfo) -> None:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise TargetError(
            f"`{archive.name}` holds `{name}`, which is a link or a device.",
            "Nothing was unpacked. Put the files themselves into the archive.",
        )
    if member.flag_bits & 1:
        raise TargetError(f"`{archive.name}` is encrypted.", "Unpack it yourself, and name the folder.")
    if member.compress_type not in _METHODS:
        raise TargetError(
            f"`{archive.name}` is compressed with a method that is not read here.",
            "Make the archive again with the usual method (deflate), or unpack it yourself and name the folder.",
        )
    if member.file_size > LARGEST_FILE:
        raise _too_much(archive, f"holds `{name}` of {member.file_size / 2**30:.0f} GiB")
    if member.file_size > max(FREE_PER_FILE, MOST_PER_FILE * member.compress_size):
        raise _bomb(archive, f"`{name}` unpacks to {member.file_size / max(member.compress_size, 1):,.0f} times")


def _check_total(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    size, packed = sum(member.file_size for member in members), archive.stat().st_size
    if size > LARGEST_UNPACKED:
        raise _too_much(archive, f"unpacks to {size / 2**30:.0f} GiB")
    if size > max(FREE_IN_ALL, MOST_IN_ALL * packed):
        raise _bomb(archive, f"it unpacks to {size / packed:,.0f} times")


def _bomb(archive: Path, what: str) -> TargetError:
    return TargetError(
        f"`{archive.name}` looks like an archive made to fill disks: {what} its size.",
        "Nothing was unpacked. If you trust it, unpack it yourself and name the folder.",
    )


def _too_much(archive: Path, what: str) -> TargetError:
    return TargetError(f"`{archive.name}` {what}.", "Unpack it yourself, and name the folder.")


def _check_disk(archive: Path, size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size + DISK_LEFT > free:
        raise TargetError(
            f"`{archive.name}` unpacks to {size / 2**20:,.0f} MiB, and {folder} has {free / 2**20:,.0f} MiB left.",
            "Make room, or set SOURCESCOUT_HOME to another disk.",
        )


def _inner(folder: Path) -> Path:
    """`folder`, or the one folder that everything in it is in, where that holds a CSV file or folders."""
    entries = list(folder.iterdir())
    if len(entries) == 1 and entries[0].is_dir():
        below = list(entries[0].iterdir())
        if any(path.is_dir() or path.suffix.lower() == ".csv" for path in below):
            return _inner(entries[0])
    return folder
