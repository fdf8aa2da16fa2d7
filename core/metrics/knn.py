"""k-nearest neighbours: do images that look alike to the network carry the same label?"""

import numpy as np

from core.metrics.auc import auc, bootstrapped_interval, macro_auc
from core.metrics.case import Case, Scored
from core.metrics.folds import FOLDS_LIMIT, each_fold
from core.metrics.metric import Metric
from core.metrics.resampling import shuffles_within

METRIC = Metric(
    key="knn",
    name="Nearest neighbours",
    unit="AUC",
    meaning=(
        "How well an image's label is told by the labels of its 5 nearest images in feature space, "
        "among images that were held out."
    ),
    question="Do images that look alike to this network carry the same label?",
    paper="Cover & Hart 1967; as a test of frozen features, Wu et al. 2018 (arXiv:1805.01978)",
    range="0.5 (chance) to 1 (every image ranked right); below 0.5 is worse than chance",
    limits=f"Five votes give a coarse score, so small differences between candidates mean little. {FOLDS_LIMIT}",
    formula=(
        "The score of an image for a class is the share of its 5 nearest images, by cosine and among the other folds, "
        "that carry that class. The AUC of these scores over all images; the mean over the classes or labels."
    ),
    assumptions="Distance in feature space means something as it is, without any fitting.",
    needs="features",
    order=2,
    version=2,
    multi_label="One AUC per label from the same neighbours; the mean over the labels.",
    ordinal="One AUC per step between grades (grade above k or not) from the same neighbours; the mean over the steps.",
    params={"k": 5, "distance": "cosine", "votes": "unweighted", "auc": "out of fold, pooled, macro"},
    permutations=200,
    resamples=200,
    seconds=lambda n, d, k: 0.05 + 5e-11 * n**2 * d + 4e-5 * n * k,
)

ROWS_AT_ONCE = 2048


def neighbours(features: np.ndarray, folds: np.ndarray, k: int = 5, device: str = "cpu") -> np.ndarray:
    """(N, k) indices of each image's nearest images by cosine among the other folds, nearest first.

    `features` (N, D) is not modified; k shrinks to the images that there are. An image whose features are all zero
    is equally far from all.
    """
    import torch

    x = torch.as_tensor(features).to(device, torch.float64)
    x = torch.nn.functional.normalize(x, dim=1)
    splits = each_fold(folds)
    k = min(k, min(len(train) for train, _ in splits))
    nearest = np.empty((len(folds), k), dtype=np.int64)
    for train, test in splits:
        for rows in np.array_split(test, -(-len(test) // ROWS_AT_ONCE)):
            similarity = x[torch.from_numpy(rows)] @ x[torch.from_numpy(train)].T
            nearest[rows] = train[similarity.topk(k, dim=1).indices.cpu().numpy()]
    return nearest


def knn_scores(features: np.ndarray, columns: np.ndarray, folds: np.ndarray, k: int = 5) -> np.ndarray:
    """(N, K) out-of-fold share of the k nearest images that carry each label; in [0, 1]."""
    return columns[neighbours(features, folds, k)].mean(axis=1)


def calibrated(case: Case) -> Scored:
    """AUC of the votes; labels permuted within folds reuse the neighbours; interval by bootstrap of whole groups."""
    nearest = neighbours(case.features, case.folds, METRIC.params["k"], case.device)
    scores = case.columns[nearest].mean(axis=1)
    sources = shuffles_within(case.folds, case.columns, case.groups, METRIC.permutations, case.rng(1))
    nulls = [macro_auc(shuffled[nearest].mean(axis=1), shuffled) for shuffled in (case.columns[s] for s in sources)]
    low, high = bootstrapped_interval(scores, case.columns, case.groups, METRIC.resamples, case.rng(2))
    return Scored(
        value=macro_auc(scores, case.columns),
        nulls=np.array(nulls),
        low=low,
        high=high,
        interval=f"95 %, {METRIC.resamples} bootstraps of whole groups, out-of-fold predictions kept",
        detail={"by_column": auc(scores, case.columns).tolist(), "k": nearest.shape[1]},
    )
