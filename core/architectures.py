"""A timm or torchvision module for a checkpoint: made by name, fitted with its weights, fetching nothing itself."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

import timm
import torch
import torchvision
from torch import nn

from core.catalog import Checkpoint
from core.errors import CheckpointError, SourceScoutError
from core.weights import StateFile, fit_weights, state_file, tag_file

# Classifiers only: torchvision's detection and segmentation models would download a backbone of their own.
TORCHVISION_NAMES = frozenset(torchvision.models.list_models(module=torchvision.models))


def make_module(checkpoint: Checkpoint) -> tuple[nn.Module, nn.Module | None, tuple[str, ...]]:
    """The module with its weights, its head (None without one), and what was left out of its file or renamed, as
    sentences. CheckpointError if the weights do not fit.

    torchvision's head is replaced by an Identity, so that the module gives embeddings. Random numbers come from
    the checkpoint's seed; the caller's random state stays as it was.
    """
    _require_known(checkpoint)
    make = {"timm": _timm_module, "torchvision": _torchvision_module}[checkpoint.library]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(checkpoint.seed)
        state = state_file(checkpoint) if checkpoint.kind == "file" else None
        module, head = make(checkpoint, state)
    return module, head, state.notes if state else ()


def _require_known(checkpoint: Checkpoint) -> None:
    known = {
        "timm": timm.is_model(checkpoint.architecture),
        "torchvision": checkpoint.architecture in TORCHVISION_NAMES,
    }
    if known[checkpoint.library]:
        return
    other = next((library for library in known if known[library]), None)
    names = timm.list_models() if checkpoint.library == "timm" else sorted(TORCHVISION_NAMES)
    close = difflib.get_close_matches(checkpoint.architecture.split(".")[0], names, n=5)
    if other:
        remedy = f'{other} has one: set library = "{other}".'
    else:
        remedy = f"Did you mean {', '.join(close)}?" if close else "Look it up in the library's documentation."
    wanted = f'{checkpoint.library} has no classification network called "{checkpoint.architecture}"'
    raise CheckpointError(f"{checkpoint.name}: {wanted}.", remedy)


def _timm_module(checkpoint: Checkpoint, state: StateFile | None) -> tuple[nn.Module, nn.Module | None]:
    if checkpoint.kind == "timm":
        module = _timm_tag(checkpoint)
        return module, _timm_head(module)
    facts = timm.get_pretrained_cfg(checkpoint.architecture.split(".")[0])
    heads = facts.classifier if facts else None
    head = heads[0] if isinstance(heads, (tuple, list)) else heads
    arguments = _classes(checkpoint, state, head) | checkpoint.kwargs
    with _naming(checkpoint):
        module = timm.create_model(checkpoint.architecture, pretrained=False, **arguments)
    if state is not None:
        fit_weights(module, state, head, checkpoint.name)
    return module, _timm_head(module)


def _timm_head(module: nn.Module) -> nn.Module | None:
    return module.get_classifier() if module.num_classes else None


def _timm_tag(checkpoint: Checkpoint) -> nn.Module:
    """timm's own conversion of the tag's weights, head included; it is taken off again for num_classes = 0."""
    overlay = {"file": str(tag_file(checkpoint)), "custom_load": False}
    outputs = timm.get_pretrained_cfg(checkpoint.architecture).num_classes
    if checkpoint.num_classes not in (None, 0, outputs):
        asked = f"num_classes is {checkpoint.num_classes}, but {checkpoint.architecture} has {outputs} outputs"
        raise CheckpointError(f"{checkpoint.name}: {asked}.", "Leave num_classes out; it is part of the tag.")
    with _naming(checkpoint):
        module = timm.create_model(
            checkpoint.architecture, pretrained=True, pretrained_cfg_overlay=overlay, **checkpoint.kwargs
        )
    if checkpoint.num_classes == 0:
        module.reset_classifier(0)
    return module


def _torchvision_module(checkpoint: Checkpoint, state: StateFile | None) -> tuple[nn.Module, nn.Module | None]:
    with _naming(checkpoint), torch.device("meta"):
        name = _last_linear(_torchvision_model(checkpoint), checkpoint)
    headless = checkpoint.num_classes == 0
    with _naming(checkpoint):
        module = _torchvision_model(checkpoint, **({} if headless else _classes(checkpoint, state, name)))
    head = None if headless else module.get_submodule(name)
    if headless:
        module.set_submodule(name, nn.Identity())
    if state is not None:
        fit_weights(module, state, name, checkpoint.name)
    module.set_submodule(name, nn.Identity())
    return module, head


def _torchvision_model(checkpoint: Checkpoint, **classes: int) -> nn.Module:
    return torchvision.models.get_model(checkpoint.architecture, weights=None, **classes, **checkpoint.kwargs)


def _last_linear(module: nn.Module, checkpoint: Checkpoint) -> str:
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not names:
        raise CheckpointError(
            f"{checkpoint.name}: torchvision's {checkpoint.architecture} has no linear head; embeddings are what "
            "goes into one.",
            "Use another architecture, or timm's version of it.",
        )
    return names[-1]


def _classes(checkpoint: Checkpoint, state: StateFile | None, head: str | None) -> dict:
    """The number of outputs as an argument: as given, else that of the file's head, else the library's default."""
    if checkpoint.num_classes is not None:
        return {"num_classes": checkpoint.num_classes}
    weight = state.tensors.get(f"{head}.weight") if state else None
    return {} if weight is None or not weight.ndim else {"num_classes": len(weight)}


@contextmanager
def _naming(checkpoint: Checkpoint) -> Iterator[None]:
    """Whatever a library raises about an architecture and its keyword arguments becomes a CheckpointError."""
    try:
        yield
    except SourceScoutError:
        raise
    except Exception as error:
        given = ", ".join(f"{key} = {value!r}" for key, value in checkpoint.kwargs.items()) or "none"
        raise CheckpointError(
            f"{checkpoint.name}: {checkpoint.library} cannot make {checkpoint.architecture}: {str(error).rstrip('.')}.",
            f"Check the weights, the architecture and its keyword arguments ({given}).",
        ) from None
