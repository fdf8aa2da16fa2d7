"""Adaptability: how the gradient of a triplet loss is split between the first two layers of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.resampling import shuffles, subsampled_interval
from core.metrics.triplets import draw_batches, triplet_loss

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="gradient_ratio",
    name="Adaptability (gradient ratio)",
    unit="ratio of gradient norms",
    meaning=(
        "The gradient of a triplet loss on the task's images in the network's second layer, relative to that in its "
        "first layer, averaged over batches."
    ),
    question="Would the early layers of this network still adapt to the task?",
    paper="Juodelyte et al. 2024, arXiv:2412.20172 (backward part)",
    range="0 upwards; only the order within one architecture means something",
    limits=(
        "It compares only candidates of one architecture: width and normalisation set its size, and across "
        "architectures the published evidence reverses its sign (lower went with better). Shuffled labels show "
        "what it is without the task, but neither a high nor a low value is chance, so there is no p. "
        "It uses at most 6 x 64 images."
    ),
    formula=(
        r"$\overline{\lVert \nabla_{W_2} L \rVert} / \overline{\lVert \nabla_{W_1} L \rVert}$: $L$ is the triplet "
        r"margin loss of a batch, $W_1$ and $W_2$ the weights of the first two layers that an image meets, the bars "
        "means over batches. In a convolutional network these are the first two convolutions (in a ResNet the stem and "
        "the first one of the first block, as in the paper), in a vision transformer the patch embedding and the "
        "projection to queries, keys and values of the first block: the first two places where weights meet the image."
    ),
    assumptions=(
        "Where the gradient falls before any training tells where a network would change in training. "
        "Candidates have the same layers, so that their norms can be compared."
    ),
    needs="gradients",
    order=14,
    version=1,
    label_types=("binary", "multi-class", "ordinal"),
    why_not={"multi-label": "Not defined when an image can have several findings: triplets need one class per image."},
    ordinal="Grades are treated as classes without an order.",
    params={"batches": 6, "batch_size": 64, "margin": 0.05, "distance": "euclidean, normalised", "mode": "eval"},
    permutations=5,
    resamples=20,
    one_architecture=True,
)

IMAGES_AT_ONCE = 8
ONE_ARCHITECTURE = "It compares only candidates of one architecture."


class GradientRatio(NamedTuple):
    """mean(second_norms) / mean(first_norms), and one norm per batch that holds triplets."""

    ratio: float
    first_norms: tuple[float, ...]
    second_norms: tuple[float, ...]


@dataclass(frozen=True)
class NetworkInputs:
    """What `evaluate` needs for a metric of gradients.

    `network` maps a batch of prepared images to embeddings and can be differentiated; `layers` are the names of the two
    layers; `load` returns the prepared images (B, C, H, W) of an index array into the labels, on the network's device.
    """

    network: Callable[[torch.Tensor], torch.Tensor]
    layers: tuple[str, str]
    first_layer: torch.nn.Module
    second_layer: torch.nn.Module
    load: Callable[[np.ndarray], torch.Tensor]


def gradient_ratio(network, first_layer, second_layer, images, labels, batch_size: int) -> GradientRatio:
    """The ratio over consecutive batches of `images` (N, C, H, W) with class `labels` (N,); 0 upwards.

    The layers are modules with a `weight`. The network runs in evaluation mode; its modes, its parameters' `grad` and
    `requires_grad` and the inputs are as before when this returns. A batch in which no two images share a class while
    a third differs is dropped: there are as many norms as batches that count. MetricError when no batch is left, or no
    triplet violates the margin.
    """
    labels = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    norms = [
        batch_norms(network, first_layer, second_layer, images[i : i + batch_size], [labels[i : i + batch_size]])[0]
        for i in range(0, len(images), batch_size)
    ]
    return _ratio(norms)


def batch_norms(
    network, first_layer, second_layer, images: torch.Tensor, labellings: list[np.ndarray]
) -> list[tuple[float, float] | None]:
    """Gradient norms of both layers' weights on one batch, for each labelling; None where there is no triplet.

    The loss needs all embeddings of the batch at once, the network only some images: in evaluation mode no image
    changes another's embedding. So the loss is differentiated down to the embeddings, and from there through the
    network a few images at a time, which bounds the memory. Each labelling costs one backward pass.
    """
    import torch

    weights = (first_layer.weight, second_layer.weight)
    with _ready(network, weights):
        with torch.no_grad():
            embeddings = torch.cat([network(some) for some in images.split(IMAGES_AT_ONCE)])
        slopes = [_slope(embeddings, labelling) for labelling in labellings]
        totals = [[0.0, 0.0] for _ in labellings]
        for start in range(0, len(images), IMAGES_AT_ONCE):
            rows = slice(start, start + IMAGES_AT_ONCE)
            output = network(images[rows])
            for slope, total in zip(slopes, totals, strict=True):
                if slope is not None:
                    _add_gradients(total, output, weights, slope[rows])
    return [
        None if slope is None else tuple(float(gradient.norm()) for gradient in total)
        for slope, total in zip(slopes, totals, strict=True)
    ]


def _slope(embeddings: torch.Tensor, labelling: np.ndarray) -> torch.Tensor | None:
    """The gradient of the triplet loss with respect to the embeddings (B, D); None where there is no triplet."""
    import torch

    free = embeddings.detach().requires_grad_()
    loss = triplet_loss(free, torch.as_tensor(np.array(labelling), device=free.device))
    return None if loss is None else torch.autograd.grad(loss, free)[0]


def _add_gradients(total: list, output: torch.Tensor, weights: tuple, slope: torch.Tensor) -> None:
    import torch

    gradients = torch.autograd.grad(output, weights, slope, retain_graph=True, allow_unused=True)
    if any(gradient is None for gradient in gradients):
        raise MetricError(
            "The two layers do not both take part in the network's embeddings.",
            "Name two layers that every image passes through.",
        )
    total[:] = [sofar + gradient.double() for sofar, gradient in zip(total, gradients, strict=True)]


@contextmanager
def _ready(network, weights: tuple[torch.nn.Parameter, ...]) -> Iterator[None]:
    """Evaluation mode, and gradients for the two weights only; everything is put back afterwards."""
    import torch

    is_module = isinstance(network, torch.nn.Module)  # else a function, whose modes are its owner's affair
    modules = list(network.modules()) if is_module else []
    parameters = list(network.parameters()) if is_module else list(weights)
    modes = [m.training for m in modules]
    wanted = [p.requires_grad for p in parameters]
    try:
        for m in modules:
            m.training = False
        for p in parameters:
            p.requires_grad_(any(p is w for w in weights))
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for m, mode in zip(modules, modes, strict=True):
            m.training = mode
        for p, want in zip(parameters, wanted, strict=True):
            p.requires_grad_(want)


def _ratio(norms: list[tuple[float, float] | None]) -> GradientRatio:
    kept = [pair for pair in norms if pair is not None]
    if not kept:
        raise MetricError(
            "No batch holds two images of one class and one of another, so there are no triplets.",
            "Use more images, or a task in which the classes have more than one image each.",
        )
    first, second = (tuple(column) for column in zip(*kept, strict=True))
    if not np.isfinite([first, second]).all():
        raise MetricError(
            "The gradients hold NaN or infinite values.", "Check the checkpoint's preprocessing and precision."
        )
    if sum(first) == 0:
        raise MetricError(
            "No triplet violates the margin, so the loss has no gradient.",
            "The classes are already apart in this network's embeddings: use the other metrics.",
        )
    return GradientRatio(sum(second) / sum(first), first, second)


def calibrated(case: Case) -> Scored:
    """The ratio on at most 6 x 64 mixed images, 5 permutations of their labels, interval over half the batches."""
    inputs = case.network_inputs
    if inputs is None:
        raise MetricError("This metric needs the network itself.", "It cannot be computed from features alone.")
    batches = draw_batches(case.labels, case.seed, METRIC.params["batches"], METRIC.params["batch_size"])
    drawn = np.concatenate(batches)
    groups = np.unique(case.groups[drawn], return_inverse=True)[1]
    sources = shuffles(case.columns[drawn], groups, METRIC.permutations, case.rng(1))
    labellings = np.stack([case.labels[drawn], *(case.labels[drawn][source] for source in sources)])
    ends = np.cumsum([len(batch) for batch in batches])
    layers = (inputs.first_layer, inputs.second_layer)
    by_batch = [
        batch_norms(inputs.network, *layers, inputs.load(batch), list(labellings[:, end - len(batch) : end]))
        for batch, end in zip(batches, ends, strict=True)
    ]
    result, *permuted = (list(norms) for norms in zip(*by_batch, strict=True))
    result = _ratio(result)
    low, high = _interval(result)
    return Scored(
        value=result.ratio,
        nulls=np.array([_ratio(norms).ratio for norms in permuted if any(p and p[0] for p in norms)]),
        tested=False,
        low=low,
        high=high,
        interval="95 %, all halves of the batches",
        cautions=(ONE_ARCHITECTURE,),
        detail={
            "layers": list(inputs.layers),
            "first_norms": list(result.first_norms),
            "second_norms": list(result.second_norms),
            "batches": len(batches),
            "dropped_batches": len(batches) - len(result.first_norms),
            "images": len(drawn),
        },
    )


def _interval(result: GradientRatio) -> tuple[float | None, float | None]:
    first, second = np.array(result.first_norms), np.array(result.second_norms)
    n = len(first)
    if n < 4:
        return None, None
    halves = [list(half) for half in combinations(range(n), n // 2)]
    ratios = [second[half].sum() / first[half].sum() for half in halves if first[half].sum() > 0]
    return subsampled_interval(result.ratio, ratios, (n // 2) / n, lowest=0.0)
