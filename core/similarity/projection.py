"""Target and sources together in two dimensions, with how far the picture can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import SimilarityError
from core.similarity.vectors import principal

METHODS = {
    "umap": "UMAP: keeps near images near; distances between far groups mean little (McInnes et al. 2018).",
    "tsne": "t-SNE: keeps near images near; sizes of groups and distances between them mean nothing "
    "(van der Maaten & Hinton 2008).",
    "pca": "PCA: the two directions in which all images together vary most; distances can only be too short.",
    "nca": "NCA: the linear map that best puts each target image next to others of its class; the sources are laid in "
    "with the same map. It is fitted to these labels, and separates noise too (Goldberger et al. 2004).",
    "lda": "LDA: the linear map that best separates the means of the target's classes; the sources are laid in with "
    "the same map. It is fitted to these labels, and separates noise too. For two classes, down is the first principal "
    "component of what is left.",
}
LABELLED = ("nca", "lda")
VERSION = 1  # of the projections: those kept from another version are drawn anew
COMPONENTS = 50  # of the features, before anything else
NEIGHBOURS = 10  # whose preservation is counted
UMAP_NEIGHBOURS = 15
UMAP_EPOCHS = 200  # umap's number for many images: 500, as for few, took longer and kept 5,000 no better
PERPLEXITY = 30
MIN_IMAGES = 25
UNLABELLED = -1


@dataclass(frozen=True)
class Projection:
    """`points` (N, 2) float32. `preservation`: share in [0, 1] of the 10 nearest neighbours that are still among the
    10 nearest in the picture. `trustworthiness` in [0, 1]: 1 when no image has a neighbour in the picture that is far
    from it in truth (Venna & Kaski 2001)."""

    points: np.ndarray
    preservation: float
    trustworthiness: float


def project(features: np.ndarray, method: str, labels: np.ndarray | None = None, seed: int = 0) -> Projection:
    """`features` (N, D) of all sets together in two dimensions, by a method of METHODS.

    `labels` (N,) integers, for "nca" and "lda": the class of each target image, -1 for images that do not take part
    in the fit (those of the sources). Made for up to some 5,000 images: memory grows with their square.
    SimilarityError for fewer than 25 images, features that are not finite, or missing classes.
    """
    features = np.asarray(features)
    if len(features) < MIN_IMAGES or not np.isfinite(features).all():
        raise SimilarityError(
            f"A projection needs at least {MIN_IMAGES} images, and features without NaN or infinite values.",
            "Add images, or check the encoder's weights and preprocessing.",
        )
    (x,) = principal([features], COMPONENTS)
    x /= np.sqrt((x**2).mean()) or 1.0
    if method in LABELLED:
        points = {"nca": _nca, "lda": _lda}[method](x, _fitted(labels))
    else:
        points = {"umap": _umap, "tsne": _tsne, "pca": lambda x, seed: x[:, :2]}[method](x, seed)
    points = np.ascontiguousarray(points, dtype=np.float32)
    return Projection(points, *trust(features, points))


def trust(features: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Preservation and trustworthiness of `points` (N, 2) as a picture of `features` (N, D), see Projection."""
    from sklearn.manifold import trustworthiness

    before, after = _neighbours(features, NEIGHBOURS)[0], _neighbours(points, NEIGHBOURS)[0]
    kept = [len(np.intersect1d(a, b)) for a, b in zip(before, after, strict=True)]
    return float(np.mean(kept) / NEIGHBOURS), float(trustworthiness(features, points, n_neighbors=NEIGHBOURS))


def _neighbours(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (N, k) of the nearest other images, and their distances."""
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    return indices, distances


def _fitted(labels: np.ndarray | None) -> np.ndarray:
    known = np.array([]) if labels is None else np.asarray(labels)[np.asarray(labels) != UNLABELLED]
    if len(np.unique(known)) < 2:
        raise SimilarityError("This projection needs target images of at least two classes.", "Choose another one.")
    return np.asarray(labels)


def _umap(x: np.ndarray, seed: int) -> np.ndarray:
    import warnings

    from umap import UMAP

    # Neighbours from scikit-learn: to compile umap's own search takes most of a minute in every new process.
    indices, distances = _neighbours(x, UMAP_NEIGHBOURS - 1)
    knn = (np.column_stack([np.arange(len(x)), indices]), np.column_stack([np.zeros(len(x)), distances]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one thread because of the seed; no transform of new images
        return UMAP(
            n_neighbors=UMAP_NEIGHBOURS, n_epochs=UMAP_EPOCHS, precomputed_knn=knn, random_state=seed
        ).fit_transform(x)


def _tsne(x: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(x) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(x)


def _nca(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    import torch

    from core.metrics.nca import nca

    fitted = x[labels != UNLABELLED]
    classes = np.unique(labels[labels != UNLABELLED], return_inverse=True)[1]
    centred = torch.from_numpy(fitted - fitted.mean(axis=0))
    start = torch.linalg.svd(centred, full_matrices=False)[2][:2]
    found, _ = nca(centred, classes, start)
    return x @ found.numpy().T


def _lda(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    fitted = labels != UNLABELLED
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(x[fitted], labels[fitted])
    found = lda.transform(x)[:, :2]
    if found.shape[1] == 2:
        return found
    along = lda.scalings_[:, :1] / np.linalg.norm(lda.scalings_[:, 0])
    (rest,) = principal([x - x @ along @ along.T], 1)
    return np.column_stack([found, rest])
