"""What was found about weights on the hub, one small JSON file each in SOURCESCOUT_HOME/availability: `hub` holds what
the hub said, `verified` which file of its cache was compared with the SHA-256 that the hub states."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from huggingface_hub.file_download import repo_folder_name

from core import hub
from core.catalog import Checkpoint, file_stamp
from core.known_files import known_file_of
from core.scoring import spool
from core.settings import home


@dataclass(frozen=True)
class Address:
    """Weights on the hub: the first of `files` that the repository holds."""

    repository: str
    files: tuple[str, ...] = hub.FILES

    @property
    def key(self) -> str:
        """A file name, another for every repository and list of files."""
        files = "" if self.files == hub.FILES else "--" + re.sub(r"[^\w.-]", "-", "-".join(self.files))
        return repo_folder_name(repo_id=self.repository, repo_type="model") + files


def address_of(checkpoint: Checkpoint) -> Address | None:
    """Where the hub has the weights of a timm tag, or of a known file; None where no place there is known."""
    if checkpoint.kind == "timm":
        repository = hub.repository_of(checkpoint.architecture)
        return Address(repository) if repository else None
    known = known_file_of(checkpoint) if checkpoint.kind == "file" else None
    if not known or "hub" not in known:
        return None
    return Address(known["hub"]["repository"], (known["hub"]["file"],))


def folder() -> Path:
    return home() / "availability"


def read_answer(address: Address) -> dict:
    """{"asked", "answer", "before"}: the last answer and its time, and the last before it that told more than silence.
    Empty where the hub was never asked."""
    return spool.read_json(folder() / "hub" / f"{address.key}.json") or {}


def keep_answer(address: Address, answer: dict) -> None:
    """Keep what `core.availability.asking.ask` found, now."""
    earlier = read_answer(address)
    known = earlier if earlier and earlier["answer"]["state"] != "unknown" else earlier.get("before")
    before = {key: known[key] for key in ("asked", "answer")} if known and answer["state"] == "unknown" else None
    record = {"asked": now(), "answer": answer, "before": before}
    spool.write_json(folder() / "hub" / f"{address.key}.json", record)


def read_verified(address: Address) -> dict:
    """{"path", "stamp", "sha256", "when"} of the file in the cache that was last hashed; empty where none was."""
    return spool.read_json(folder() / "verified" / f"{address.key}.json") or {}


def keep_verified(address: Address, file: Path, sha256: str) -> None:
    """Keep that `file`, as it is now, has this SHA-256."""
    record = {"path": str(file), "stamp": file_stamp(file), "sha256": sha256, "when": now()}
    spool.write_json(folder() / "verified" / f"{address.key}.json", record)


def published_sha256(file: Path) -> str:
    """The SHA-256 that the hub states for a file of its cache: large files are named by it. Empty where it has none."""
    name = file.resolve().name
    return name if is_sha256(name) else ""


def is_sha256(text: str | None) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{64}", text or ""))


def now() -> str:
    """This second, as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
