"""Whether a checkpoint's weights are here or can be had: its file as it is now, else what the hub last said.

Local facts are looked up each time, by size and time of the file; only a changed file is read. Nothing here asks a
network: `core.availability.asking` does, when someone wants to know.
"""

from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import constants

from core import hub
from core.availability import state_of
from core.availability.records import (
    Address,
    address_of,
    published_sha256,
    read_answer,
    read_verified,
)
from core.catalog import Checkpoint, file_stamp
from core.known_files import known_file_of, read_on


@dataclass(frozen=True)
class Availability:
    """`state`: ready | here (its hash was not compared) | altered | downloadable | gated | on_request | broken |
    unknown. `evidence`: sentences. `asked`: when the hub said so (ISO 8601), empty where it was looked up just now.
    `answer`: what the hub last said, whatever the state (see `core.availability.asking.ask`); `said`: when."""

    state: str
    evidence: str
    asked: str = ""
    address: Address | None = None
    answer: dict = field(default_factory=dict)
    said: str = ""


def availability_of(checkpoint: Checkpoint, report: dict) -> Availability:
    """How it stands now; `report` is that of its last check (empty: none)."""
    if checkpoint.kind == "random":
        return Availability("ready", "Made from its seed: there is nothing to fetch.")
    address = address_of(checkpoint)
    record = read_answer(address) if address else {}
    told = _telling(record)
    facts = {"address": address, "answer": told.get("answer", {}), "said": told.get("asked", "")}
    here = _tag_here(checkpoint, report, address) if checkpoint.kind == "timm" else _file_here(checkpoint, report)
    if here:
        state, evidence = here
        return Availability(state, evidence + _newer(address, told), **facts)
    if not address:
        return Availability(*_not_on_the_hub(checkpoint))
    state, evidence = _as_the_hub_said(checkpoint, address, record)
    return Availability(state, evidence, record.get("asked", ""), **facts)


def _telling(record: dict) -> dict:
    """The last answer that was one: {"asked", "answer"}."""
    if record and record["answer"]["state"] != "unknown":
        return record
    return record.get("before") or {}


def _file_here(checkpoint: Checkpoint, report: dict) -> tuple[str, str] | None:
    if file_stamp(checkpoint.weights) is None:
        return None
    state = state_of(checkpoint, report)
    if state == "checked":
        return "ready", f"The file is here, with the SHA-256 of its check ({_short(report['identity'])})."
    if state == "changed":
        return "altered", "The file is here, but its SHA-256 is no longer the one that it had at its check."
    return "here", "The file is here; there is no SHA-256 to compare it with until it passed a check."


def _tag_here(checkpoint: Checkpoint, report: dict, address: Address | None) -> tuple[str, str] | None:
    """Where the hub's cache has the file: whether it is what the hub has, or else what was checked."""
    file = hub.cached_file(address.repository) if address else None
    if file is None:
        return None
    published, found = published_sha256(file), _hash_of(file, checkpoint, report, address)
    where = "In huggingface_hub's cache"
    if found is None:
        return "here", f"{where}; its SHA-256 was not compared since the file came or changed."
    if found == "altered" or published and found != published:
        wrong = f"{where}, but its SHA-256 or its size is not what it should be."
        return "altered", f"{wrong} Delete {file.resolve()} to fetch it again."
    if published:
        return "ready", f"{where}, with the SHA-256 that the hub states ({published[:12]})."
    return "ready", f"{where}, with the SHA-256 of its check ({found[:12]}); the cache does not say the hub's."


def _hash_of(file: Path, checkpoint: Checkpoint, report: dict, address: Address) -> str | None:
    """The SHA-256 of a cached file, "altered" where it is known to differ from what it was, None where unknown."""
    verified = read_verified(address)
    if verified.get("path") == str(file):
        if verified["stamp"] == file_stamp(file):
            return verified["sha256"]
        if verified["stamp"].split(":")[0] != file_stamp(file).split(":")[0]:
            return "altered"  # another size
    if report.get("ok") and report["weights_file"] == str(file):
        return report["identity"].removeprefix("sha256:") if state_of(checkpoint, report) == "checked" else "altered"
    return None


def _newer(address: Address | None, told: dict) -> str:
    """Whether the hub has another version by now than its cache here."""
    sha256 = told.get("answer", {}).get("sha256")
    file = hub.cached_file(address.repository) if sha256 and address.files == hub.FILES else None
    newer = file and published_sha256(file) not in ("", sha256)
    return " The hub has another version by now; the one here is used." if newer else ""


def _not_on_the_hub(checkpoint: Checkpoint) -> tuple[str, str]:
    if checkpoint.kind == "timm":
        return "unknown", "timm's table names no place on the hub for this tag."
    known = known_file_of(checkpoint)
    if not known:
        return "broken", f"There is no file at {checkpoint.weights}, and where it came from is not known."
    return "on_request", f"Not at {checkpoint.weights}. To obtain by hand: {known['obtain']} Read on {read_on()}."


def _as_the_hub_said(checkpoint: Checkpoint, address: Address, record: dict) -> tuple[str, str]:
    missing = f"There is no file at {checkpoint.weights}. " if checkpoint.kind == "file" else ""
    if not record:
        return "unknown", f"{missing}The hub was not asked about {address.repository} yet."
    answer = record["answer"]
    if answer["state"] == "unknown":
        return "unknown", f"{missing}{answer['says']}.{_before(record)}"
    if answer["state"] == "broken":
        return "broken", f"{missing}{answer['says']}."
    if answer["state"] == "gated":
        return "gated", missing + _what_the_gate_wants(address, answer)
    kept = " It is gated, and the token that is set was accepted." if answer.get("approval") else ""
    size = f", {answer['bytes'] / 1e6:,.1f} MB" if answer["bytes"] else ", of unknown size"
    return "downloadable", f"{missing}The hub offers {address.repository} ({answer['file']}{size}).{kept}"


def _before(record: dict) -> str:
    if not record.get("before"):
        return ""
    words = {"downloadable": "it could be downloaded", "gated": "it was gated", "broken": "it was not there"}
    day, state = record["before"]["asked"][:10], record["before"]["answer"]["state"]
    return f" When the hub last answered ({day}), {words[state]}."


def _what_the_gate_wants(address: Address, answer: dict) -> str:
    approval = {
        "auto": "approval is automatic once the terms are accepted",
        "manual": "its owner approves each request by hand, which may take days",
    }.get(answer.get("approval"), "whether approval is automatic is not stated")
    if not answer["token"]:
        token = "No token is set"
    elif answer["status"] == 403:
        token = "A token is set, but its account has no approval yet"
    else:
        token = "A token is set, but the hub does not accept it"
    page = f"{constants.ENDPOINT}/{address.repository}"
    return (
        f"Given only to accounts that accepted its owner's terms; {approval}. {token}. Accept them at {page} and start "
        "SourceScout with HF_TOKEN set to an access token of that account."
    )


def _short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:12]
