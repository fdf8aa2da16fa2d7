"""Doubts about a network on the target's own images: a wrong pixel range, a collapsed network. Imports torch.

A quick look at a few images. It finds gross faults (values a hundred times too large, embeddings that hardly differ),
not small ones: -1 to 1 instead of 0 to 1, a mean that is off by half, or red and blue swapped look like a change of
domain, and a first layer that is a hundred times too weak like a random initialisation. A network without batch
normalisation that was trained on values far from 1 (0 to 255) is doubted wrongly.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from core.backbone import Network
from core.catalog import Preprocessing
from core.preprocess import prepare

MOST_IMAGES = 24
HIGHEST_SCALE, LOWEST_SCALE = 10.0, 0.02  # times what is expected
# Random initialisations see little but brightness on some sets: cosine 0.9998 and rank 1.02 (RegNetY on brain MRI).
ALIKE = 0.99999  # mean cosine between the embeddings of different images
LOWEST_RANK = 1.001
MOST_DEAD = 0.98
BORDER = 8  # an eighth of each side, where padding shows, is not counted


@torch.no_grad()
def examine(network: Network, preprocessing: Preprocessing, pixels: Sequence[np.ndarray]) -> dict:
    """What a few images (evenly spaced over `pixels`) say about the network, ready for JSON.

    `dead_embedding`, `dead_first`, `dead_second`: share of channels that are the same for every image and place;
    `scale`: spread of the input, relative to `against`: what the running statistics of the batch normalisation behind
    the first layer tell, or a standard deviation of 1 where there is none (or untrained);
    `cosine`: mean between embeddings of different images; `rank`: effective rank (exponential of the entropy of the
    spectrum of the centred embeddings); `warnings`: sentences, empty when nothing stands out.
    """
    rows = np.unique(np.linspace(0, len(pixels) - 1, min(MOST_IMAGES, len(pixels))).round().astype(int))
    images = torch.stack([prepare(pixels[int(row)], preprocessing) for row in rows])
    device = next((parameter.device for parameter in network.module.parameters()), torch.device("cpu"))
    embeddings, layers, normalised = _watch(network, images.to(device))
    scale, against = _scale(network, images.to(device), normalised)
    found = {
        "n": len(rows),
        "input_mean": float(images.mean()),
        "input_std": float(images.std()),
        "dead_embedding": _dead(embeddings.T),
        "dead_first": _dead(layers[0]) if layers else 0.0,
        "dead_second": _dead(layers[1]) if len(layers) > 1 else 0.0,
        "scale": scale,
        "against": against,
        "cosine": _mean_cosine(embeddings),
        "rank": _effective_rank(embeddings),
    }
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in found.items()} | {
        "warnings": _warnings(found)
    }


def _watch(network: Network, images: torch.Tensor):
    """The embeddings; the outputs of the first two layers as (channels, values); what goes into the first batch
    normalisation, with that module."""
    seen: dict[str, torch.Tensor] = {}
    norms: list[tuple[nn.Module, torch.Tensor]] = []

    def keep(name: str):
        return lambda module, inputs, output: seen.setdefault(name, _by_channel(output, module)) is None

    def keep_norm(module, inputs):
        if not norms:
            norms.append((module, _by_channel(inputs[0], module)))

    hooks = [part.register_forward_hook(_silent(keep(name))) for name, part in network.layers[:2]]
    kinds = (nn.BatchNorm2d, nn.BatchNorm1d)
    hooks += [m.register_forward_pre_hook(keep_norm) for m in network.module.modules() if isinstance(m, kinds)]
    try:
        embeddings = network.features(images).double().cpu()
    finally:
        for hook in hooks:
            hook.remove()
    return embeddings, [seen[name] for name, _ in network.layers[:2] if name in seen], norms[0] if norms else None


def _silent(function):
    """A forward hook that gives nothing back, so that it changes nothing."""

    def hook(*arguments) -> None:
        function(*arguments)

    return hook


def _by_channel(values: torch.Tensor, module: nn.Module) -> torch.Tensor:
    """(B, C, h, w), (B, tokens, C) or (B, C) -> (C, everything else) in float64, maps without their border."""
    values = values.detach()
    if values.ndim == 4 and not isinstance(module, nn.Linear):
        height, width = values.shape[2:]
        top, left = height // BORDER, width // BORDER
        return values[:, :, top : height - top, left : width - left].transpose(0, 1).flatten(1).double().cpu()
    return values.movedim(-1, 0).flatten(1).double().cpu()


def _dead(channels: torch.Tensor) -> float:
    """Share of rows of (C, values) that do not vary."""
    spread = channels.amax(1) - channels.amin(1)
    largest = channels.abs().max().clamp(min=1e-12)
    return float((spread <= 1e-6 * largest).double().mean())


def _scale(network: Network, images: torch.Tensor, normalised: tuple | None) -> tuple[float, str]:
    """The spread of the input, relative to the one that the network expects.

    Where batch normalisation follows the first layer, that is the spread of grey noise with the spectrum of natural
    images that gives the running variances (so a network for 0 to 255 expects one of about 60); else 1. What the first
    layer gives for the images themselves is no measure: it depends on how sharp they are, by a factor of 5.
    """
    spread = float(images.double().std())
    if normalised is None or not _has_seen_images(normalised[0]):
        return spread, "a standard deviation of 1"
    _, _, (norm, values) = _watch(network, _smooth_noise(images.shape).to(images.device))
    ratio = norm.running_var.double().cpu() / values.var(1).clamp(min=1e-12)
    return spread / float(ratio.median().sqrt().clamp(min=1e-12)), "batch normalisation"


def _has_seen_images(norm: nn.Module) -> bool:
    """Whether there are running statistics that differ between channels: untrained ones and those of a normalisation
    that was folded into the convolution before it do not."""
    if norm.running_mean is None or len(norm.running_var) < 2:
        return False
    return bool(norm.running_var.std() > 1e-3 * norm.running_var.mean() or norm.running_mean.abs().max() > 1e-3)


def _smooth_noise(shape: torch.Size) -> torch.Tensor:
    """Grey noise with the spectrum of natural images (1/f), each image of mean 0 and standard deviation 1."""
    generator = torch.Generator().manual_seed(0)
    n, channels, height, width = shape
    spectrum = torch.fft.rfft2(torch.randn(min(n, 8), 1, height, width, generator=generator))
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (down.square() + across.square()).sqrt()
    frequency[0, 0] = torch.inf
    noise = torch.fft.irfft2(spectrum / frequency, s=(height, width))
    return (noise / noise.std(dim=(2, 3), keepdim=True)).expand(-1, channels, -1, -1).contiguous()


def _mean_cosine(embeddings: torch.Tensor) -> float | None:
    n = len(embeddings)
    if n < 2:
        return None
    unit = nn.functional.normalize(embeddings, dim=1)
    return float((unit.sum(0).square().sum() - unit.square().sum()) / (n * (n - 1)))


def _effective_rank(embeddings: torch.Tensor) -> float | None:
    """exp of the entropy of the normalised spectrum (Roy & Vetterli 2007); 0 when the embeddings are equal."""
    if len(embeddings) < 3:
        return None
    energy = torch.linalg.svdvals(embeddings - embeddings.mean(0)).square()
    if energy.sum() <= 1e-20 * embeddings.square().sum():
        return 0.0
    share = energy / energy.sum()
    return float(torch.exp(-torch.special.xlogy(share, share).sum()))


def _warnings(found: dict) -> list[str]:
    """Sentences on what stands out."""
    warnings = []
    scale, cosine, rank = found["scale"], found["cosine"], found["rank"]
    if not LOWEST_SCALE <= scale <= HIGHEST_SCALE:
        size = f"{scale:,.0f} times" if scale > 1 else f"1/{1 / max(scale, 1e-9):,.0f} of"
        warnings.append(
            f"The input range looks wrong: on {found['n']} images of this target the prepared values vary {size} what "
            f"is expected ({found['against']}). Check pixel range, mean and standard deviation."
        )
    if cosine is not None and cosine > ALIKE or rank is not None and rank < LOWEST_RANK:
        warnings.append(
            f"The network looks collapsed: embeddings of {found['n']} different images are nearly the same "
            f"(mean cosine {cosine:.6f}, effective rank {rank or 0:.1f}). Check the weights and the preprocessing."
        )
    elif found["dead_embedding"] > MOST_DEAD:
        warnings.append(
            f"{found['dead_embedding']:.0%} of the embedding's channels are the same for all of {found['n']} images: "
            "the network looks collapsed. Check the weights and the preprocessing."
        )
    return warnings
