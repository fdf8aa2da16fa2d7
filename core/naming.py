"""The names of tensors in a weights file: brought to those of a network as the checkpoint says, and where they do not
fit, what to say in it so that they do. Nothing is renamed or left out unless the checkpoint asks for it.
"""

from collections import Counter

import torch

from core.catalog import Checkpoint
from core.errors import CheckpointError

Tensors = dict[str, torch.Tensor]
DEEPEST_PREFIX = 4
MOST_NAMED = 5


def adapt(found: Tensors, checkpoint: Checkpoint) -> tuple[Tensors, list[str]]:
    """The tensors under the names that the network uses, and sentences on what was left out or renamed.

    CheckpointError when an instruction of the checkpoint fits nothing in the file, or makes two names one.
    """
    left_out = [name for name in found if any(_begins(name, entry) for entry in checkpoint.ignore)]
    kept = {name: value for name, value in found.items() if name not in set(left_out)}
    stripped = [name for name in kept if checkpoint.strip_prefix and name.startswith(checkpoint.strip_prefix)]
    new_names = {name: _renamed(name.removeprefix(checkpoint.strip_prefix), checkpoint.rename) for name in kept}
    _require_effect(found, stripped, checkpoint)
    twice = [name for name, count in Counter(new_names.values()).items() if count > 1]
    if twice:
        raise CheckpointError(
            f"{checkpoint.name}: strip_prefix and rename give several tensors one name: {listed(twice)}.",
            "Add those that are not the backbone's to `ignore`.",
        )
    notes = []
    if left_out:
        counts = [f"`{entry}` ({sum(_begins(name, entry) for name in left_out)})" for entry in checkpoint.ignore]
        notes.append(f"Left out of the file, as `ignore` says: {', '.join(counts)}.")
    if stripped:
        notes.append(f"`{checkpoint.strip_prefix}` was taken off {len(stripped)} of {len(found)} names.")
    if checkpoint.rename:
        notes.append("Renamed: " + ", ".join(f"`{old}` to `{new}`" for old, new in checkpoint.rename.items()) + ".")
    return {new_names[name]: value for name, value in kept.items()}, notes


def listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def _begins(name: str, entry: str) -> bool:
    return name == entry or entry.endswith(".") and name.startswith(entry)


def _renamed(name: str, rename: dict[str, str]) -> str:
    """The longest beginning decides, and only one is replaced."""
    for old in sorted(rename, key=len, reverse=True):
        if name.startswith(old):
            return rename[old] + name.removeprefix(old)
    return name


def _require_effect(found: Tensors, stripped: list[str], checkpoint: Checkpoint) -> None:
    idle = [f'ignore "{entry}"' for entry in checkpoint.ignore if not any(_begins(name, entry) for name in found)]
    idle += [f'strip_prefix "{checkpoint.strip_prefix}"'] if checkpoint.strip_prefix and not stripped else []
    plain = [name.removeprefix(checkpoint.strip_prefix) for name in found]
    idle += [f'rename "{old}"' for old in checkpoint.rename if not any(name.startswith(old) for name in plain)]
    if idle:
        raise CheckpointError(
            f"{checkpoint.name}: nothing in the file fits {', '.join(idle)}.",
            f"Take it out. Names in the file are, for example, {listed(list(found))}.",
        )


def propose(found: Tensors, expected: Tensors, children: list[str], head: str | None) -> dict:
    """Entries of a checkpoint (strip_prefix, ignore, rename, num_classes) with which all of the network but its head
    is in the file; {} when there are none. `children`: the network's parts in order, for files that number them."""
    body = {name for name in expected if not _in_head(name, head) and not name.endswith("num_batches_tracked")}
    for prefix in _prefixes(found):
        for rename in ({}, _by_number(found, prefix, children)):
            names = {_renamed(old.removeprefix(prefix), rename): old for old in found if old.startswith(prefix)}
            if not body or any(name not in names or not _alike(found[names[name]], expected[name]) for name in body):
                continue
            used = {old for name, old in names.items() if name in expected or _in_head(name, head)}
            entries = {"strip_prefix": prefix, "ignore": _beginnings(found, used), "rename": rename}
            if head and f"{head}.weight" in expected and f"{head}.weight" not in names:
                entries["num_classes"] = 0
            return {key: value for key, value in entries.items() if value or key == "num_classes"}
    return {}


def _prefixes(found: Tensors) -> list[str]:
    """All beginnings of names up to a dot, the shortest first."""
    parts = [name.split(".")[:-1][:DEEPEST_PREFIX] for name in found]
    beginnings = {"".join(f"{word}." for word in words[:k]) for words in parts for k in range(len(words) + 1)}
    return sorted(beginnings, key=lambda prefix: (prefix.count("."), prefix))


def _by_number(found: Tensors, prefix: str, children: list[str]) -> dict[str, str]:
    """Names for the numbers that an `nn.Sequential` of a network's parts gives them."""
    firsts = {old.removeprefix(prefix).split(".")[0] for old in found if old.startswith(prefix)}
    if not firsts or not all(first.isdigit() and int(first) < len(children) for first in firsts):
        return {}
    return {f"{first}.": f"{children[int(first)]}." for first in sorted(firsts, key=int)}


def _beginnings(found: Tensors, used: set[str]) -> list[str]:
    """The names that are not used, as few beginnings as possible that take nothing that is used."""
    entries = []
    for name in found:
        if name in used or any(_begins(name, entry) for entry in entries):
            continue
        words = name.split(".")
        shorter = [".".join(words[:k]) + "." for k in range(1, len(words))]
        entries.append(next((s for s in shorter if not any(other.startswith(s) for other in used)), name))
    return entries


def _in_head(name: str, head: str | None) -> bool:
    return head is not None and name.startswith(f"{head}.")


def _alike(value: torch.Tensor, expected: torch.Tensor) -> bool:
    return value.shape == expected.shape


def as_toml(entries: dict) -> str:
    """Entries as they stand in CHECKPOINTS.toml."""

    def text(value: object) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f'"{old}" = "{new}"' for old, new in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(f'"{entry}"' for entry in value) + "]"
        return f'"{value}"' if isinstance(value, str) else str(value)

    return ", ".join(f"{key} = {text(value)}" for key, value in entries.items())
