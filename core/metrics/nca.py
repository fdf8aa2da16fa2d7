"""Suitability: after the best linear map to 50 dimensions, do an image's neighbours carry its label?"""

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.cautions import wide_caution
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate
from core.metrics.threads import one_thread

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
        "and networks differ in theirs. At most 4,000 images are used, a stratified draw with a fixed seed."
    ),
    needs="features",
    order=13,
    version=1,
    label_types=("binary", "multi-class", "ordinal"),
    why_not={"multi-label": "Not defined when an image can have several findings: it needs one class per image."},
    ordinal="Grades are treated as classes without an order.",
    params={
        "dimensions": 50,
        "k": 5,
        "start": "pca",
        "random_state": 42,
        "max_iter": 50,
        "features": "centred, mean squared norm D",
        "max_images": 4000,
        "null_images": 1000,
        "resample_images": 1000,
    },
    permutations=20,
    resamples=10,
    seconds=lambda n, d, k: 0.2 + 3e-5 * min(n, 1000) ** 2 + 4e-6 * min(n, 4000) ** 2,
)


def nca_knn_probability(features: np.ndarray, labels: np.ndarray) -> float:
    """Mean 5-nearest-neighbour probability of the true class after NCA, on the same points; [0.2, 1], higher is better.

    `features` (N, D) as they are (raw in the paper), not modified; `labels` (N,) with at least two classes. The map is
    scikit-learn's NCA to min(50, D, N) dimensions, PCA start, seed 42, 50 iterations, in float64.
    """
    from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis

    x = np.asarray(features, dtype=np.float64)
    dimensions = min(METRIC.params["dimensions"], *x.shape)
    classes, labels = np.unique(labels, return_inverse=True)
    # One thread, so that the optimiser, stopped after 50 steps, takes the same path whatever the number of cores.
    with one_thread():
        nca = NeighborhoodComponentsAnalysis(
            n_components=dimensions,
            init=METRIC.params["start"],
            max_iter=METRIC.params["max_iter"],
            random_state=METRIC.params["random_state"],
        )
        z = nca.fit_transform(x, labels)
        knn = KNeighborsClassifier(min(METRIC.params["k"], len(z))).fit(z, labels)
        return float(knn.predict_proba(z)[np.arange(len(z)), labels].mean())


def scaled(features: np.ndarray, squared_norm: float) -> np.ndarray:
    """Features centred and brought to this mean squared norm: NCA depends on scale, and candidates differ in theirs.

    With fewer images than features they are then rotated into the space that the images span, which keeps all
    distances and makes the fit faster by the ratio of the two numbers.
    """
    x = features - features.mean(axis=0)
    n, d = x.shape
    now = (x**2).sum() / n
    if now > (np.finfo(float).eps * np.abs(features).max()) ** 2 * d:  # else all images are alike
        x *= np.sqrt(squared_norm / now)
    if n >= d:
        return x
    s, u = np.linalg.eigh(x @ x.T)
    return (u * np.sqrt(s.clip(min=0)))[:, ::-1]


def prepare(case: Case) -> np.ndarray:
    """The features as NCA takes them."""
    return scaled(case.features, case.features.shape[1])


def calibrated(case: Case) -> Scored:
    """The value on at most 4,000 images, refitted permutations and half samples on at most 1,000."""
    return calibrate(
        case, METRIC, prepare, nca_knn_probability, lowest=0.0, highest=1.0, cautions=wide_caution(case)
    )  # fmt: skip


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values, on raw features."""
    return {"nca_knn_lp": nca_knn_probability(case.features, case.labels)}
