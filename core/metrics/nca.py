"""Suitability: after the best linear map to 50 dimensions, do an image's neighbours carry its label?"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MetricError
from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate
from core.metrics.threads import one_thread, shared_out

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="nca",
    name="Suitability (NCA)",
    unit="mean probability of the true class",
    meaning=(
        "After a linear map to at most 50 dimensions has been fitted to these images, the share of an image's 5 "
        "nearest images, itself among them, that carry its class."
    ),
    question="Can a linear view of these features put the classes into separate neighbourhoods?",
    paper="Juodelyte et al. 2024, arXiv:2412.20172 (forward part); Goldberger et al. 2004",
    range="0.2 (only the image itself agrees) to 1",
    limits=(
        "It is scored on the images that the map was fitted to, so noise scores well above its class shares; "
        "only the distance to shuffled labels means something. The paper ranks sources with it together with "
        "adaptability, within one architecture."
    ),
    formula=(
        r"NCA finds the linear map $A$ to 50 dimensions with the largest $\sum_i \sum_{j \ne i,\, y_j = y_i} p_{ij}$, "
        r"$p_{ij} \propto \exp(-\lVert A x_i - A x_j \rVert^2)$. The value is the mean over images of the share of "
        "the 5 nearest images under that map, the image itself among them, that carry its class."
    ),
    assumptions="A linear map can separate the classes; the images are enough to fit it without memorising them.",
    differs=(
        "Features are centred and scaled to mean squared norm D first, because the objective depends on their scale "
        "and networks differ in theirs. The map starts from the exact principal components, where public code takes a "
        "randomised estimate of them. At most 4,000 images are used, a stratified draw with a fixed seed."
    ),
    needs="features",
    order=13,
    version=2,
    multi_label="One map and one value per label, with and without it as two classes; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={
        "dimensions": 50,
        "k": 5,
        "start": "pca",
        "max_iter": 50,
        "tolerance": 1e-5,
        "features": "centred, mean squared norm D",
        "max_images": 4000,
        "null_images": 500,
        "resample_images": 500,
    },
    permutations=19,
    resamples=10,
    label_by_label=True,
    seconds=lambda n, d, k: 0.2 + 3e-5 * min(n, 1000) ** 2 + 4e-6 * min(n, 4000) ** 2,
)


PUBLISHED_SEED = 42
VALUES_AT_ONCE = 2**19  # entries of a matrix of pairs: what a processor's cache holds
FEW = 256  # images, of which one matrix of all pairs is faster than a search for those that matter
NEGLIGIBLE = 37  # exp(-37) is below the rounding error of 1
SPARSE = 0.03  # up to this share of pairs that matter, a sparse matrix is faster than a full one
SHARE = 384  # rows or columns of a table that one thread takes at a time


def nca_knn_probability(x: torch.Tensor, labels: np.ndarray, start: torch.Tensor) -> float:
    """Mean 5-nearest-neighbour probability of the true class after NCA, on the same points; [0.2, 1], higher is better.

    `x` (N, D) centred features, float64; `labels` (N,) with at least two classes; `start` (d, D) the map to begin
    with. Juodelyte et al. 2024, arXiv:2412.20172.
    """
    import torch

    fitted, _ = nca(x, labels, start)
    return knn_probability(x @ fitted.T, torch.from_numpy(labels).to(x.device), METRIC.params["k"])


def nca(x: torch.Tensor, labels: np.ndarray, start: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The map (d, D) that at most 50 steps of L-BFGS reach from `start`, and its objective per image, in [0, 1].

    `x` (N, D) and `start` in float64, `labels` (N,). The objective has many local maxima, and where the classes overlap
    a rounding error can lead to another one, with a value some 0.01 apart: hence double precision, and work cut into
    shares by the size of the table alone, so that the path does not depend on the number of cores. Goldberger et al.,
    Neighbourhood components analysis, NIPS 2004; the stopping rule is scikit-learn's.
    """
    import torch
    from scipy.optimize import minimize

    order, sizes = _by_class(labels)
    x = x[torch.from_numpy(order).to(x.device)]
    rows, columns = (x.split(SHARE, dim) if x.device.type == "cpu" else (x,) for dim in (0, 1))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        projection = torch.from_numpy(flat.reshape(start.shape)).to(x)
        z = torch.cat(list(each(lambda share: share @ projection.T, rows)))
        value, gradient = neighbourhoods(z, sizes, each)
        return -value, -torch.cat(list(each(lambda share: gradient.T @ share, columns)), dim=1).cpu().numpy().ravel()

    options = {"maxiter": METRIC.params["max_iter"]}
    flat, tolerance = start.cpu().numpy().ravel(), METRIC.params["tolerance"]
    with shared_out() as each:
        found = minimize(loss, flat, jac=True, method="L-BFGS-B", tol=tolerance, options=options)
    return torch.from_numpy(found.x.reshape(start.shape)).to(x), -found.fun / len(x)


def _by_class(labels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The images class by class, and the size of each. Classes come in the order in which they first appear, so that
    other names for them change no rounding error."""
    _, first, classes, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    return np.argsort(first[classes], kind="stable"), sizes[np.argsort(first)].tolist()


def neighbourhoods(z: torch.Tensor, sizes: list[int], each: Callable = map) -> tuple[float, torch.Tensor]:
    """NCA's objective at mapped images `z` (N, d), sorted by class with `sizes` images each; its gradient by z (N, d).
    `each` is `map` or one that shares the work out.

    sum_i p_i with p_i = sum_{j != i, y_j = y_i} p_ij, p_ij = softmax_j(-|z_i - z_j|^2). With W_ij = p_ij ([y_j = y_i]
    - p_i), whose rows sum to 0, the gradient is 2 (W + W') z - 2 diag(W'1) z. Few p_ij are above rounding error, for
    real features well below 1 %, so that on the CPU W is a sparse matrix where it can be. Of many images no N x N
    matrix is held.
    """
    if len(z) <= FEW:
        return _whole(z, _same_class(tuple(sizes), z.device))
    pairs = _near(z, each) if z.device.type == "cpu" else None
    return _dense(z, sizes) if pairs is None else _sparse(z, sizes, *pairs)


@lru_cache(maxsize=1)
def _same_class(sizes: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """(N, N) float64: 1 where two images are of one class. Asked for at every step with the same sizes."""
    import torch

    classes = torch.arange(len(sizes), device=device).repeat_interleave(torch.tensor(sizes, device=device))
    return (classes[:, None] == classes).double()


def _whole(z: torch.Tensor, same: torch.Tensor) -> tuple[float, torch.Tensor]:
    """All pairs in one matrix: the fastest for few images."""
    import torch

    logits = torch.addmm(-(z * z).sum(dim=1), z, z.T, alpha=2)  # the softmax over j does not see |z_i|^2
    p = torch.softmax(logits.fill_diagonal_(-torch.inf), dim=1)
    w = p * same
    true = w.sum(dim=1, keepdim=True)
    w.addcmul_(p, true, value=-1)
    return float(true.sum()), 2 * ((w + w.T) @ z - w.sum(dim=0)[:, None] * z)


def _near(z: torch.Tensor, each: Callable) -> tuple[np.ndarray, np.ndarray] | None:
    """How many images matter to each image (N,) and which, one after the other; None where they are many.

    These are all whose p_ij is not negligible beside the largest of the row. Single precision is enough to tell, with
    the bound of its error on top.
    """
    import torch

    n, d = z.shape
    single = z.float()
    squares = (single * single).sum(dim=1, keepdim=True)
    error = float(squares.max()) * (d + 3) * torch.finfo(torch.float32).eps
    if not error < NEGLIGIBLE:
        return None
    right = torch.cat([single, -squares], dim=1).T.contiguous()
    left = torch.cat([2 * single, torch.ones_like(squares)], dim=1)
    at_once = max(1, VALUES_AT_ONCE // n)
    share = at_once * max(1, SHARE // at_once)

    def places(first: int) -> np.ndarray:
        """The pairs of a share of the rows; where they are too many, only so many that this is seen."""
        last = min(first + share, n)
        # One buffer for all chunks: most of the time would go into fetching new memory.
        buffer, above = single.new_empty((at_once, n)), torch.empty((at_once, n), dtype=torch.bool)
        found, total = [], 0
        for begin in range(first, last, at_once):
            end = min(begin + at_once, last)
            logits = torch.mm(left[begin:end], right, out=buffer[: end - begin])
            logits[:, begin:end].fill_diagonal_(-torch.inf)
            lowest = logits.amax(dim=1, keepdim=True) - (NEGLIGIBLE + 2 * error)
            found.append(np.flatnonzero(torch.gt(logits, lowest, out=above[: end - begin]).numpy()) + begin * n)
            total += len(found[-1])
            if total > SPARSE * n * n:
                break
        return np.concatenate(found)

    pairs = np.concatenate(list(each(places, range(0, n, share))))
    if len(pairs) > SPARSE * n * n:
        return None
    i, j = np.divmod(pairs, n)
    return np.bincount(i, minlength=n), j


def _sparse(z: torch.Tensor, sizes: list[int], counts: np.ndarray, j: np.ndarray) -> tuple[float, torch.Tensor]:
    import torch
    from scipy.sparse import csr_array

    z, n = z.numpy(), len(z)
    i, begins = np.repeat(np.arange(n), counts), np.cumsum(counts) - counts
    difference = z[i] - z[j]
    logits = -(difference * difference).sum(axis=1)
    p = np.exp(logits - np.maximum.reduceat(logits, begins)[i])
    p /= np.add.reduceat(p, begins)[i]
    classes = np.repeat(np.arange(len(sizes)), sizes)
    same = classes[i] == classes[j]
    true = np.add.reduceat(p * same, begins)
    w = p * (same - true[i])
    weights = csr_array((w, j, np.append(begins, len(j))), shape=(n, n))
    sums = np.bincount(j, w, n)
    return float(true.sum()), torch.from_numpy(2 * (weights @ z + weights.T @ z - sums[:, None] * z))


def _dense(z: torch.Tensor, sizes: list[int]) -> tuple[float, torch.Tensor]:
    import torch

    n = len(z)
    at_once = max(1, VALUES_AT_ONCE // n)
    logits, weights = z.new_empty((2, min(at_once, max(sizes)), n))
    right = torch.cat([z, -(z * z).sum(dim=1, keepdim=True)], dim=1).T.contiguous()
    left = torch.cat([2 * z, torch.ones_like(z[:, :1])], dim=1)
    value = torch.zeros((), dtype=z.dtype, device=z.device)
    gradient, sums = torch.zeros_like(z), torch.zeros_like(z[:, 0])
    for first, last in pairwise(accumulate(sizes, initial=0)):
        for begin in range(first, last, at_once):
            end = min(begin + at_once, last)
            m, w = logits[: end - begin], weights[: end - begin]
            torch.mm(left[begin:end], right, out=m)  # |z_i|^2 - |z_i - z_j|^2; the softmax over j does not see |z_i|^2
            m[:, begin:end].fill_diagonal_(-torch.inf)
            torch.softmax(m, dim=1, out=w)
            true = w[:, first:last].sum(dim=1, keepdim=True)
            value += true.sum()
            w[:, :first] *= -true
            w[:, first:last] *= 1 - true
            w[:, last:] *= -true
            gradient[begin:end] += w @ z
            gradient.addmm_(w.T, z[begin:end])
            sums += w.sum(dim=0)
    return float(value), 2 * (gradient - sums[:, None] * z)


def knn_probability(z: torch.Tensor, labels: torch.Tensor, k: int) -> float:
    """The mean over images of the share of the k nearest images, itself first, that carry its label. `z` (N, d)."""
    import torch

    n, carried = len(z), 0.0
    squares = (z * z).sum(dim=1)
    at_once = max(1, VALUES_AT_ONCE // n)
    for begin in range(0, n, at_once):
        rows = slice(begin, begin + at_once)
        distances = torch.addmm(squares, z[rows], z.T, alpha=-2)  # |z_i - z_j|^2 - |z_i|^2: the same order
        distances[:, rows].fill_diagonal_(-torch.inf)
        nearest = distances.topk(min(k, n), dim=1, largest=False).indices
        carried += float((labels[nearest] == labels[rows, None]).double().mean(dim=1).sum())
    return carried / n


def prepare(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """The features as NCA takes them, (N, r), and the map that it starts from, their PCA.

    They are centred, brought to mean squared norm D, because NCA depends on scale and candidates differ in theirs, and
    rotated to their principal components, which keeps all distances and takes no more columns than they span.
    """
    import torch

    spectrum = case.spectrum
    if len(spectrum.s) == 0:
        raise MetricError("The features differ by rounding errors only.", "Check the checkpoint's weights.")
    scale = (spectrum.width * len(case.labels) / spectrum.s.sum()).sqrt()
    x = spectrum.leading(len(spectrum.s)) * scale
    return x, torch.eye(min(METRIC.params["dimensions"], x.shape[1]), x.shape[1]).to(x)


def score(state: tuple[torch.Tensor, torch.Tensor], labels: np.ndarray) -> float:
    """The value of prepared features for class ids (N,)."""
    x, start = state
    return nca_knn_probability(x, labels, start)


def calibrated(case: Case) -> Scored:
    """The value on at most 4,000 images, refitted permutations and half samples on at most 500."""
    return calibrate(case, METRIC, prepare, score, lowest=0.0, highest=1.0)


def published_start(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Raw features (N, D), centred, and the map (d, D) that scikit-learn starts from: its seeded, randomised PCA."""
    import torch
    from sklearn.decomposition import PCA

    pca = PCA(min(METRIC.params["dimensions"], *case.features.shape), random_state=PUBLISHED_SEED)
    with one_thread():
        pca.fit(case.features)
    return torch.from_numpy(case.features - pca.mean_), torch.from_numpy(pca.components_)


def published(case: Case) -> dict:
    """The quantity of the reference values, on raw features."""
    if case.label_type == "multi-label":
        return {"nca_knn_lp": {"value": None, "reason": "Not defined when an image can have several findings."}}
    x, start = published_start(case)
    return {"nca_knn_lp": nca_knn_probability(x, case.labels, start)}
