"""The metrics as public code computes them: scikit-learn, scipy and plain numpy, one candidate at a time, on the CPU.

Written from the definitions in the papers; the routes (full decompositions, explicit inverses, Python loops over the
classes) are those of the public implementations. They are here to be timed, beside ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.special import logsumexp, softmax
from scipy.stats import spearmanr
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Inputs:
    x: np.ndarray  # (N, D) float64
    y: np.ndarray  # (N,) 0..C-1
    logits: np.ndarray  # (N, S)
    folds: np.ndarray  # (N,)

    @property
    def classes(self) -> range:
        return range(self.y.max() + 1)


def linear_probe(inputs: Inputs) -> float:
    return _held_out_auc(inputs, make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)))


def knn(inputs: Inputs) -> float:
    return _held_out_auc(inputs, KNeighborsClassifier(5, metric="cosine"))


def _held_out_auc(inputs: Inputs, classifier) -> float:
    split = PredefinedSplit(inputs.folds)
    scores = cross_val_predict(classifier, inputs.x, inputs.y, cv=split, method="predict_proba")
    return roc_auc_score(inputs.y, scores, multi_class="ovr")


def logme(inputs: Inputs) -> float:
    """Full singular value decomposition, 11 steps of the fixed point for each class."""
    n, d = inputs.x.shape
    u, singular, _ = np.linalg.svd(inputs.x, full_matrices=True)
    s = np.zeros(d)
    s[: len(singular)] = singular**2
    evidence = []
    for c in inputs.classes:
        y = (inputs.y == c).astype(float)
        projected = np.zeros(d)
        projected[: len(singular)] = (u.T @ y)[: len(singular)] ** 2
        rest = y @ y - projected.sum()
        alpha = beta = 1.0
        for _ in range(11):
            gamma = (beta * s / (alpha + beta * s)).sum()
            weights = (beta**2 * s * projected / (alpha + beta * s) ** 2).sum()
            error = (projected * (alpha / (alpha + beta * s)) ** 2).sum() + rest
            alpha, beta = gamma / (weights + 1e-5), (n - gamma) / (error + 1e-5)
        evidence.append(
            d / 2 * np.log(alpha) + n / 2 * np.log(beta) - np.log(alpha + beta * s).sum() / 2
            - beta / 2 * error - alpha / 2 * weights - n / 2 * np.log(2 * np.pi)
        )  # fmt: skip
    return float(np.mean(evidence) / n)


def hscore(inputs: Inputs) -> float:
    return _hscore(inputs, np.cov(inputs.x, rowvar=False))


def hscore_regularised(inputs: Inputs) -> float:
    return _hscore(inputs, LedoitWolf().fit(inputs.x).covariance_)


def _hscore(inputs: Inputs, covariance: np.ndarray) -> float:
    means = np.stack([inputs.x[inputs.y == c].mean(axis=0) for c in inputs.classes])[inputs.y]
    return float(np.trace(np.linalg.pinv(covariance, rcond=1e-15) @ np.cov(means, rowvar=False)))


def transrate(inputs: Inputs) -> float:
    x = inputs.x - inputs.x.mean(axis=0)

    def rate(part: np.ndarray) -> float:
        n, d = part.shape
        return np.linalg.slogdet(np.eye(d) + d / (n * 1e-4) * part.T @ part)[1] / 2

    return rate(x) - sum((inputs.y == c).mean() * rate(x[inputs.y == c]) for c in inputs.classes)


def sfda(inputs: Inputs) -> float:
    """Two passes of regularised Fisher discriminant analysis, a generalised eigendecomposition each."""
    first = softmax(_sfda_pass(inputs.x, inputs.y, None)[0], axis=1)
    confidence = softmax(first, axis=1)[np.arange(len(inputs.y)), inputs.y][:, None]
    means = np.stack([inputs.x[inputs.y == c].mean(axis=0) for c in inputs.classes])
    others = (means.sum(axis=0) - means[inputs.y]) / (len(means) - 1)
    strength = _sfda_pass(inputs.x, inputs.y, None)[1]
    logits, _ = _sfda_pass(confidence * inputs.x + (1 - confidence) * others, inputs.y, strength)
    return float(softmax(logits, axis=1)[np.arange(len(inputs.y)), inputs.y].mean())


def _sfda_pass(x: np.ndarray, y: np.ndarray, strength: float | None) -> tuple[np.ndarray, float]:
    n, d = x.shape
    priors = np.bincount(y) / n
    means = np.stack([x[y == c].mean(axis=0) for c in range(len(priors))])
    within = (x - means[y]).T @ (x - means[y]) / n
    total = np.cov(x, rowvar=False, bias=True)
    if strength is None:
        vector = within.sum(axis=1)
        for _ in range(6):
            vector = within @ vector
            vector /= np.linalg.norm(vector)
        strength = max(np.exp(-5 * (vector @ within @ vector)), 1e-10)
    within, total = ((1 - strength) * s + strength * np.trace(s) / d * np.eye(d) for s in (within, total))
    _, vectors = scipy.linalg.eigh(total - within, within)
    projected = means @ vectors @ vectors.T
    return x @ projected.T - (projected * means).sum(axis=1) / 2 + np.log(priors), strength


def ncti(inputs: Inputs) -> float:
    """The sum of the three raw terms as the paper combines them; its min-max over the pool costs nothing."""
    x = PCA(64, svd_solver="full").fit_transform(inputs.x)
    lda = LinearDiscriminantAnalysis().fit(x, inputs.y)
    projected, p = lda.transform(x), lda.predict_proba(x)
    neural_collapse = p[np.arange(len(x)), inputs.y].mean()
    compactness = np.log(sum(np.linalg.norm(p[inputs.y == c], ord="nuc") for c in inputs.classes))
    return float(np.linalg.norm(projected - projected.mean(axis=0), ord="nuc") + neural_collapse - compactness)


def gbc(inputs: Inputs) -> float:
    x = PCA(64, svd_solver="full").fit_transform(inputs.x)
    means = [x[inputs.y == c].mean(axis=0) for c in inputs.classes]
    covariances = [np.cov(x[inputs.y == c], rowvar=False) for c in inputs.classes]
    overlap = 0.0
    for a in inputs.classes:
        for b in inputs.classes:
            if a != b:
                middle, between = (covariances[a] + covariances[b]) / 2, means[a] - means[b]
                logs = [np.linalg.slogdet(matrix)[1] for matrix in (middle, covariances[a], covariances[b])]
                distance = between @ np.linalg.inv(middle) @ between / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
                overlap += np.exp(-distance)
    return -float(overlap)


def parc(inputs: Inputs) -> float:
    """Spearman's correlation over the whole upper triangles."""
    x = PCA(32, svd_solver="full").fit_transform(inputs.x)
    upper = np.triu_indices(len(x), k=1)
    features = 1 - np.corrcoef((x - x.mean(axis=0)) / x.std(axis=0))
    labels = 1 - np.corrcoef(np.eye(len(inputs.classes))[inputs.y])
    return 100 * spearmanr(features[upper], labels[upper]).statistic


def leep(inputs: Inputs) -> float:
    return float(np.log(_expected_prediction(softmax(inputs.logits, axis=1), inputs)).mean())


def nleep(inputs: Inputs) -> float:
    """A full-covariance Gaussian mixture of five components per class, on 80 % of the variance."""
    x = PCA(0.8, svd_solver="full").fit_transform(inputs.x)
    mixture = GaussianMixture(5 * len(inputs.classes), random_state=0).fit(x)
    return float(np.log(_expected_prediction(mixture.predict_proba(x), inputs)).mean())


def _expected_prediction(source: np.ndarray, inputs: Inputs) -> np.ndarray:
    joint = np.stack([source[inputs.y == c].sum(axis=0) for c in inputs.classes]) / len(source)
    conditional = joint / joint.sum(axis=0).clip(min=np.finfo(float).tiny)
    return (source @ conditional.T)[np.arange(len(source)), inputs.y]


def nca(inputs: Inputs) -> float:
    """On centred features of mean squared norm D, as ours."""
    x = inputs.x - inputs.x.mean(axis=0)
    x *= np.sqrt(x.shape[1] / (x**2).sum(axis=1).mean())
    z = _fit_nca(x, inputs.y, "pca").transform(x)
    neighbours = KNeighborsClassifier(5).fit(z, inputs.y)
    return float(neighbours.predict_proba(z)[np.arange(len(z)), inputs.y].mean())


def nca_objective(x: np.ndarray, y: np.ndarray, init: str | np.ndarray) -> float:
    """The objective per image that scikit-learn's NCA reaches on `x` as it is."""
    z = _fit_nca(x, y, init).transform(x)
    logits = -pairwise_distances(z, squared=True)
    np.fill_diagonal(logits, -np.inf)
    of_its_class = np.where(y[:, None] == y, logits, -np.inf)
    return float(np.exp(logsumexp(of_its_class, axis=1) - logsumexp(logits, axis=1)).mean())


def _fit_nca(x: np.ndarray, y: np.ndarray, init: str | np.ndarray) -> NeighborhoodComponentsAnalysis:
    dimensions = min(50, *x.shape)
    return NeighborhoodComponentsAnalysis(dimensions, init=init, max_iter=50, random_state=42).fit(x, y)


ROUTES: dict[str, Callable[[Inputs], float]] = {
    route.__name__: route
    for route in (
        linear_probe, knn, logme, hscore_regularised, hscore, transrate, sfda, ncti, gbc, parc, leep, nleep, nca,
    )
}  # fmt: skip
