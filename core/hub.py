"""The hub of timm's weights: what of it is on this machine, whether it answers, and what is said where it does not.

Asked before anything is fetched, and without torch. HF_HUB_OFFLINE, HF_ENDPOINT, HF_HUB_CACHE and the proxies mean what
they mean to huggingface_hub, whose HTTP client asks.
"""

from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

from core.catalog import Checkpoint
from core.catalog_tags import load
from core.errors import NotDownloadedError
from core.images.web import CONNECT_SECONDS, silence

TIMEOUT = 5.0  # seconds; the hub's own loader would try again for 46 s where there is no network
FILES = ("model.safetensors", "pytorch_model.bin")
ELSEWHERE = (
    "on a machine that reaches it run `python -m core fetch CHECKPOINTS.toml --to DIR`, bring DIR here and import its "
    "CHECKPOINTS.toml on the sources page"
)


def cached_file(repository: str) -> Path | None:
    """The weights file of `repository` in the hub's cache on this machine."""
    for name in FILES:
        cached = huggingface_hub.try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached)
    return None


def is_cached(tag: str) -> bool:
    """Whether the weights of the timm tag `tag` are on this machine."""
    repository = repository_of(tag)
    return bool(repository) and cached_file(repository) is not None


def repository_of(tag: str) -> str:
    """Where the weights of `tag` are on the hub; empty for tags that the table lacks or knows no place of."""
    return load().loc[tag, "hub_id"] if tag in load().index else ""


def obstacles(checkpoints: list[Checkpoint]) -> list[NotDownloadedError | None]:
    """For each checkpoint why its weights cannot be fetched now, None where nothing is known to be in the way.

    The hub is asked once, for at most CONNECT_SECONDS, and only where the weights of a tag are not in the cache.
    """
    repositories = [_to_fetch(checkpoint) for checkpoint in checkpoints]
    why = silence_of_hub() if any(repositories) else ""
    return [
        not_downloaded(checkpoint, repository, why) if repository and why else None
        for checkpoint, repository in zip(checkpoints, repositories, strict=True)
    ]


def _to_fetch(checkpoint: Checkpoint) -> str:
    """The repository of a tag that is not in the cache; empty for the others."""
    repository = repository_of(checkpoint.architecture) if checkpoint.kind == "timm" else ""
    return "" if not repository or cached_file(repository) else repository


def silence_of_hub() -> str:
    """Why the hub cannot be asked, found within CONNECT_SECONDS; empty when it answers."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE forbids downloading it"
    session = huggingface_hub.get_session()
    reason = silence(lambda: session.head(constants.ENDPOINT, timeout=CONNECT_SECONDS))
    return f"{constants.ENDPOINT} does not answer ({reason})" if reason else ""


def not_downloaded(checkpoint: Checkpoint, repository: str, why: str) -> NotDownloadedError:
    """The weights are not here and cannot be fetched now; `why` ends the sentence."""
    first = (
        "Unset HF_HUB_OFFLINE where there is a network" if constants.HF_HUB_OFFLINE
        else "Check the network (a proxy is taken from HTTPS_PROXY, a mirror of the hub from HF_ENDPOINT) and try again"
    )  # fmt: skip
    return NotDownloadedError(
        f"{checkpoint.name}: {repository} is not in the cache, and {why}.", f"{first}; or {ELSEWHERE}."
    )
