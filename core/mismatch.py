"""Why a weights file does not fit a network, and what to say in the checkpoint so that it does.

Looks at names and shapes. Nothing is changed here: `core.naming` does what the checkpoint says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from core.naming import Tensors, as_toml, begins, listed, renamed

DEEPEST_PREFIX = 5
# Of two networks in one file, which one the method's own code goes on with: MoCo's main_lincls.py takes encoder_q,
# DINO's eval_linear.py takes teacher.
USUAL = {"encoder_q": "MoCo", "teacher": "DINO"}
# Names that only some kinds of network have; the first that is in the file and not in the network is told.
KINDS = {
    ".denselayer1.norm.1.": "a DenseNet in its old spelling (`norm.1`, `conv.1`), which torchvision spells `norm1` and "
    "`conv1`: save the file again with the names changed so",
    "encoder.layers.encoder_layer_0.": 'torchvision\'s ViT, such as vit_b_16 with library = "torchvision"',
    ".attention.attention.query.": "a ViT of Hugging Face's transformers, which neither timm nor torchvision uses: "
    "look for the weights in timm's or DINOv2's form",
    "transformer.resblocks.": "a CLIP image encoder; timm has CLIP weights as tags",
    "blocks.0.attn.qkv.": 'a ViT with library = "timm"',
    "denseblock1.denselayer1.": "a DenseNet",
    "Mixed_5b.": "an Inception-v3",
    "layer1.0.conv1.": "a ResNet",
    "blocks.0.0.conv_dw.": 'an EfficientNet or MobileNet with library = "timm"',
    "features.0.0.": 'an EfficientNet, MobileNet or ConvNeXt with library = "torchvision"',
}


@dataclass(frozen=True, eq=False)
class Fit:
    """A way to find the network's names in the file. `names`: new to old; `stem`: the convolution that has another
    number of input channels, if one has; `more`: what the file holds beyond the network in the network's own parts."""

    prefix: str
    rename: dict[str, str]
    names: dict[str, str]
    stem: str
    more: list[str]


def explain(
    module: nn.Module, found: Tensors, tensors: Tensors, head: str | None,
    missing: list[str], unexpected: list[str], misshapen: list[str],
) -> str:  # fmt: skip
    """What to do where `tensors`, the file's tensors `found` under the names that the checkpoint gives them, do not
    fit `module`. `head`: the name of its classifier's layer."""
    expected = module.state_dict()

    def only_head(*lists: list[str]) -> bool:
        return head is not None and all(key.startswith(f"{head}.") for keys in lists for key in keys)

    if len(misshapen) == 1 and not missing and not unexpected and _is_stem(tensors, expected, misshapen[0]):
        return _other_stem(tensors[misshapen[0]], expected[misshapen[0]])
    if kinds := {_kind(tensors[key]) for key in misshapen if tensors[key].shape == expected[key].shape}:
        return f"The file holds numbers of the kind {listed(sorted(kinds))}: save its weights as floating point."
    if missing and only_head(missing) and not unexpected and not misshapen:
        return "The file has no head: set num_classes = 0."
    rows = len(tensors[f"{head}.weight"]) if head and tensors.get(f"{head}.weight", torch.empty(())).ndim else 0
    if rows and only_head(missing, unexpected, misshapen):
        return f"The file's head has {rows} outputs: set num_classes = {rows}, or leave it out."
    fits = list(_fits(found, expected, [name for name, _ in module.named_children()], head))
    if whole := _different([fit for fit in fits if not fit.more], found):
        return _proposal(whole, found, expected, head)
    if fits:
        return (
            f"The file is of a larger network: it holds further layers, {listed(fits[0].more)}. "
            "Set the architecture that it was made with."
        )
    return _looks_like(found, expected)


def propose(found: Tensors, expected: Tensors, children: list[str], head: str | None) -> list[dict]:
    """Entries of a checkpoint (strip_prefix, ignore, rename, num_classes) with which all of the network but its head
    is in the file, once for each copy of the network in the file that differs from the others."""
    fits = [fit for fit in _fits(found, expected, children, head) if not fit.more]
    return [_entries(fit, found, expected, head) for fit in _different(fits, found)]


def _fits(found: Tensors, expected: Tensors, children: list[str], head: str | None) -> Iterator[Fit]:
    """`children`: the network's parts in order, for files that number them."""
    body = {name for name in expected if not _in_head(name, head) and not name.endswith("num_batches_tracked")}
    own = {child for child in children if not _in_head(f"{child}.", head) and not (head or "").startswith(f"{child}.")}
    for prefix in _prefixes(found) if body else ():
        olds = [old for old in found if old.startswith(prefix)]
        for rename in ({}, _by_number(olds, prefix, children)) if len(olds) >= len(body) else ():
            names = {renamed(old.removeprefix(prefix), rename)[0]: old for old in olds}
            if not body <= names.keys():
                continue
            under = {name: found[old] for name, old in names.items()}
            unlike = [name for name in body if under[name].shape != expected[name].shape]
            if unlike and not (len(unlike) == 1 and _is_stem(under, expected, unlike[0])):
                continue
            more = [old for name, old in names.items() if name not in expected and name.split(".")[0] in own]
            yield Fit(prefix, rename, names, "".join(unlike), more)
            break


def _different(fits: list[Fit], found: Tensors) -> list[Fit]:
    """One of each set of equal networks; the one that is usually meant comes first."""
    kept: list[Fit] = []
    for fit in fits:
        if not any(_equal(fit, other, found) for other in kept):
            kept.append(fit)
    return sorted(kept, key=lambda fit: _usual(fit.prefix) is None)


def _equal(fit: Fit, other: Fit, found: Tensors) -> bool:
    common = fit.names.keys() & other.names.keys()
    return all(_same(found[fit.names[name]], found[other.names[name]]) for name in common)


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    """torch.equal, which raises for tensors of different kinds and for those without values."""
    plain = all(tensor.layout == torch.strided and not tensor.is_meta for tensor in (first, second))
    return plain and first.dtype == second.dtype and torch.equal(first, second)


def _usual(prefix: str) -> str | None:
    return next((method for part, method in USUAL.items() if part in prefix.split(".")), None)


def _entries(fit: Fit, found: Tensors, expected: Tensors, head: str | None) -> dict:
    classifier = (f"{head}.weight", f"{head}.bias") if head and f"{head}.weight" in expected else ()
    used = {old for name, old in fit.names.items() if name in expected or name in classifier}
    entries = {"strip_prefix": fit.prefix, "ignore": _beginnings(found, used), "rename": fit.rename}
    if classifier and classifier[0] not in fit.names:
        entries["num_classes"] = 0
    return {key: value for key, value in entries.items() if value or key == "num_classes"}


def _prefixes(found: Tensors) -> list[str]:
    """All beginnings of names up to a dot, the shortest first."""
    parts = [name.split(".")[:-1][:DEEPEST_PREFIX] for name in found]
    beginnings = {"".join(f"{word}." for word in words[:k]) for words in parts for k in range(len(words) + 1)}
    return sorted(beginnings, key=lambda prefix: (prefix.count("."), prefix))


def _by_number(olds: list[str], prefix: str, children: list[str]) -> dict[str, str]:
    """Names for the numbers that an `nn.Sequential` of a network's parts gives them."""
    firsts = {old.removeprefix(prefix).split(".")[0] for old in olds}
    if not firsts or not all(first.isdigit() and int(first) < len(children) for first in firsts):
        return {}
    return {f"{first}.": f"{children[int(first)]}." for first in sorted(firsts, key=int)}


def _beginnings(found: Tensors, used: set[str]) -> list[str]:
    """The names that are not used, as few beginnings as possible that take nothing that is used."""
    entries = []
    for name in found:
        if name in used or any(begins(name, entry) for entry in entries):
            continue
        words = name.split(".")
        shorter = [".".join(words[:k]) + "." for k in range(1, len(words))]
        entries.append(next((s for s in shorter if not any(other.startswith(s) for other in used)), name))
    return entries


def _in_head(name: str, head: str | None) -> bool:
    return head is not None and name.startswith(f"{head}.")


def _is_stem(tensors: Tensors, expected: Tensors, name: str) -> bool:
    """Whether this is a convolution in which only the number of input channels differs."""
    found, wanted = tensors[name].shape, expected[name].shape
    return len(found) == len(wanted) == 4 and (found[0], *found[2:]) == (wanted[0], *wanted[2:])


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _other_stem(found: torch.Tensor, wanted: torch.Tensor) -> str:
    if found.shape[1] == 1:
        return (
            "The file's first layer takes 1 channel: set in_chans = 1 in kwargs and color = grey in preprocessing "
            "(timm's version of the architecture; torchvision's always take 3)."
        )
    if found.shape[1] == 3 and wanted.shape[1] == 1:
        return "The file's first layer takes 3 channels: leave in_chans out of kwargs and set color = RGB."
    return f"The file's first layer takes {found.shape[1]} channels; images have 1 or 3, so this file cannot be used."


def _proposal(fits: list[Fit], found: Tensors, expected: Tensors, head: str | None) -> str:
    """The proposed entries, and what each is for."""
    first = fits[0]
    entries = _entries(first, found, expected, head)
    why = []
    if first.prefix:
        every = all(name.startswith(first.prefix) for name in found)
        why.append(f"{'Every name' if every else 'A set of names'} in the file begins with `{first.prefix}`.")
    if "rename" in entries:
        why.append("The file numbers the network's parts instead of naming them.")
    if "ignore" in entries:
        why.append("The file holds more than this network, such as another head; `ignore` leaves it out.")
    if "num_classes" in entries:
        why.append("It has no head of the network's kind.")
    if first.stem:
        why.append(_other_stem(found[first.names[first.stem]], expected[first.stem]))
    setting = f"If that is as you expect, set {as_toml(entries)}." if entries else ""
    return " ".join(filter(None, [_copies(fits), *why, setting, *_instead(fits[1:], found, expected, head)]))


def _copies(fits: list[Fit]) -> str:
    if len(fits) == 1:
        return ""
    places = ", ".join(f"`{fit.prefix}`" if fit.prefix else "the names as they are" for fit in fits)
    taken = f" {_usual(fits[0].prefix)}'s own code goes on with the first." if _usual(fits[0].prefix) else ""
    return f"The file holds {len(fits)} networks that fit and differ ({places}): choose one.{taken}"


def _instead(fits: list[Fit], found: Tensors, expected: Tensors, head: str | None) -> list[str]:
    return [f"For `{fit.prefix}` instead: {as_toml(_entries(fit, found, expected, head))}." for fit in fits]


def _looks_like(found: Tensors, expected: Tensors) -> str:
    def within(names: Tensors, part: str) -> bool:
        return any(part in f".{name}" for name in names)

    kind = next((kind for part, kind in KINDS.items() if within(found, part) and not within(expected, part)), None)
    if kind:
        return f"The names in the file look like those of {kind}."
    return "Check the architecture's name and its keyword arguments (kwargs)."
