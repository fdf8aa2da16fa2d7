"""The names of tensors in a weights file, brought to those of a network as the checkpoint says.

Nothing is renamed or left out unless the checkpoint asks for it.
"""

from collections import Counter

import torch

from core.catalog import Checkpoint
from core.errors import CheckpointError

Tensors = dict[str, torch.Tensor]
MOST_NAMED = 5


def adapt(found: Tensors, checkpoint: Checkpoint) -> tuple[Tensors, list[str]]:
    """The tensors under the names that the network uses, and sentences on what was left out or renamed.

    CheckpointError when an instruction of the checkpoint fits nothing in the file, or makes two names one.
    """
    kept = [name for name in found if not any(begins(name, entry) for entry in checkpoint.ignore)]
    left_out = found.keys() - set(kept)
    stripped = [name for name in kept if checkpoint.strip_prefix and name.startswith(checkpoint.strip_prefix)]
    changes = {name: renamed(name.removeprefix(checkpoint.strip_prefix), checkpoint.rename) for name in kept}
    _require_effect(found, checkpoint, stripped, {old for _, old in changes.values()})
    twice = [name for name, count in Counter(new for new, _ in changes.values()).items() if count > 1]
    if twice:
        raise CheckpointError(
            f"{checkpoint.name}: strip_prefix and rename give several tensors one name: {listed(twice)}.",
            "Add those that are not the backbone's to `ignore`.",
        )
    notes = []
    if left_out:
        counts = [f"`{entry}` ({sum(begins(name, entry) for name in left_out)})" for entry in checkpoint.ignore]
        notes.append(f"Left out of the file, as `ignore` says: {', '.join(counts)}.")
    if stripped:
        notes.append(f"`{checkpoint.strip_prefix}` was taken off {len(stripped)} of {len(found)} names.")
    if checkpoint.rename:
        notes.append("Renamed: " + ", ".join(f"`{old}` to `{new}`" for old, new in checkpoint.rename.items()) + ".")
    return {changes[name][0]: found[name] for name in kept}, notes


def listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def begins(name: str, entry: str) -> bool:
    """Whether `ignore` with this entry takes the name."""
    return name == entry or entry.endswith(".") and name.startswith(entry)


def renamed(name: str, rename: dict[str, str]) -> tuple[str, str | None]:
    """The new name, and which beginning was replaced: the longest that fits, once."""
    for old in sorted(rename, key=len, reverse=True):
        if name.startswith(old):
            return rename[old] + name.removeprefix(old), old
    return name, None


def _require_effect(found: Tensors, checkpoint: Checkpoint, stripped: list[str], replaced: set) -> None:
    idle = [f'ignore "{entry}"' for entry in checkpoint.ignore if not any(begins(name, entry) for name in found)]
    idle += [f'strip_prefix "{checkpoint.strip_prefix}"'] if checkpoint.strip_prefix and not stripped else []
    idle += [f'rename "{old}"' for old in checkpoint.rename if old not in replaced]
    if idle:
        raise CheckpointError(
            f"{checkpoint.name}: nothing in the file fits {', '.join(idle)}.",
            f"Take it out. Names in the file are, for example, {listed(list(found))}.",
        )


def as_toml(entries: dict) -> str:
    """Entries as they stand in CHECKPOINTS.toml."""

    def text(value: object) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f'"{old}" = "{new}"' for old, new in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(f'"{entry}"' for entry in value) + "]"
        return f'"{value}"' if isinstance(value, str) else str(value)

    return ", ".join(f"{key} = {text(value)}" for key, value in entries.items())
