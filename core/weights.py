"""Weights files: opened without running anything in them, fetched for timm tags, and fitted to a network.

Knows files and names of tensors; which network is meant is `core.backbone`'s business.
"""

import argparse
import hashlib
import pickle
import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import safetensors.torch
import timm
import torch
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors
from torch import nn

from core import hub
from core.catalog import Checkpoint
from core.errors import CheckpointError, NotDownloadedError
from core.images.web import reason_of
from core.mismatch import explain
from core.naming import Tensors, adapt, listed

LARGEST_FILE = 20 * 2**30
DEEPEST_NESTING = 2
RESAVE = (
    "SourceScout never runs what a file holds. Only where you trust its source, because the first of these runs it, "
    "save the weights alone to a new file: "
    '`torch.save(torch.load(path, weights_only=False)["state_dict"], new_path)` for a training checkpoint, '
    "`torch.save(model.state_dict(), new_path)` where you have the model."
)
DAMAGED = "Download or copy it again and compare its size or checksum with the original's."


def open_state_dict(path: str | Path) -> tuple[Tensors, list[str]]:
    """The tensors by name in a .safetensors file or a file of `torch.save`, and a sentence for what lies beside them.

    State dicts may lie in up to two outer dictionaries, {"state_dict": ...} or {"model": {"net": ...}}. Where there are
    several, such as a network and its moving average, all their names are given with those of the dictionaries before
    them ("state_dict_ema.conv1.weight"): the checkpoint says which are meant.

    Nothing in the file is executed; of Python's objects only argparse.Namespace, which holds plain values, is read.
    CheckpointError when it is no regular file, larger than 20 GiB, damaged, needs unpickling, or holds no state dict.
    """
    path = Path(path)
    require_readable(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"`{path.name}` holds a {type(content).__name__}, not a state dict.", RESAVE)
    if not content:
        raise CheckpointError(f"`{path.name}` holds no weights.", RESAVE)
    if _are_tensors(content):
        return content, []
    inner, beside = _nested(content)
    if not inner or any(_is_weight(content[key]) for key in beside if key in content):
        raise CheckpointError(f"`{path.name}` holds {listed(beside)} beside or instead of weights.", RESAVE)
    notes = [f"Beside the weights in the file and not used: {listed(beside)}."] if beside else []
    if len(inner) == 1:
        ((place, tensors),) = inner.items()
        return tensors, [f"The weights are those under `{place.rstrip('.')}`.", *notes]
    return {f"{place}{name}": value for place, tensors in inner.items() for name, value in tensors.items()}, notes


def _nested(content: dict, place: str = "", depth: int = 1) -> tuple[dict[str, Tensors], list[str]]:
    """The state dicts in a dictionary by their place in it ("model.net."), and the places of everything else."""
    inner, beside = {}, []
    for key, value in content.items():
        here = f"{place}{key}"
        # Numbers and vectors alone are class weights or the like.
        if isinstance(key, str) and _are_tensors(value) and any(map(_is_weight, value.values())):
            inner[f"{here}."] = value
            continue
        deeper = isinstance(value, dict) and depth < DEEPEST_NESTING
        found, others = _nested(value, f"{here}.", depth + 1) if deeper else ({}, [])
        inner |= found
        beside += others if found else [here]
    return inner, beside


def _are_tensors(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())


def _is_weight(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim > 1


def require_readable(path: Path) -> None:
    """CheckpointError unless `path` is a file with something in it, no larger than LARGEST_FILE."""
    try:
        facts = path.stat()
    except OSError as error:
        raise CheckpointError(
            f"`{path}` cannot be read: {error.strerror or error}.", "Check the path and your permissions."
        ) from None
    if not stat.S_ISREG(facts.st_mode):
        raise CheckpointError(f"`{path}` is not a file.", "Give the path of the weights file itself.")
    if facts.st_size > LARGEST_FILE:
        raise CheckpointError(
            f"`{path.name}` has {facts.st_size / 2**30:.0f} GiB; files up to {LARGEST_FILE / 2**30:.0f} GiB are read.",
            "Save the backbone's weights alone, without optimiser state.",
        )
    if facts.st_size == 0:
        raise CheckpointError(f"`{path.name}` is empty.", DAMAGED)


def _read_safetensors(path: Path) -> dict:
    try:
        return safetensors.torch.load_file(path, device="cpu")
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(f"`{path.name}` is not a whole safetensors file: {error}.", DAMAGED) from None


def _read_torch(path: Path) -> object:
    try:
        is_archive = _require_torch_format(path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # plain values; MAE, DINO and timm save theirs
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"`{path.name}` contains code (pickled objects{_of_kinds(path)}), which is not run: only weights are read.",
            RESAVE,
        ) from None
    except CheckpointError:
        raise
    except Exception as error:  # the unpickler answers damaged bytes with nearly any exception
        if "TorchScript" in str(error):
            raise CheckpointError(f"`{path.name}` is a TorchScript program, not weights.", RESAVE) from None
        raise CheckpointError(f"`{path.name}` is damaged or cut short.", DAMAGED) from None


def _of_kinds(path: Path) -> str:
    try:
        kinds = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # the old format, or damaged
        return ""
    return f" of the kinds {listed([kind for kind in kinds if kind != 'argparse.Namespace'])}"


def _require_torch_format(path: Path) -> bool:
    """True for the archive format of `torch.save`, False for the old one; CheckpointError for anything else."""
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > LARGEST_FILE:
            raise CheckpointError(f"`{path.name}` would unpack to {unpacked / 2**30:.0f} GiB.", DAMAGED)
        return True
    if start.startswith(b"\x80"):
        return False
    if start.lstrip().startswith(b"<"):
        raise CheckpointError(
            f"`{path.name}` is a web page, not weights.",
            "Download the file itself, logged in where the site asks for it.",
        )
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"`{path.name}` is a Git LFS pointer, not weights.", "Fetch it with `git lfs pull`.")
    raise CheckpointError(f"`{path.name}` is not a file of weights (.safetensors, or .pth from `torch.save`).", DAMAGED)


def tag_file(checkpoint: Checkpoint) -> Path:
    """The weights file of a timm pretrained tag: from huggingface_hub's cache, else downloaded into it.

    HF_HUB_OFFLINE, HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN mean what they mean there. A file in the cache is used as
    it is, without asking the hub. CheckpointError when there is no such tag, no network or no access (these within
    seconds), or when what was sent is not what the hub has.
    """
    repository = _tag_repository(checkpoint)
    if cached := hub.cached_file(repository):
        return cached
    for name in hub.FILES:
        try:
            url = huggingface_hub.hf_hub_url(repository, name)
            sha256 = huggingface_hub.get_hf_file_metadata(url, timeout=hub.TIMEOUT).etag
        except hub_errors.EntryNotFoundError:
            continue
        except Exception as error:  # the HTTP client behind huggingface_hub, and its errors, differ between versions
            raise _refusal(checkpoint, repository, error) from None
        return _download(checkpoint, repository, name, sha256)
    raise CheckpointError(
        f"{checkpoint.name}: the repository {repository} holds neither {' nor '.join(hub.FILES)}.",
        "Download the weights by hand and register them as a file.",
    )


def _tag_repository(checkpoint: Checkpoint) -> str:
    try:
        facts = timm.get_pretrained_cfg(checkpoint.architecture)
    except RuntimeError:
        facts = None
    if facts is None or not facts.hf_hub_id:
        family = checkpoint.architecture.split(".")[0]
        tags = timm.list_pretrained(f"{family}.*")
        raise CheckpointError(
            f"{checkpoint.name}: timm knows no pretrained weights called {checkpoint.architecture}.",
            f"Use one of {', '.join(tags[:8])}." if tags else "Give the weights as a file.",
        )
    return facts.hf_hub_id


def _download(checkpoint: Checkpoint, repository: str, name: str, sha256: str | None) -> Path:
    """The file in the cache, whole. huggingface_hub goes on where a connection ended, but leaves no part behind."""
    try:
        file = Path(huggingface_hub.hf_hub_download(repository, name, etag_timeout=hub.TIMEOUT))
    except Exception as error:
        if isinstance(error, hub_errors.HfHubHTTPError) or isinstance(error, OSError) and error.errno is not None:
            raise _refusal(checkpoint, repository, error) from None
        reason = reason_of(error.__cause__ or error).splitlines()[0].rstrip(".")
        raise hub.not_downloaded(checkpoint, repository, f"its download ended before its time ({reason})") from None
    require_published(checkpoint, file, sha256)
    return file


def require_published(checkpoint: Checkpoint, file: Path, sha256: str | None) -> None:
    """CheckpointError unless `file` of the cache has the SHA-256 that the hub states for it; it is deleted then.

    The hub states it for large files, as their ETag; another ETag says nothing about the content.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256 or ""):
        return
    with open(file, "rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        file.resolve().unlink(missing_ok=True)
        file.unlink(missing_ok=True)
        raise CheckpointError(
            f"{checkpoint.name}: the downloaded file is not what the hub has: its SHA-256 is {found[:12]}..., not "
            f"{sha256[:12]}.... It was deleted.",
            "Try again; if it happens again, something between here and the hub (a proxy, a mirror) changes files.",
        )


def _refusal(checkpoint: Checkpoint, repository: str, error: Exception) -> CheckpointError:
    """What it means that the hub, or the way to it, or the disk did not do what was asked."""
    page = f"{constants.ENDPOINT}/{repository}"
    if isinstance(error, hub_errors.GatedRepoError):
        known = error.response.status_code == 403
        whose = "the account of the token that was sent is not among them" if known else "no valid token was sent"
        return NotDownloadedError(
            f"{checkpoint.name}: {repository} is gated: the hub gives it only to accounts that accepted its owner's "
            f"terms, and {whose}.",
            f"Accept the terms at {page} with your account (some owners answer after days), and start SourceScout "
            f"with HF_TOKEN set to an access token of that account; or {hub.ELSEWHERE}.",
        )
    if isinstance(error, hub_errors.RepositoryNotFoundError):
        return CheckpointError(
            f"{checkpoint.name}: the hub has no {repository}, or does not show it to you.",
            "Check the tag; for a private repository set HF_TOKEN.",
        )
    if isinstance(error, hub_errors.HfHubHTTPError):
        status = f"{error.response.status_code} {error.response.reason_phrase}".strip()
        return hub.not_downloaded(checkpoint, repository, f"{constants.ENDPOINT} answers {status} when asked for it")
    if isinstance(error, hub_errors.OfflineModeIsEnabled):
        return hub.not_downloaded(checkpoint, repository, "HF_HUB_OFFLINE forbids downloading it")
    if isinstance(error, OSError) and error.errno is not None:
        return CheckpointError(
            f"{checkpoint.name}: the weights of {repository} cannot be stored: {error.strerror}.",
            f"Check the space and permissions in {constants.HF_HUB_CACHE}.",
        )
    return hub.not_downloaded(checkpoint, repository, f"{constants.ENDPOINT} does not answer ({reason_of(error)})")


@dataclass(frozen=True, eq=False)
class StateFile:
    """A weights file: its tensors under the network's names, as they are `in_file`, and notes on what was done."""

    tensors: dict[str, torch.Tensor]
    in_file: dict[str, torch.Tensor]
    notes: tuple[str, ...]


def state_file(checkpoint: Checkpoint) -> StateFile:
    """The weights file of `checkpoint`, its names changed as the checkpoint says."""
    in_file, opened = open_state_dict(checkpoint.weights)
    tensors, changed = adapt(in_file, checkpoint)
    return StateFile(tensors, in_file, (*opened, *changed))


def fit_weights(module: nn.Module, state: StateFile, head: str | None, name: str) -> None:
    """Load `state` into `module`: every name and shape must match. float16 and bfloat16 become float32.

    `head` is the name of the classifier's layer in files of this architecture. CheckpointError lists what is missing,
    what is left over and what has another shape, with a hint where the cause is plain.
    """
    expected, tensors = module.state_dict(), state.tensors
    misshapen = [key for key in tensors if key in expected and not _fits(key, tensors[key], expected[key])]
    loadable = {key: value for key, value in tensors.items() if key not in misshapen}
    try:
        result = module.load_state_dict(loadable, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{name}: the weights cannot be copied into the network: {error}", RESAVE) from None
    missing = [key for key in result.missing_keys if key not in misshapen]
    unexpected = result.unexpected_keys
    if not (missing or unexpected or misshapen):
        return
    shapes = [f"{key} ({_shape(tensors[key])} in the file, {_shape(expected[key])} in the network)"
              for key in misshapen]  # fmt: skip
    parts = [("missing in the file", missing), ("not in the network", unexpected), ("another shape or kind", shapes)]
    listing = "; ".join(f"{label} ({len(names)}): {listed(names)}" for label, names in parts if names)
    hint = explain(module, state.in_file, tensors, head, missing, unexpected, misshapen)
    message = f"{name}: the weights do not match the architecture. {listing[0].upper()}{listing[1:]}."
    raise CheckpointError(message, hint)


def _fits(name: str, value: torch.Tensor, expected: torch.Tensor) -> bool:
    """Averaged networks have fractions in the counters of batch normalisation, which nothing is computed from."""
    same_kind = value.is_floating_point() == expected.is_floating_point() or name.endswith("num_batches_tracked")
    return value.shape == expected.shape and same_kind


def _shape(tensor: torch.Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" {str(tensor.dtype).removeprefix('torch.')}"
    return (" x ".join(map(str, tensor.shape)) or "one number") + kind
