"""The triplet margin loss, and mixed batches in which triplets exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

MARGIN = 0.05
SMALLEST_BATCH = 8


def triplet_loss(embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor | None:
    """Mean over all triplets (anchor, same class, other class) with a positive loss; None when there is no triplet.

    `embeddings` (B, D), `labels` (B,). Loss of a triplet = distance to the positive - distance to the negative + 0.05,
    on L2-normalised embeddings with Euclidean distance. 0 when no triplet violates the margin.
    """
    import torch

    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    triplets = positive[:, :, None] & ~same[:, None, :]
    if not bool(triplets.any()):
        return None
    unit = torch.nn.functional.normalize(embeddings.double(), dim=1)
    # Not through matrix products: these lose half the digits of small distances.
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
    losses = (distance[:, :, None] - distance[:, None, :] + MARGIN)[triplets].clamp(min=0)
    return losses.sum() / (losses > 0).sum().clamp(min=1)


def draw_batches(labels: np.ndarray, seed: int, batches: int = 6, batch_size: int = 64) -> list[np.ndarray]:
    """Index arrays of at most `batches` mixed batches of at most `batch_size` images each, the same for the same seed.

    Images are drawn in proportion to the classes `labels` (N,), but at least one per batch of every class as far as
    there are. They are dealt out class by class, so that wherever possible each batch holds two classes and two images
    of one class. Fewer than 8 images per batch give fewer batches.
    """
    rng = np.random.default_rng([seed, 6])
    labels = np.unique(labels, return_inverse=True)[1]
    drawn = _draw(labels, batches, batches * batch_size, rng)
    count = min(batches, max(1, len(drawn) // SMALLEST_BATCH))
    by_class = [drawn[labels[drawn] == c] for c in np.unique(labels[drawn])]
    # Classes too small to reach every batch twice are dealt out in pairs, or no batch would hold two of a class.
    size = 1 if max(len(members) for members in by_class) >= 2 * count else 2
    hands = [members[i : i + size] for members in by_class for i in range(0, len(members), size)]
    hands.sort(key=len, reverse=True)
    return [rng.permutation(np.concatenate(hands[i::count]))[:batch_size] for i in range(count)]


def _draw(labels: np.ndarray, at_least: int, total: int, rng: np.random.Generator) -> np.ndarray:
    """At most `total` indices: first `at_least` of every class, then in proportion to the classes."""
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    rank = np.arange(len(labels)) - (np.cumsum(sizes) - sizes)[labels[order]]
    proportional = rank / sizes[labels[order]]
    return order[np.lexsort((proportional, rank >= at_least))][:total]
