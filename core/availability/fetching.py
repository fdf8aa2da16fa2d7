"""Downloads the weights of a hub repository into huggingface_hub's cache, in a process of its own:

python -m core.availability.fetching REPOSITORY

huggingface_hub (2.4) goes on after a broken connection only within one call and deletes its part at the end, so that
what was cancelled begins anew. Here the part stays in the cache's folder of contents, under the name of the content and
`.incomplete`; the whole file, its SHA-256 compared, is moved to that name, where huggingface_hub finds the content and
only makes it known under its file name.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from core import download, download_jobs, hub
from core.availability.asking import ask
from core.availability.records import Address, folder, keep_answer, keep_verified, read_answer
from core.download import Report, Wanted, main_of
from core.download_jobs import Standing
from core.errors import DownloadError
from core.images.web import reason_of
from core.scoring import runner


def job_folder(address: Address) -> Path:
    return folder() / "downloads" / address.key


def start(address: Address) -> None:
    """Start the download, or go on with it, unless it is going on. DownloadError or RunError when it cannot."""
    download_jobs.start(job_folder(address), "core.availability.fetching", address.repository)


def standing(address: Address) -> Standing:
    """How the download stands here, from its files and its lock."""
    sha256 = read_answer(address).get("answer", {}).get("sha256")
    part = _part(_contents(address) / sha256) if sha256 else None
    return download_jobs.standing(job_folder(address), part, lambda: hub.cached_file(address.repository) is not None)


def cancel(address: Address) -> None:
    """Ask the download to stop; what was fetched is kept."""
    runner.cancel(job_folder(address))


def enforce_cancel(address: Address) -> None:
    """End a download that was asked to stop and did not."""
    runner.enforce_cancel(job_folder(address))


def _contents(address: Address) -> Path:
    """The cache's folder of contents, each named by its checksum."""
    repository = repo_folder_name(repo_id=address.repository, repo_type="model")
    return Path(constants.HF_HUB_CACHE) / repository / "blobs"


def _part(place: Path) -> Path:
    return place.with_name(f"{place.name}.incomplete")


def fetch(address: Address, report: Report, cancelled: Callable[[], bool]) -> Path:
    """The weights file in the cache, whole and compared with the hub's SHA-256. DownloadError, or Cancelled."""
    report("running", 0, None)
    silence = hub.silence_of_hub()
    answer = {"state": "unknown", "says": silence} if silence else ask(address)
    keep_answer(address, answer)
    _require_downloadable(address, answer)
    file = _wanted(address, answer)
    file.place.parent.mkdir(parents=True, exist_ok=True)
    sha256 = download.fetch(file, report, cancelled)
    try:
        place = Path(huggingface_hub.hf_hub_download(address.repository, answer["file"], etag_timeout=hub.TIMEOUT))
    except Exception as error:  # as in core.weights: its errors differ between versions
        raise DownloadError(
            f"The weights are here, but the hub did not answer when they were put in their place ({reason_of(error)}).",
            "Press Download again: nothing is fetched twice.",
        ) from None
    keep_verified(address, place, sha256)
    return place


def _require_downloadable(address: Address, answer: dict) -> None:
    page = f"{constants.ENDPOINT}/{address.repository}"
    if answer["state"] == "gated":
        raise DownloadError(
            f"{page} gives its files only to accounts that accepted its owner's terms.",
            "Accept them there and start SourceScout with HF_TOKEN set to an access token of that account.",
        )
    if answer["state"] != "downloadable":
        raise DownloadError(f"{answer['says']}.", f"Try again later, or {hub.ELSEWHERE}.")
    if not answer["sha256"] or not answer["bytes"]:
        raise DownloadError(
            f"{page} states no SHA-256 or no size for {answer['file']}, so that a download could not be checked.",
            "Press Check, which has the file fetched by huggingface_hub as it is, or bring it here by hand.",
        )


def _wanted(address: Address, answer: dict) -> Wanted:
    place = _contents(address) / answer["sha256"]
    token = huggingface_hub.utils.build_hf_headers().get("authorization")
    return Wanted(
        f"{address.repository}/{answer['file']}", huggingface_hub.hf_hub_url(address.repository, answer["file"]),
        place, _part(place), job_folder(address),
        algorithm="sha256", digest=answer["sha256"], limit=answer["bytes"],
        elsewhere=hub.ELSEWHERE, roomier="set HF_HUB_CACHE to a folder on a larger disk",
        headers={"Authorization": token} if token else {},
    )  # fmt: skip


def main() -> int:
    if len(sys.argv) != 2:
        print("Usage: python -m core.availability.fetching REPOSITORY", file=sys.stderr)
        return 2
    address = Address(sys.argv[1])
    busy = "These weights are being downloaded already."
    return main_of(job_folder(address), address.repository, lambda *told: fetch(address, *told), busy)


if __name__ == "__main__":
    raise SystemExit(main())
