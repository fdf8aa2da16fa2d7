"""Checkpoints into a folder that can be carried to a machine without a network: weights, checksums, CHECKPOINTS.toml.

Imports torch. A timm tag's weights are saved as timm converts them, so that they load strictly as a file. Called again,
finished files are kept; a download that broke off goes on in the hub's cache.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import timm

from core.architectures import make_module
from core.catalog import Checkpoint, checkpoint_record, dump_checkpoints, version_of
from core.errors import CheckpointError, SourceScoutError
from core.weights import tag_file

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
        for number, checkpoint in enumerate(checkpoints, 1):
            try:
                carried.append(
                    _carry(checkpoint, folder, sums, lambda text, n=number: tell(f"{n}/{len(checkpoints)} {text}"))
                )
            except SourceScoutError as error:
                errors.append(error)
        if carried:
            _write(folder / LIST, dump_checkpoints(carried))
    except OSError as error:
        raise SourceScoutError(
            f"`{error.filename or folder}` cannot be written: {error.strerror}.", "Check space and rights there."
        ) from None
    return errors


def _carry(checkpoint: Checkpoint, folder: Path, sums: dict[str, str], tell: Callable[[str], None]) -> Checkpoint:
    """The checkpoint as it stands in the folder's list, its weights lying there."""
    if checkpoint.kind == "random":
        tell(f"{checkpoint.name}: random, nothing to fetch")
        return checkpoint
    name = _file_name(checkpoint)
    if name in sums and (folder / name).is_file() and _sha256(folder / name) == sums[name]:
        tell(f"{checkpoint.name}: there already")
    else:
        tell(f"{checkpoint.name}: fetching")
        part = folder / f"{name}.part"
        if checkpoint.kind == "timm":
            _require_sound(checkpoint, tag_file(checkpoint))
            module, _, _ = make_module(checkpoint)
            state = {key: value.contiguous().clone() for key, value in module.state_dict().items()}
            safetensors.torch.save_file(state, part)
        else:
            shutil.copyfile(checkpoint.weights, part)
        digest = _sha256(part)
        os.replace(part, folder / name)
        sums[name] = digest
        _write(folder / SUMS, "".join(f"{value}  {key}\n" for key, value in sorted(sums.items())))
        tell(f"{checkpoint.name}: {name}, {(folder / name).stat().st_size / 2**20:.1f} MiB, SHA-256 {digest[:12]}")
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


def _require_sound(checkpoint: Checkpoint, file: Path) -> None:
    """The hub's cache names a large file by its SHA-256: what is in it must be that."""
    expected = file.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", expected) and _sha256(file) != expected:
        raise CheckpointError(
            f"{checkpoint.name}: the downloaded file is not what the hub has: its SHA-256 differs.",
            f"Delete `{file.resolve()}` and fetch again.",
        )


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
