"""DICOM files in a manifest: one row per chosen frame, and patients as salted hashes."""

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from core.errors import SourceScoutError
from core.images.dicom import read_header
from core.images.listing import counted
from core.images.pixels import PixelsError, is_dicom
from core.settings import home

FRAMES = 3  # of a clip
NOT_DICOM = -1
SALT_FILE, SALT_BYTES = "patient_salt", 32


def with_frames(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of `table` (with `_id` and `_file`), those of clips once per chosen frame, and a sentence about that.

    Added: `_frame` (from 0; NOT_DICOM for other files), `_whole` (the id of the file) and `_patient` (a salted hash, ""
    where there is none). The frames of `a.dcm` are called `a.dcm#frame12`, counted from 1 as DICOM does.
    Which files are DICOM is told from their content, not from their names.
    """
    here = [is_dicom(file) for file in table["_file"]]
    if not any(here):
        return table.assign(_frame=NOT_DICOM, _whole=table["_id"], _patient=""), ()
    salt = patient_salt()
    told = [_tell(file, salt) if dicom else ([NOT_DICOM], "") for file, dicom in zip(table["_file"], here, strict=True)]
    times = [len(frames) for frames, _ in told]
    rows = table.loc[np.repeat(np.arange(len(table)), times)].reset_index(drop=True)
    rows = rows.assign(
        _whole=rows["_id"],
        _frame=[frame for frames, _ in told for frame in frames],
        _patient=np.repeat(np.array([patient for _, patient in told], dtype=object), times),
    )
    clip = rows["_whole"].duplicated(keep=False)
    rows.loc[clip, "_id"] = rows["_whole"][clip] + "#frame" + (rows["_frame"][clip] + 1).astype(str)
    n_clips = sum(n > 1 for n in times)
    said = f"Of {counted(n_clips, 'multi-frame file')}, up to {FRAMES} frames each are used, evenly spread."
    return rows, (said,) if n_clips else ()


def _tell(file: Path, salt: bytes) -> tuple[list[int], str]:
    """The frames to use and the hashed patient; a damaged file counts as one frame, and reading it says why."""
    try:
        status = file.stat()
        return _told(file, status.st_size, status.st_mtime_ns, salt)
    except (PixelsError, OSError):
        return [0], ""


@lru_cache(maxsize=100_000)  # reading a header takes a millisecond, and a target is listed many times
def _told(file: Path, size: int, mtime_ns: int, salt: bytes) -> tuple[list[int], str]:
    header = read_header(file)
    frames = [0] if header.is_volume else chosen_frames(header.frames)
    return frames, patient_hash(header.patient, salt) if header.patient else ""


def chosen_frames(n: int) -> list[int]:
    """At most FRAMES of n, from 0: the middles of equal stretches, as the ends of a clip are often blank."""
    return list(range(n)) if n <= FRAMES else [(2 * k + 1) * n // (2 * FRAMES) for k in range(FRAMES)]


def patient_hash(patient: str, salt: bytes) -> str:
    """HMAC-SHA-256, shortened: equal ids give equal words, and nobody without the salt can look an id up."""
    return "patient " + hmac.new(salt, patient.encode(), hashlib.sha256).hexdigest()[:16]


def patient_salt() -> bytes:
    """Random bytes made once per data folder and readable by their owner alone. SourceScoutError when damaged."""
    path = home() / SALT_FILE
    try:
        with FileLock(f"{path}.lock"):
            if not path.exists():
                part = path.with_name(f"{path.name}.part")
                part.unlink(missing_ok=True)
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(SALT_BYTES))
                os.replace(part, path)
            salt = path.read_bytes()
    except OSError as error:
        raise SourceScoutError(
            f"The secret for hashing patient ids, `{path}`, cannot be used: {error.strerror}.",
            "Check the rights and the free space of the data folder.",
        ) from None
    if len(salt) != SALT_BYTES:
        raise SourceScoutError(
            f"The secret for hashing patient ids, `{path}`, is damaged.",
            "Remove that file; a new one is made, and patients get other hashes.",
        )
    return salt


def groups_from_headers(rows: pd.DataFrame, problems: list[str]) -> tuple[str, ...] | None:
    """Per row the hashed patient, else the file; None where headers tell nothing. Appends sentences to `problems`."""
    dicom, named = rows["_frame"] != NOT_DICOM, rows["_patient"] != ""
    if not dicom.any():
        return None
    files = rows["_whole"][named].nunique()
    if files > 1 and rows["_patient"][named].nunique() == 1:
        problems.append(
            f"{counted(files, 'DICOM file')} carry the same patient id, so it does not tell patients apart "
            "and was not used. AUC may be optimistic if several images come from one patient."
        )
        named = named & False
    elif (dicom & ~named).any():
        without = counted(rows["_whole"][dicom & ~named].nunique(), "DICOM file")
        problems.append(f"No patient id is given in {without}: each is a group of its own.")
    if not named.any() and not rows["_whole"].duplicated().any():
        return None
    return tuple(rows["_patient"].where(named, rows["_whole"]))
