"""Pretrains the demo's tiny networks on one synthetic source each, and keeps them as half-precision safetensors."""

import time
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file
from sources import Source

ARCHITECTURE = "test_resnet"
VALIDATION_IMAGES = 1200
BATCH = 64


def pretrain(source: Source, epochs: int, mean: list[float], std: list[float], out: Path) -> float:
    """Trains on `source`, writes float16 weights to `out`; returns the accuracy of what was written on new images."""
    began = time.monotonic()
    images, labels = source.images("training", source.train_images)
    print(f"{source.name}: {len(images)} images drawn in {time.monotonic() - began:.0f} s", flush=True)
    network = _train(source, images, labels, epochs, mean, std)
    halves = {
        name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()
    }
    save_file(halves, out, metadata={"format": "pt"})  # one entry: several come in any order
    accuracy = _accuracy(source, out, mean, std)
    print(f"{source.name}: accuracy {accuracy:.3f} after {time.monotonic() - began:.0f} s", flush=True)
    return accuracy


def new_network(source: Source) -> torch.nn.Module:
    """The architecture of the demo with a head for the classes of `source`, randomly initialised."""
    return timm.create_model(ARCHITECTURE, num_classes=len(source.classes), in_chans=source.channels)


def network_input(images: np.ndarray, mean: list[float], std: list[float]) -> torch.Tensor:
    """uint8 (N, H, W, C) as normalised float32 (N, C, H, W)."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


def _train(source: Source, images, labels, epochs: int, mean, std) -> torch.nn.Module:
    """AdamW with a one-cycle learning rate; images are mirrored at random."""
    torch.manual_seed(source.seed)
    network = new_network(source).train()
    steps = epochs * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    shuffle = np.random.default_rng(source.seed)
    for epoch in range(epochs):
        losses = []
        for batch in shuffle.permutation(len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH):
            x = network_input(images[batch], mean, std)
            for axis in (2, 3):
                mirrored = torch.from_numpy(shuffle.random(BATCH) < 0.5)
                x[mirrored] = x[mirrored].flip(axis)
            loss = torch.nn.functional.cross_entropy(network(x), torch.from_numpy(labels[batch]), label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"  {source.key} epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.3f}", flush=True)
    return network


@torch.inference_mode()
def _accuracy(source: Source, weights: Path, mean, std) -> float:
    """Share of newly drawn images that the network in the file `weights` names rightly."""
    images, labels = source.images("validation", VALIDATION_IMAGES)
    network = new_network(source).eval()
    network.load_state_dict(load_file(weights))
    guesses = [network(network_input(images[i : i + 200], mean, std)).argmax(1) for i in range(0, len(images), 200)]
    return float((torch.cat(guesses).numpy() == labels).mean())
