"""Can this checkpoint be used here, now, by us? What its last check found, what happened to its file since, and
what its licence makes one ask.

standing.py  the state of a checkpoint, from its file as it is now and from what the hub last said
asking.py    asks the hub, in a process of its own
fetching.py  downloads a tag's weights into the hub's cache, in a process of its own
records.py   what these two found, as small files
licence.py   the licence as the hub's card states it now
fit.py       what a checkpoint takes: memory, time, disk
"""

import re
from pathlib import Path

from core.catalog import Checkpoint, file_stamp, identity
from core.checking import torch_installed
from core.errors import CheckpointError
from core.hub import is_cached
from core.settings import require_allowed

_NON_COMMERCIAL = re.compile(r"\bnc\b|non-?\s?commercial|research[- ](use )?only|academic", re.IGNORECASE)


def state_of(checkpoint: Checkpoint, report: dict) -> str:
    """unchecked | absent | failed | checked | changed | gone. A file is hashed only when its size or time changed."""
    if not report:
        return "unchecked"
    if report.get("not_downloaded"):
        return "unchecked" if is_cached(checkpoint.architecture) else "absent"
    if not report["ok"]:
        return "failed"
    if checkpoint.kind == "random":
        known = not torch_installed() or identity(checkpoint) == report["identity"]
        return "checked" if known else "changed"
    stamp = file_stamp(report["weights_file"])
    if stamp is None:
        return "gone"
    if stamp == report.get("stamp"):
        return "checked"
    try:
        return "checked" if identity(checkpoint, report["weights_file"]) == report["identity"] else "changed"
    except CheckpointError:
        return "gone"


def require_weights(checkpoint: Checkpoint, roots: tuple[Path, ...]) -> None:
    """CheckpointError or SourceScoutError when the weights file is not there or outside the allowed folders."""
    if checkpoint.kind != "file":
        return
    path = require_allowed(checkpoint.weights, roots)
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "is not there"
        raise CheckpointError(
            f"{checkpoint.name}: `{path}` {why}.", "Give the path of the weights file on the machine that runs the app."
        )


def require_new_names(checkpoints: list[Checkpoint], taken: list[str]) -> None:
    """CheckpointError when a name is in use: results are told apart by it."""
    for checkpoint in checkpoints:
        if checkpoint.name in taken:
            raise CheckpointError(
                f"There is a candidate called {checkpoint.name} already.", "Give this one another name."
            )


def licence_question(licence: str, commercial_use: bool) -> str:
    """What to ask about a licence when the target must allow commercial use; empty when nothing stands out."""
    if not commercial_use:
        return ""
    if not licence.strip():
        return "No licence is stated, and the target must allow commercial use: find out which one applies."
    if _NON_COMMERCIAL.search(licence):
        return (
            "The licence reads as if it excludes commercial use, which the target must allow: have it checked. "
            "(A reminder, not legal advice.)"
        )
    return ""
