"""Asks the hub whether weights can be had now, and compares cached ones with its checksums, in a process of its own:

python -m core.availability.asking

Its job folder holds `ask.json` (what to ask about), the lock that it holds for life and progress.json. HF_HUB_OFFLINE,
HF_ENDPOINT, HF_TOKEN and the proxies mean what they mean to huggingface_hub, whose client asks.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors

from core import download_jobs, hub
from core.availability.records import (
    Address,
    folder,
    is_sha256,
    keep_answer,
    keep_verified,
    published_sha256,
    read_verified,
)
from core.catalog import file_stamp
from core.download import Cancelled, Report, main_of
from core.download_jobs import Standing
from core.images.web import reason_of
from core.scoring import runner, spool

KINDS = ("auto", "manual")  # of approval


def job_folder() -> Path:
    return folder() / "asking"


def start(addresses: list[Address]) -> None:
    """Ask about these in the background, unless that is going on already. DownloadError or RunError when it cannot."""
    job = job_folder()
    if not runner.alive(job):
        asked = [{"repository": address.repository, "files": list(address.files)} for address in addresses]
        spool.write_json(job / "ask.json", {"addresses": asked})
    download_jobs.start(job, "core.availability.asking")


def standing() -> Standing:
    """How far the asking is: `done` of `total` addresses. Failed or absent when nothing is going on."""
    return download_jobs.standing(job_folder(), part=None, is_there=lambda: False)


def ask(address: Address) -> dict:
    """What the hub says of these weights now; never an error.

    `state`: downloadable (`file`, `bytes`, `sha256`) | gated (`status`, `token`: whether one was sent) | broken
    (`says`) | unknown (`says`: why there is no answer). With the first two, as far as the repository's card states
    them: `licence`, `licence_name`, `licence_link`, `approval` ("auto", "manual" or "").
    """
    said = _file(address)
    return said | _card(address.repository) if said["state"] in ("downloadable", "gated") else said


def _file(address: Address) -> dict:
    """The first of its files that is there. Gated comes before not found, of which huggingface_hub makes it a kind."""
    page = f"{constants.ENDPOINT}/{address.repository}"
    if constants.HF_HUB_OFFLINE:
        return {"state": "unknown", "says": "HF_HUB_OFFLINE forbids asking the hub"}
    for name in address.files:
        try:
            url = huggingface_hub.hf_hub_url(address.repository, name)
            file = huggingface_hub.get_hf_file_metadata(url, timeout=hub.TIMEOUT)
        except hub_errors.GatedRepoError as error:
            sent = "authorization" in huggingface_hub.utils.build_hf_headers()
            return {"state": "gated", "status": error.response.status_code, "token": sent}
        except hub_errors.EntryNotFoundError:
            continue
        except hub_errors.RepositoryNotFoundError:
            return {"state": "broken", "says": f"{page} is not there, or not shown to you"}
        except hub_errors.HfHubHTTPError as error:
            status = f"{error.response.status_code} {error.response.reason_phrase}".strip()
            state = "broken" if error.response.status_code in (404, 410) else "unknown"
            return {"state": state, "says": f"{page} answers {status}"}
        except Exception as error:  # the HTTP client behind huggingface_hub, and its errors, differ between versions
            return {"state": "unknown", "says": f"{constants.ENDPOINT} does not answer ({reason_of(error)})"}
        return {
            "state": "downloadable", "file": name, "bytes": file.size,
            "sha256": file.etag if is_sha256(file.etag) else None,
        }  # fmt: skip
    return {"state": "broken", "says": f"{page} holds neither {' nor '.join(address.files)}"}


def _card(repository: str) -> dict:
    """What the repository's card states of its licence and of approval; empty where it cannot be read."""
    try:
        info = huggingface_hub.HfApi().model_info(repository, timeout=hub.TIMEOUT)
    except Exception:  # the file's own answer counts; the card only adds to it
        return {}
    card = info.card_data.to_dict() if info.card_data else {}
    stated = {key: card.get(name) for key, name in
              (("licence", "license"), ("licence_name", "license_name"), ("licence_link", "license_link"))}  # fmt: skip
    texts = {key: value for key, value in stated.items() if isinstance(value, str) and value}
    return texts | {"approval": info.gated if info.gated in KINDS else ""}


def verify_cached(address: Address) -> None:
    """Hash the file in the hub's cache where that was not done since it changed."""
    file = hub.cached_file(address.repository) if address.files == hub.FILES else None
    if file is None or not published_sha256(file):
        return
    verified = read_verified(address)
    if (verified.get("path"), verified.get("stamp")) != (str(file), file_stamp(file)):
        with open(file, "rb") as content:
            keep_verified(address, file, hashlib.file_digest(content, "sha256").hexdigest())


def ask_all(addresses: list[Address], report: Report, cancelled: Callable[[], bool]) -> None:
    """Ask about each and keep the answers. Where the hub is silent, that is found once and not waited for again."""
    report("running", 0, len(addresses))
    silence = hub.silence_of_hub()
    for number, address in enumerate(addresses, 1):
        if cancelled():
            raise Cancelled
        keep_answer(address, {"state": "unknown", "says": silence} if silence else ask(address))
        verify_cached(address)
        report("running", number, len(addresses))


def main() -> int:
    job = job_folder()
    rows = (spool.read_json(job / "ask.json") or {"addresses": []})["addresses"]
    addresses = [Address(row["repository"], tuple(row["files"])) for row in rows]
    busy = "The hub is being asked already."
    return main_of(job, "What the hub said", lambda *told: ask_all(addresses, *told), busy)


if __name__ == "__main__":
    raise SystemExit(main())
