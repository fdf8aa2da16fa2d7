"""From a checkpoint's description to a network that gives one embedding per image. Imports torch: not for pages.

    python -m core.backbone IN.json OUT.json

checks the checkpoints (records of `core.catalog`) in IN.json and writes a report on each; the UI starts it so.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from torch import nn

from core.architectures import make_module
from core.catalog import Checkpoint, Preprocessing, identity, parse_checkpoint
from core.errors import CheckpointError, NotDownloadedError, SourceScoutError
from core.weights import tag_file

WEIGHTED = (nn.Conv2d, nn.Linear)
CHECK_SECONDS = 1.0
BATCH = 32


@dataclass(frozen=True, eq=False)
class Network:
    """A network in eval mode. `module` is timm's or torchvision's; torchvision's has an Identity for its head.

    `outputs` of its head (0: it has none); `head`: the head where it is one linear map of the embedding, else None;
    `layers`: its Conv2d and Linear layers by name, as an image meets them; `notes`: what was left out of the weights
    file or renamed.
    """

    module: nn.Module
    library: str
    outputs: int
    head: nn.Module | None
    feature_dim: int
    layers: tuple[tuple[str, nn.Module], ...]
    notes: tuple[str, ...] = ()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The pooled penultimate embedding of prepared images: (B, C, h, w) -> (B, D) float32. Keeps gradients."""
        return _embed(self.module, self.library, images).float()

    @torch.no_grad()
    def source_logits(self, features: torch.Tensor) -> torch.Tensor:
        """The outputs (N, S) of the head for embeddings (N, D), float32. CheckpointError where `head` is None."""
        if self.head is None:
            raise CheckpointError(
                "The network has no head that is one linear layer on its features.",
                "Leave out the metrics that need the outputs of the source head.",
            )
        return _linear(self.head, features.to(self.head.weight))

    @property
    def has_head(self) -> bool:
        return self.outputs > 0

    @property
    def parameters_count(self) -> int:
        return sum(parameter.numel() for parameter in self.module.parameters())

    def first_two_layers(self) -> tuple[tuple[str, nn.Module], tuple[str, nn.Module]]:
        """The first two layers with weights that an image meets, as (name, module). CheckpointError for fewer."""
        if len(self.layers) < 2:
            raise CheckpointError(
                "The network has fewer than two convolutional or linear layers.",
                "Leave out the gradient-aware metric, which compares the first two.",
            )
        return self.layers[0], self.layers[1]


def load_network(checkpoint: Checkpoint, device: str | torch.device = "cpu") -> Network:
    """The network of `checkpoint` on `device`, in eval mode and float32. CheckpointError says what does not fit.

    Weights from a file must match strictly; a timm tag goes through timm's own conversion; a random initialisation
    is the same for the same seed.
    """
    module, head, notes = make_module(checkpoint)
    module = module.float().eval()
    feature_dim, layers = _trace(checkpoint, module)
    if checkpoint.library == "timm":
        outputs, head = module.num_classes, _linear_head(module, head, _input_shape(checkpoint.preprocessing))
    else:
        outputs = head.out_features if head else 0
    head = head.float().to(device) if head else None
    # Channels last makes convolutions 20 to 30 % faster on the CPU (MobileNetV2, ResNet-18).
    layout = torch.channels_last if torch.device(device).type == "cpu" else torch.preserve_format
    module = module.to(device, memory_format=layout)
    return Network(module, checkpoint.library, outputs, head, feature_dim, layers, notes)


@torch.no_grad()
def _linear_head(module: nn.Module, head: nn.Module | None, shape: tuple[int, int, int]) -> nn.Module | None:
    """timm's `head` where the outputs of the module are one linear map of the embedding, as a blank image shows."""
    if not isinstance(head, (nn.Linear, nn.Conv2d)):
        return None
    maps = module.forward_features(torch.zeros(1, *shape))
    embedding, outputs = module.forward_head(maps, pre_logits=True), module.forward_head(maps)
    fits = embedding.shape[1] == head.weight[0].numel() and torch.allclose(_linear(head, embedding), outputs, atol=1e-4)
    return head if fits else None


def _linear(head: nn.Module, embeddings: torch.Tensor) -> torch.Tensor:
    """A linear layer, or a convolution of one pixel, applied to embeddings (N, D)."""
    return nn.functional.linear(embeddings, head.weight.flatten(1), head.bias)


def _embed(module: nn.Module, library: str, images: torch.Tensor) -> torch.Tensor:
    if library == "torchvision":
        return module(images)
    return module.forward_head(module.forward_features(images), pre_logits=True)


def _trace(checkpoint: Checkpoint, module: nn.Module) -> tuple[int, tuple[tuple[str, nn.Module], ...]]:
    """The width of the embedding, and the layers with weights in the order of execution, from one blank input."""
    names = {part: name for name, part in module.named_modules() if isinstance(part, WEIGHTED)}
    layers: dict[str, nn.Module] = {}
    hooks = [part.register_forward_pre_hook(lambda part, _: layers.setdefault(names[part], part) and None)
             for part in names]  # fmt: skip
    shape = _input_shape(checkpoint.preprocessing)
    size = " x ".join(map(str, shape))
    try:
        with torch.no_grad():
            embedding = _embed(module, checkpoint.library, torch.zeros(1, *shape))
    except Exception as error:  # every network has its own way of refusing an input
        raise CheckpointError(
            f"{checkpoint.name}: the network takes no input of {size}: {str(error).rstrip('.')}.",
            "Make preprocessing.input_size and color agree with the architecture (kwargs img_size, in_chans).",
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    if embedding.ndim != 2:
        raise CheckpointError(
            f"{checkpoint.name}: the network gives {embedding.ndim - 1}-dimensional features, not a vector per image.",
            "Leave global_pool out of kwargs.",
        )
    return embedding.shape[1], tuple(layers.items())


def _input_shape(preprocessing: Preprocessing) -> tuple[int, int, int]:
    return (preprocessing.channels, *preprocessing.input_size)


NO_REPORT = {
    "ok": False, "error": None, "not_downloaded": False, "identity": None, "parameters": None, "feature_dim": None,
    "head": None, "layers": None, "images_per_second": None, "memory_mb": None, "weights_file": None, "problems": [],
}  # fmt: skip


def check_checkpoint(checkpoint: Checkpoint) -> dict:
    """What is found when the network is made and tried on random input, on the CPU. Never raises.

    `ok`, or `error` with message and remedy (`not_downloaded`: nothing is wrong, the weights are only not here yet);
    `head`: "1001 outputs" or "none"; `layers`: the names of the first two;
    `memory_mb`: weights, plus the input and output of the largest layer for a batch of 32; `problems`: sentences.
    """
    try:
        return _report(checkpoint)
    except SourceScoutError as error:
        absent = isinstance(error, NotDownloadedError)
        return NO_REPORT | {"error": {"message": error.message, "remedy": error.remedy}, "not_downloaded": absent}
    except Exception as error:  # whatever a third-party network does must not hide the other checkpoints' reports
        message = f"{checkpoint.name}: {type(error).__name__}: {error}"
        return NO_REPORT | {"error": {"message": message, "remedy": "Check the architecture and the weights."}}


def _report(checkpoint: Checkpoint) -> dict:
    network = load_network(checkpoint)
    weights_file = _weights_file(checkpoint)
    image = torch.rand(1, *_input_shape(checkpoint.preprocessing), generator=torch.Generator().manual_seed(0))
    return NO_REPORT | {
        "ok": True,
        "identity": identity(checkpoint, weights_file),
        "parameters": network.parameters_count,
        "feature_dim": network.feature_dim,
        "head": f"{network.outputs} outputs" if network.has_head else "none",
        "layers": [name for name, _ in network.layers[:2]],
        "images_per_second": round(_images_per_second(network, image), 2),
        "memory_mb": round(_memory(network, image) / 2**20),
        "weights_file": weights_file,
        "problems": _problems(checkpoint, network, image),
    }


def _weights_file(checkpoint: Checkpoint) -> str | None:
    if checkpoint.kind == "timm":
        return str(tag_file(checkpoint))
    return checkpoint.weights if checkpoint.kind == "file" else None


@torch.no_grad()
def _images_per_second(network: Network, image: torch.Tensor) -> float:
    """Throughput over about a second, in batches of what half a second holds (at most 32), after one as warm-up."""
    began = time.perf_counter()
    network.features(image)
    size = min(BATCH, max(1, int(0.5 * CHECK_SECONDS / (time.perf_counter() - began))))
    batch = image.expand(size, -1, -1, -1).contiguous()
    network.features(batch)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < CHECK_SECONDS:
        network.features(batch)
        done += size
    return done / (time.perf_counter() - began)


@torch.no_grad()
def _memory(network: Network, image: torch.Tensor) -> int:
    """Bytes of the weights and of the largest layer's input and output for a batch: a lower bound of what is held."""
    weights = sum(tensor.nbytes for tensor in network.module.state_dict().values())
    largest = 0

    def measure(_, inputs: tuple, output: object) -> None:
        nonlocal largest
        tensors = [value for value in (*inputs, output) if isinstance(value, torch.Tensor)]
        largest = max(largest, sum(tensor.nbytes for tensor in tensors))

    hooks = [part.register_forward_hook(measure) for part in network.module.modules()]
    network.features(image)
    for hook in hooks:
        hook.remove()
    return weights + BATCH * largest


@torch.no_grad()
def _problems(checkpoint: Checkpoint, network: Network, image: torch.Tensor) -> list[str]:
    problems = list(network.notes)
    if not network.features(image).isfinite().all():
        problems.append("The network gives NaN or infinite values on random input: check the weights.")
    if len(network.layers) < 2:
        problems.append("Fewer than two layers with weights: the gradient-aware metric does not apply.")
    if checkpoint.kind == "timm":
        problems += _unlike_tag(checkpoint)
    return problems


def _unlike_tag(checkpoint: Checkpoint) -> list[str]:
    """Where the preprocessing differs from the one that timm records for the tag."""
    tag = timm.get_pretrained_cfg(checkpoint.architecture)
    ours = checkpoint.preprocessing
    recorded = {"input_size": tag.input_size[-2:], "mean": tag.mean, "std": tag.std}
    return [
        f"{key} is {list(getattr(ours, key))}, but timm records {list(value)} for this tag."
        for key, value in recorded.items()
        if tuple(getattr(ours, key)) != tuple(value)
    ]


def main(source: str, target: str) -> None:
    """Check the checkpoint records in the JSON file `source`; write the list of reports to `target` at once."""
    records = json.loads(Path(source).read_text(encoding="utf-8"))
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))  # leaves a core to the browser and the app
    reports = [_check_record(record) for record in records]
    part = Path(f"{target}.part")
    part.write_text(json.dumps(reports, allow_nan=False, indent=1), encoding="utf-8")
    os.replace(part, target)


def _check_record(record: dict) -> dict:
    try:
        checkpoint = parse_checkpoint(record, Path.cwd())
    except SourceScoutError as error:
        return NO_REPORT | {"error": {"message": error.message, "remedy": error.remedy}}
    return check_checkpoint(checkpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
