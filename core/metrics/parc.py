"""PARC: are images that look alike to the network also alike in their labels?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate
from core.metrics.spectrum import decompose

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="parc",
    name="PARC",
    unit="rank correlation x 100",
    meaning=(
        "How well the distances between the features of two images agree with whether the two images carry the same "
        "label, over all pairs of images."
    ),
    question="Are images that look alike to the network also alike in their labels?",
    paper="Bolya et al., Scalable diverse model selection for accessible transfer learning, NeurIPS 2021",
    range=(
        "-100 to 100 in principle; 0 is chance. Labels only say same or different, so even classes that are perfectly "
        "apart stay below 100 (for two equal classes below about 87)"
    ),
    limits=(
        "Each of the 32 components counts the same, however small its variance, so detail can drown the component that "
        "matters. The correlation between two images runs over components, whose signs are a convention: other signs "
        "move the value by some tenths of a point, and features of a single direction score 0. Its maximum depends on "
        "the class shares: compare candidates on one target, never values of different targets."
    ),
    formula=(
        r"$100\,\rho(d_{ij}, \delta_{ij})$ over all pairs of images $i<j$: $\rho$ is Spearman's rank correlation, "
        r"$d_{ij} = 1 - \mathrm{corr}(z_i, z_j)$ with $z$ the first 32 principal components of the features, each "
        r"brought to variance 1, and $\delta_{ij} = [y_i \ne y_j]$."
    ),
    assumptions="Images of one class lie in similar directions from the mean of all images.",
    differs=(
        "Exact principal components where the authors' code draws random ones, with scikit-learn's signs (the largest "
        "loading is positive). Public code computes the distances between one-hot labels in floating point, and their "
        "rounding errors break ties at random; here equal distances share a rank. At most 4,000 images are used, a "
        "stratified draw with a fixed seed. The bonus that the paper adds for the depth of a network is left out."
    ),
    needs="features",
    order=10,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="The distance between two labels is the number of grades between them.",
    params={"components": 32, "max_images": 4000, "resample_images": 1000},
    permutations=100,
    resamples=30,
    seconds=lambda n, d, k: (
        0.2
        + 5e-10 * min(n, d, 4000) ** 3
        + 3e-7 * min(n, 4000) ** 2
        + 1.2e-8 * min(n / 2, d, 1000) ** 3
        + 2.4e-6 * min(n / 2, 1000) ** 2
    ),
)

# Distances that differ by less are ties that rounding has split, as those of duplicated images.
DECIMALS = 12


def parc(features: torch.Tensor, labels: np.ndarray, ordinal: bool = False) -> float:
    """PARC of `features` (N, D), any float type, for class ids `labels` (N,): in [-100, 100], higher is better.

    Bolya et al. 2021, without its bonus for depth. `ordinal`: labels are grades, whose distance is their difference.
    Scaling and shifting the features change nothing. With fewer than 32 directions in the features those there are
    count; two images of which one has the same value in all components are at distance 1; where all distances are
    equal the value is 0.
    """
    components = oriented(decompose(features).leading(METRIC.params["components"]), features)
    return agreement(ranked_pairs(components), labels, ordinal)


def oriented(components: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Principal `components` (N, k) of `features` (N, D), signed so that the largest loading of each is positive."""
    import torch

    x = features.to(components)
    loadings = (x - x.mean(dim=0)).T @ components
    largest = loadings.gather(0, loadings.abs().argmax(dim=0, keepdim=True))
    return components * torch.where(largest < 0, -1.0, 1.0)


def ranked_pairs(components: torch.Tensor) -> torch.Tensor:
    """(N, N) symmetric: the ranks of the pairs of images by distance, with mean 0 and squares that sum to 1 over pairs.

    `components` (N, k) are brought to variance 1; the distance is 1 - Pearson correlation, and equal distances share a
    rank. The diagonal is 0; all is 0 where all distances are equal.
    """
    import torch

    z = components / components.std(dim=0, correction=0)
    z = z - z.mean(dim=1, keepdim=True)
    norms = z.norm(dim=1, keepdim=True)
    z = torch.where(norms > 1e-12, z / norms, 0.0)
    upper = torch.triu_indices(len(z), len(z), 1, device=z.device)
    distances = (1 - (z @ z.T)[upper[0], upper[1]]).round(decimals=DECIMALS)
    _, value, counts = distances.unique(return_inverse=True, return_counts=True)
    by_value = _centred_ranks(counts.to(z))
    by_value = by_value / (counts * by_value**2).sum().sqrt().clamp(min=1e-300)
    ranks = z.new_zeros(len(z), len(z))
    ranks[upper[0], upper[1]] = by_value[value]
    return ranks + ranks.T


def agreement(ranks: torch.Tensor, labels: np.ndarray, ordinal: bool) -> float:
    """Spearman's correlation, times 100, between pairs ranked as by `ranked_pairs` and the distances of `labels` (N,).

    Only the rank sums between classes are needed, and the ranks of the label distances follow from the class sizes.
    """
    import torch

    ids = torch.from_numpy(np.unique(labels, return_inverse=True)[1]).to(ranks.device)
    one_hot = torch.nn.functional.one_hot(ids).to(ranks)
    classes = torch.arange(one_hot.shape[1], device=ranks.device)
    apart = (classes[:, None] - classes).abs()
    level = apart if ordinal else apart.clamp(max=1)
    sizes = one_hot.sum(dim=0)
    pairs = (torch.outer(sizes, sizes) - sizes.diag()) / 2  # between two classes from both sides: half each
    counts = ranks.new_zeros(int(level.max()) + 1).index_add(0, level.flatten(), pairs.flatten())
    label_ranks = _centred_ranks(counts)
    together = (one_hot.T @ (ranks @ one_hot) * label_ranks[level]).sum() / 2
    spread = (counts * label_ranks**2).sum().sqrt()
    return 100 * float(together / spread) if spread > 0 else 0.0


def _centred_ranks(counts: torch.Tensor) -> torch.Tensor:
    """The average rank of each group of ties, less the mean rank; `counts` (groups,) in increasing order of value."""
    return counts.cumsum(0) - (counts - 1) / 2 - (counts.sum() + 1) / 2


def prepare(case: Case) -> torch.Tensor:
    """The ranked distances between all pairs of the case's images."""
    components = case.spectrum.leading(METRIC.params["components"])
    return ranked_pairs(oriented(components, case.tensor(case.features)))


def calibrated(case: Case) -> Scored:
    """The value on at most 4,000 images with 100 permutations of their labels; 30 half samples of at most 1,000."""
    score = partial(agreement, ordinal=case.label_type == "ordinal")
    return calibrate(case, METRIC, prepare, score, lowest=-100.0, highest=100.0)


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values, on raw features and all images."""
    return {"parc": parc(case.tensor(case.features), case.labels)}
