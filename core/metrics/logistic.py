"""L2 logistic regression in float64, for many sets of labels of the same images at once.

L-BFGS as of Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 7.5, with steps halved until they satisfy
Armijo's condition. All sets of labels take their steps together, so that each step is two matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MEMORY = 10  # steps that the curvature is estimated from, as in scikit-learn
MOST_STEPS = 1000
TOLERANCE = 1e-8  # of the loss per image, above its least
DECREASE = 1e-4  # Armijo's condition: the least share of the expected decrease
HALVINGS = 40
CURVATURE = 0.1  # p (1 - p) of a typical image: only speed depends on this guess
VALUES_AT_ONCE = 2**20  # weights that are fitted together


def held_out(x: torch.Tensor, targets: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """What the fits to images `x` (n, d) say of the images `new` (m, d): (B, m, K).

    `targets` (B, n, K) are B sets of labels of 0 and 1. With K = 1 the fit is binary, and this is its decision value,
    0 where all labels are alike. With more, each image has one class, and this is the probability of each; a class
    that no image of a set carries gets 0. The penalty is |w|^2 / 2 beside the summed loss (C = 1), none on intercepts.
    """
    import torch

    at_once = max(1, VALUES_AT_ONCE // (targets.shape[2] * (x.shape[1] + 1)))
    fitted = []
    for some in targets.split(at_once):
        weights, intercepts = fit(x, some)
        decisions = new @ weights.mT + intercepts
        fitted.append(decisions if some.shape[2] == 1 else _of_seen_classes(decisions, some).softmax(dim=2))
    return torch.cat(fitted)


def fit(x: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights (B, K, d) and intercepts (B, 1, K) of each set of labels, as of `held_out`.

    Columns are scaled to about the same curvature, which saves most of the steps where their directions are those of
    the principal components.
    """
    import torch

    (n, d), (sets, _, k) = x.shape, targets.shape
    scales = torch.cat([x.square().sum(dim=0).mul(CURVATURE).add(1), x.new_tensor([CURVATURE * n])]).rsqrt()
    table = torch.cat([x, x.new_ones(n, 1)], dim=1) * scales
    penalty = scales.square()
    penalty[-1] = 0
    differ = (targets.amin(dim=(1, 2)) < targets.amax(dim=(1, 2))).to(x)[:, None]

    def loss(flat: torch.Tensor, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights, wanted = flat.view(-1, k, d + 1), targets[which]
        z = (weights.flatten(0, 1) @ table.T).view(-1, k, n).mT
        if k == 1:
            entropy, p = torch.nn.functional.softplus(z), z.sigmoid()
        else:
            possible = _of_seen_classes(z, wanted)
            entropy, p = possible.logsumexp(dim=2, keepdim=True), possible.softmax(dim=2)
        total = entropy.sum(dim=(1, 2)) - (wanted * z).sum(dim=(1, 2))
        total += (penalty * weights.square()).sum(dim=(1, 2)) / 2
        gradient = ((p - wanted).mT.flatten(0, 1) @ table).view_as(weights) + penalty * weights
        return total, gradient.view_as(flat) * differ[which]

    found = minimise(loss, x.new_zeros(sets, k * (d + 1)), TOLERANCE * n).view(sets, k, d + 1) * scales
    return found[:, :, :-1], found[:, None, :, -1]


def _of_seen_classes(decisions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """`decisions` (B, n, K), minus infinity for classes that no image of a set of labels carries."""
    return decisions.masked_fill(targets.amax(dim=1, keepdim=True) == 0, -math.inf)


def minimise(loss: Callable, start: torch.Tensor, tolerance: float) -> torch.Tensor:
    """The least points (B, P) of B convex functions. `loss(points, which)` gives the values (b,) and gradients (b, P)
    of the functions `which` (b,) at one point (b, P) each.

    A function is done when half its squared gradient is below `tolerance`: with a curvature of about 1, as `fit` scales
    it, so much its value lies above the least one.
    """
    import torch

    least, which, point = start.clone(), torch.arange(len(start), device=start.device), start
    value, gradient = loss(point, which)
    past = []
    for _ in range(MOST_STEPS):
        steep = gradient.square().sum(dim=1) > 2 * tolerance
        if not steep.all():
            least[which] = point
            which, point, value, gradient = (of_each[steep] for of_each in (which, point, value, gradient))
            past = [tuple(of_each[steep] for of_each in step) for step in past]
        if not len(which):
            return least
        after, value_after, gradient_after = _downhill(loss, which, point, value, gradient, past)
        step, change = after - point, gradient_after - gradient
        inverse = (step * change).sum(dim=1, keepdim=True).reciprocal().nan_to_num(0, 0, 0)  # 0 where no step was taken
        past = [*past, (step, change, inverse)][-MEMORY:]
        point, value, gradient = after, value_after, gradient_after
    least[which] = point
    return least


def _downhill(loss: Callable, which, point, value, gradient, past: list) -> tuple[torch.Tensor, ...]:
    """The next points, their values and gradients: steps are halved until they satisfy Armijo's condition."""
    import torch

    direction = -_by_inverse_curvature(gradient, past)
    expected = DECREASE * (direction * gradient).sum(dim=1)
    rounding = torch.finfo(value.dtype).eps * value.abs()
    after = point + direction
    value_after, gradient_after = loss(after, which)
    for halved in range(1, HALVINGS):
        far = (value_after > value + expected / 2 ** (halved - 1) + rounding).nonzero()[:, 0]
        if not len(far):
            break
        after[far] = point[far] + direction[far] / 2**halved
        value_after[far], gradient_after[far] = loss(after[far], which[far])
    return after, value_after, gradient_after


def _by_inverse_curvature(gradient: torch.Tensor, past: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    """The gradients (B, P) times the inverse Hessians that past steps and their changes of gradient tell of."""
    found, shares = gradient.clone(), []
    for step, change, inverse in reversed(past):
        shares.append(inverse * (step * found).sum(dim=1, keepdim=True))
        found -= shares[-1] * change
    if past:
        _, change, inverse = past[-1]
        found *= (inverse * change.square().sum(dim=1, keepdim=True)).reciprocal().nan_to_num(1, 1)
    for (step, change, inverse), share in zip(past, reversed(shares), strict=True):
        found += (share - inverse * (change * found).sum(dim=1, keepdim=True)) * step
    return found
