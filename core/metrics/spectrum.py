"""The one decomposition of a candidate's features, and the evidence of Bayesian linear regression that it gives.

Decomposed once per candidate, it serves any number of label columns: those of the task and of every permutation.
Everything is float64 and stays on the device of the features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LOG_2PI = math.log(2 * math.pi)
# A fit better than this is rounding. It bounds the evidence where features reproduce the labels exactly.
RESIDUAL_FLOOR = 1e-14
GRID_STEP = 0.3  # in log t: finer than any bump of the evidence, whose terms are logistic in log t
NEWTON_STEPS = 60


@dataclass(frozen=True)
class Spectrum:
    """Left singular vectors `u` (N, r) and squared singular values `s` (r,), largest last; r is the numerical rank.

    `width` is D; `freedom` is N, or N - 1 after centring, which spends one degree of freedom.
    """

    u: torch.Tensor
    s: torch.Tensor
    width: int
    freedom: int
    centred: bool

    def coordinates(self) -> torch.Tensor:
        """(N, r): the features, rotated into the space that they span. All distances and angles are kept."""
        return self.u * self.s.sqrt()

    @cached_property
    def fourth(self) -> torch.Tensor:
        """The sum over images of the fourth power of the norm of their features; a scalar."""
        return ((self.u**2 @ self.s) ** 2).sum()

    def leading(self, k: int) -> torch.Tensor:
        """(N, min(k, r)): the first k principal components of the features, largest first. Signs are arbitrary."""
        return (self.u[:, -k:] * self.s[-k:].sqrt()).flip(1)


@dataclass(frozen=True)
class Projection:
    """What the label columns (N, K) share with a spectrum: `squares` (r, K) are (u'y)^2, `total` (K,) is y'y of the
    columns as centred as the features are, `counts` (K,) their ones, `fourth` the sum over images of the squared norm
    of their features, squared. Small, whatever N is."""

    s: torch.Tensor
    squares: torch.Tensor
    total: torch.Tensor
    counts: torch.Tensor
    fourth: torch.Tensor
    images: int
    width: int
    freedom: int


def project(spectrum: Spectrum, columns: torch.Tensor) -> Projection:
    """The projection of 0/1 `columns` (N, K) of any type."""
    y = columns.to(spectrum.u)
    counts = y.sum(dim=0)
    if spectrum.centred:
        y = y - y.mean(dim=0)
    return Projection(
        s=spectrum.s,
        squares=(spectrum.u.T @ y) ** 2,
        total=(y * y).sum(dim=0),
        counts=counts,
        fourth=spectrum.fourth,
        images=len(y),
        width=spectrum.width,
        freedom=spectrum.freedom,
    )


def decompose(features: torch.Tensor, centred: bool = True) -> Spectrum:
    """Eigenvectors of the smaller of X'X and XX'. `features` (N, D) of any float type, not modified."""
    import torch

    x = features.to(torch.float64)
    n, d = x.shape
    size = float(x.abs().max())
    if centred:
        x = x - x.mean(dim=0)
    s, vectors = torch.linalg.eigh(x @ x.T if n <= d else x.T @ x)
    eps = torch.finfo(torch.float64).eps
    rounding = max(float(s[-1]) * max(n, d) * eps, 4 * n * d * (eps * size) ** 2)
    s, vectors = s[s > rounding], vectors[:, s > rounding]
    u = vectors if n <= d else (x @ vectors) / s.sqrt()
    return Spectrum(u, s, d, n - 1 if centred else n, centred)


def evidence(projection: Projection) -> tuple[torch.Tensor, torch.Tensor]:
    """Log evidence per image of each label column at its maximum over t = alpha / beta, and with no features.

    Two (K,) tensors, in nats. L(t) = [n/2 log(n / Q) - 1/2 sum log(1 + s_i / t) - n/2 - n/2 log 2 pi] / N with
    Q(t) = sum p_i^2 / (1 + s_i / t) + r0, p = u'y, r0 = y'y - p'p (You et al. 2021, profiled over the noise).
    t to infinity is the evidence with no features, so the first is never below the second.
    """
    import torch

    s, squares, total, freedom = projection.s, projection.squares, projection.total, projection.freedom
    null = _evidence(torch.zeros_like(total), total, freedom, projection.images)
    if len(s) == 0:
        return null, null
    residual = (total - squares.sum(dim=0)).clamp(min=RESIDUAL_FLOOR * total)
    if len(s) == freedom:  # the features span every direction: nothing is left over, exactly
        residual = torch.zeros_like(total)
    log_t = _maximise(s, freedom, squares, residual)
    shrink = torch.sigmoid(log_t - s.log()[:, None])  # 1 / (1 + s / t), (r, K)
    best = _evidence(shrink.log().sum(dim=0), (squares * shrink).sum(dim=0) + residual, freedom, projection.images)
    return torch.maximum(best, null), null


def _evidence(log_shrink: torch.Tensor, q: torch.Tensor, freedom: int, images: int) -> torch.Tensor:
    return (freedom / 2 * (math.log(freedom) - q.log() - 1 - LOG_2PI) + log_shrink / 2) / images


def _maximise(s: torch.Tensor, n: int, squares: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """(K,) log t of the highest evidence: the best point of a grid, then Newton steps kept between its neighbours."""
    import torch

    log_s = s.log()
    low, high = float(log_s.min()) - 24, float(s.sum().log()) + 12
    grid = torch.linspace(low, high, 2 + int((high - low) / GRID_STEP)).to(log_s)
    shrink = torch.sigmoid(grid[:, None] - log_s)
    q = shrink @ squares + residual
    x = grid[(shrink.log().sum(dim=1, keepdim=True) - n * q.log()).argmax(dim=0)]
    step = grid[1] - grid[0]
    lower, upper = x - step, x + step
    for _ in range(NEWTON_STEPS):
        w = torch.sigmoid(x - log_s[:, None])
        dw = w * (1 - w)
        q = (squares * w).sum(dim=0) + residual
        dq = (squares * dw).sum(dim=0) / q
        slope = (1 - w).sum(dim=0) - n * dq
        curvature = -dw.sum(dim=0) - n * ((squares * dw * (1 - 2 * w)).sum(dim=0) / q - dq * dq)
        lower, upper = torch.where(slope > 0, x, lower), torch.where(slope > 0, upper, x)
        newton = x - slope / curvature
        inside = (curvature < 0) & (newton > lower) & (newton < upper)
        moved = torch.where(inside, newton, (lower + upper) / 2)
        done = bool(((moved - x).abs() < 1e-9).all())
        x = moved
        if done:
            break
    return x
