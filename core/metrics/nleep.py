"""NLEEP: LEEP without a source head, on the clusters of a Gaussian mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.metrics import mixture
from core.metrics.case import Case, Scored
from core.metrics.leep import expected_prediction, leep
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate
from core.metrics.spectrum import Spectrum, decompose

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="nleep",
    name="NLEEP",
    unit="mean log probability of the true class (nats)",
    meaning=(
        "How probable the true label of an image is when it is guessed from the clusters that the images form in the "
        "features, five clusters per class."
    ),
    question="Do the images fall into groups by themselves, and do these groups carry one label each?",
    paper="Li et al., Ranking neural checkpoints, CVPR 2021",
    range=(
        "up to 0 (every cluster holds one class); what chance scores is a little above minus the entropy of the "
        "labels, for two equal classes -0.69, and shown by the shuffled labels"
    ),
    limits=(
        "The clusters depend on a random start: single fits differ by some 0.03 nats, so five are averaged. With few "
        "images per cluster shuffled labels score high as well; go by the distance to them. The value depends on the "
        "class shares: compare candidates on one target only."
    ),
    formula=(
        r"$\frac{1}{N}\sum_i \log \sum_v \hat P(y_i \mid v)\,P(v \mid x_i)$: $v$ are the components of a Gaussian "
        "mixture on the principal components of the features, five per class, and "
        r"$\hat P(y \mid v)$ is the share of label $y$ among the images, each counted with its probability of $v$."
    ),
    assumptions="Each class is about a handful of Gaussian clusters in the leading directions of the features.",
    differs=(
        "Principal components that hold 80 % of the variance, as in the paper, but at most 64 and at most half as many "
        "as there are images per Gaussian: with more, no covariance can be estimated and the fit stops at its start. "
        "With the logarithm, as in the paper; public code leaves it out. Features are brought to a mean square of 1, "
        "because what keeps covariances invertible depends on their scale. The mean of five fits with fixed seeds, on "
        "at most 4,000 images, a stratified draw."
    ),
    needs="features",
    order=12,
    version=1,
    multi_label="With and without each label as two classes, on one set of ten clusters; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    params={
        "energy": 0.8,
        "most_dimensions": 64,
        "images_per_dimension": 2,
        "components_per_class": 5,
        "fits": 5,
        "features": "centred, mean squared norm D",
        "max_images": 4000,
        "resample_images": 1000,
    },
    permutations=100,
    resamples=10,
    seconds=lambda n, d, k: (
        0.5 + 5e-10 * min(n, d, 4000) ** 3 + 1.3e-3 * min(n, 4000) + 4e-9 * min(n / 2, d, 1000) ** 3
    ),
)

COMFORTABLE = 5  # images per cluster: with fewer, a share of labels says more about chance than about the cluster


def nleep(features: torch.Tensor, labels: np.ndarray, seed: int = 0) -> float:
    """NLEEP of `features` (N, D), any float type, for class ids `labels` (N,): at most 0, higher is better.

    Li et al. 2021, in the product's form (see METRIC.differs); scaling and shifting the features change nothing.
    """
    classes = len(np.unique(labels))
    return score(posteriors(decompose(features), classes, np.random.default_rng(seed)), labels)


def score(fitted: list[torch.Tensor], labels: np.ndarray) -> float:
    """The mean LEEP of class ids `labels` (N,) over mixtures, each given as its posterior (N, K)."""
    return float(np.mean([leep(posterior, labels) for posterior in fitted]))


def posteriors(spectrum: Spectrum, classes: int, rng: np.random.Generator) -> list[torch.Tensor]:
    """The (N, K) probabilities of the clusters of each image, of each of the fits. Labels have no part in them."""
    n, components = len(spectrum.u), clusters(len(spectrum.u), classes)
    estimable = n // (METRIC.params["images_per_dimension"] * components)
    dimensions = max(1, min(enough(spectrum), estimable, METRIC.params["most_dimensions"]))
    scale = (n * spectrum.width / spectrum.s.sum()).sqrt()
    return fits(spectrum.leading(dimensions) * scale, components, rng)


def fits(x: torch.Tensor, components: int, rng: np.random.Generator) -> list[torch.Tensor]:
    """The posteriors of as many mixtures, each from a start of its own."""
    return [mixture.posterior(x, mixture.fit(x, components, rng)) for _ in range(METRIC.params["fits"])]


def clusters(images: int, classes: int) -> int:
    """Five per class, and no more than images."""
    return min(images, METRIC.params["components_per_class"] * classes)


def enough(spectrum: Spectrum) -> int:
    """How many principal components hold more than 80 % of the variance."""
    held = spectrum.s.flip(0).cumsum(0)
    return min(len(held), 1 + int((held <= METRIC.params["energy"] * spectrum.s.sum()).sum()))


def classes_of(case: Case) -> int:
    """How many classes a labelling of the case has."""
    return 2 if case.label_type == "multi-label" else len(np.unique(case.labels))


def prepare(case: Case) -> list[torch.Tensor]:
    """The clusters of the case's images."""
    return posteriors(case.spectrum, classes_of(case), case.rng(7))


def calibrated(case: Case) -> Scored:
    """The value on at most 4,000 images with 100 permutations of their labels on the same clusters; 10 half samples of
    at most 1,000, each clustered anew."""
    n, cautions = min(len(case.labels), METRIC.params["max_images"]), ()
    k = clusters(n, classes_of(case))
    if n < COMFORTABLE * k:
        cautions = (f"{n} images for {k} clusters: with so few in each, shuffled labels score well too.",)
    return calibrate(case, METRIC, prepare, score, highest=0.0, cautions=cautions)


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values: raw features, all components that hold 80 % of the variance, and the mean
    probability of the true class in place of its logarithm. The mean of five fits, where public code takes one."""
    x = case.spectrum.leading(enough(case.spectrum))
    fitted = fits(x, clusters(len(x), classes_of(case)), case.rng(7))
    return {
        "nleep_published_unseeded": float(np.mean([expected_prediction(p, case.labels).mean().item() for p in fitted]))
    }
