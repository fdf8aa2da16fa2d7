"""Checkpoints into a folder that can be carried to a machine without a network: weights, checksums, CHECKPOINTS.toml.

Imports torch. A timm tag's weights are saved as timm converts them, so that they load strictly as a file. Called again,
finished files are kept; what was not finished is fetched from its beginning, and no part of it is taken for a file.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import timm

from core import hub
from core.architectures import make_module
from core.catalog import Checkpoint, checkpoint_record, dump_checkpoints, version_of
from core.errors import SourceScoutError
from core.weights import require_published, require_readable, tag_file

SUMS = "SHA256SUMS"
LIST = "CHECKPOINTS.toml"


def fetch(checkpoints: list[Checkpoint], folder: Path, tell: Callable[[str], None]) -> list[SourceScoutError]:
    """Put all `checkpoints` into `folder`; returns the errors of those that could not be had (the others are there).

    `tell` gets a sentence on each. SourceScoutError when the folder cannot be written.
    """
    errors, carried = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sums = _read_sums(folder)
        waiting = [checkpoint for checkpoint in checkpoints if not _is_there(checkpoint, folder, sums)]
        obstacles = dict(zip((checkpoint.name for checkpoint in waiting), hub.obstacles(waiting), strict=True))
        for number, checkpoint in enumerate(checkpoints, 1):
            say = f"{number}/{len(checkpoints)} {checkpoint.name}: {{}}".format
            try:
                if checkpoint.name not in obstacles:
                    tell(say("random, nothing to fetch" if checkpoint.kind == "random" else "there already"))
                elif obstacle := obstacles[checkpoint.name]:
                    raise obstacle
                else:
                    tell(say("fetching"))
                    tell(say(_bring(checkpoint, folder, sums)))
                carried.append(_carried(checkpoint))
            except SourceScoutError as error:
                errors.append(error)
        if carried:
            _write(folder / LIST, dump_checkpoints(carried))
    except OSError as error:
        raise SourceScoutError(
            f"`{error.filename or folder}` cannot be written: {error.strerror}.", "Check space and rights there."
        ) from None
    return errors


def _is_there(checkpoint: Checkpoint, folder: Path, sums: dict[str, str]) -> bool:
    """Whether nothing is left to fetch: a file counts only with its checksum, which is written after it."""
    name = _file_name(checkpoint)
    return checkpoint.kind == "random" or (
        name in sums and (folder / name).is_file() and _sha256(folder / name) == sums[name]
    )


def _bring(checkpoint: Checkpoint, folder: Path, sums: dict[str, str]) -> str:
    """Put the weights into the folder, then their checksum into its list; returns what was put there."""
    name = _file_name(checkpoint)
    part = folder / f"{name}.part"
    if checkpoint.kind == "timm":
        file = tag_file(checkpoint)
        require_published(checkpoint, file, file.resolve().name)  # the hub's cache names large files by their SHA-256
        module, _, _ = make_module(checkpoint)
        state = {key: value.contiguous().clone() for key, value in module.state_dict().items()}
        safetensors.torch.save_file(state, part)
    else:
        require_readable(Path(checkpoint.weights))
        shutil.copyfile(checkpoint.weights, part)
    digest = _sha256(part)
    os.replace(part, folder / name)
    sums[name] = digest
    _write(folder / SUMS, "".join(f"{value}  {key}\n" for key, value in sorted(sums.items())))
    return f"{name}, {(folder / name).stat().st_size / 2**20:.1f} MiB, SHA-256 {digest[:12]}"


def _carried(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint as it stands in the folder's list."""
    if checkpoint.kind == "random":
        return checkpoint
    name = _file_name(checkpoint)
    if checkpoint.kind == "file":
        return dataclasses.replace(checkpoint, weights=name)
    facts = timm.get_pretrained_cfg(checkpoint.architecture)
    outputs = facts.num_classes if checkpoint.num_classes is None else checkpoint.num_classes
    return dataclasses.replace(
        checkpoint, weights=name, num_classes=outputs, preprocessing_source=_documented(checkpoint, facts)
    )


def _documented(checkpoint: Checkpoint, facts) -> str:
    ours = checkpoint.preprocessing
    same = (ours.input_size, ours.mean, ours.std) == (tuple(facts.input_size[-2:]), tuple(facts.mean), tuple(facts.std))
    record = f"timm {version_of('timm')} for {checkpoint.architecture}"
    return record if same else f"Given by hand; {record} records other values"


def _file_name(checkpoint: Checkpoint) -> str:
    """Another name for everything that makes other weights."""
    facts = {key: value for key, value in checkpoint_record(checkpoint).items()
             if key in ("architecture", "library", "weights", "kwargs", "num_classes")}  # fmt: skip
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    if checkpoint.kind == "timm":
        return f"{checkpoint.architecture}-{digest}.safetensors"
    path = Path(checkpoint.weights)
    return f"{path.stem}-{digest}{path.suffix}"


def _read_sums(folder: Path) -> dict[str, str]:
    if not (folder / SUMS).is_file():
        return {}
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
