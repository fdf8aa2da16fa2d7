"""Linear probe: how well does a linear classifier on the frozen features tell held-out images apart?"""

from dataclasses import dataclass

import numpy as np

from core.metrics.auc import auc, bootstrapped_interval, macro_auc
from core.metrics.case import Case, Scored
from core.metrics.folds import FOLDS_LIMIT, each_fold
from core.metrics.metric import Metric
from core.metrics.refitting import at_most
from core.metrics.resampling import shuffles_within
from core.metrics.threads import shared_out, threads_for

METRIC = Metric(
    key="linear_probe",
    name="Linear probe",
    unit="AUC",
    meaning="How well a linear classifier trained on the frozen features tells apart images that it has not seen.",
    question="How far do the features take us without any fine-tuning?",
    paper="Alain & Bengio 2016 (arXiv:1610.01644); L2 logistic regression of scikit-learn, C = 1",
    range="0.5 (chance) to 1 (every image ranked right); below 0.5 is worse than chance",
    limits=f"It says what frozen features give; fine-tuning can change the order of candidates. {FOLDS_LIMIT}",
    formula=(
        r"Logistic regression with the penalty $\frac{1}{2}\lVert w \rVert^2$ (C = 1) on features standardised in the "
        "training folds; every image is scored by the fit that has not seen its fold. The AUC of these scores over all "
        "images; the mean over the classes or labels."
    ),
    assumptions="A linear classifier is a fair stand-in for what the target task will build on the features.",
    needs="features",
    order=1,
    version=3,
    multi_label="One classifier and one AUC per label; the mean over the labels.",
    ordinal="One classifier and one AUC per step between grades (grade above k or not); the mean over the steps.",
    params={
        "C": 1.0,
        "penalty": "l2",
        "features": "standardised inside the fold",
        "auc": "out of fold, pooled, macro",
        "null_images": 1000,
    },
    permutations=19,
    resamples=200,
    seconds=lambda n, d, k: 0.2 + 1e-6 * k * min(n, 1000) * min(n, d, 1000),
)

MAX_STEPS = 1000
NARROW = 200  # features
TOLERANCE = 1e-4  # scikit-learn's own: ten times tighter doubles the time and moves the AUC by some 0.001


@dataclass(frozen=True)
class Fold:
    """Features of one fold, standardised on its training part."""

    train: np.ndarray
    test: np.ndarray
    x_train: np.ndarray
    x_test: np.ndarray


def standardised_folds(features: np.ndarray, folds: np.ndarray) -> list[Fold]:
    """The folds of `features` (N, D), each with mean 0 and variance 1 in its training part; constant columns become 0.

    With fewer training images than features both parts are rotated into the space that the training images span.
    That leaves L2 logistic regression unchanged: its weights are a combination of the training images, and neither
    their length nor a product with an image changes under rotation. It is faster by the ratio of the two numbers.
    """
    from sklearn.preprocessing import StandardScaler

    prepared = []
    for train, test in each_fold(folds):
        scaler = StandardScaler().fit(features[train])
        x_train, x_test = scaler.transform(features[train]), scaler.transform(features[test])
        if x_train.shape[0] < x_train.shape[1]:
            s, u = np.linalg.eigh(x_train @ x_train.T)
            used = s >= s[-1] * len(s) * np.finfo(float).eps
            lengths = np.sqrt(s[used].clip(min=np.finfo(float).tiny))
            x_train, x_test = u[:, used] * lengths, x_test @ (x_train.T @ (u[:, used] / lengths))
        prepared.append(Fold(train, test, x_train, x_test))
    return prepared


def probe_scores(prepared: list[Fold], labels: np.ndarray, columns: np.ndarray, multinomial: bool) -> np.ndarray:
    """(N, K) out-of-fold scores: probabilities of one multinomial fit, or one decision value per column."""
    scores = np.empty(columns.shape)

    def fill(fold: Fold) -> None:
        if multinomial:
            scores[fold.test] = _class_probabilities(fold, labels[fold.train], columns.shape[1])
        else:
            fitted = [_decision(fold, column[fold.train]) for column in columns.T]
            scores[fold.test] = np.stack(fitted, axis=1)

    with shared_out() as each:
        list(each(fill, prepared))
    return scores


def _fit(x: np.ndarray, y: np.ndarray):
    """Newton's method where its matrix is small, which takes half the time; else L-BFGS. Both find the one optimum."""
    import sklearn
    from sklearn.linear_model import LogisticRegression

    solver = "newton-cholesky" if x.shape[1] <= NARROW and y.max() == 1 else "lbfgs"
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        return LogisticRegression(C=METRIC.params["C"], solver=solver, max_iter=MAX_STEPS, tol=TOLERANCE).fit(x, y)


def _class_probabilities(fold: Fold, y: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities (n_test, C); a class that is missing from the training part gets 0."""
    probabilities = np.zeros((len(fold.test), n_classes))
    seen = np.unique(y)
    probabilities[:, seen] = 1.0 if len(seen) == 1 else _fit(fold.x_train, y).predict_proba(fold.x_test)
    return probabilities


def _decision(fold: Fold, y: np.ndarray) -> np.ndarray:
    """Decision values (n_test,); where the training part holds one value only, every image gets the same."""
    if y.min() == y.max():
        return np.zeros(len(fold.test))
    return _fit(fold.x_train, y).decision_function(fold.x_test)


def calibrated(case: Case) -> Scored:
    """AUC out of fold; 19 permutations within folds, each refitted (on at most 1,000 images); interval by bootstrap of
    groups."""
    multinomial = case.label_type == "multi-class"
    prepared = standardised_folds(case.features, case.folds)
    scores = probe_scores(prepared, case.labels, case.columns, multinomial)
    value = compared = macro_auc(scores, case.columns)
    shuffled = at_most(case, METRIC.params["null_images"], stream=3) if METRIC.permutations else case
    labels, columns = shuffled.labels, shuffled.columns
    sources = shuffles_within(shuffled.folds, columns, shuffled.groups, METRIC.permutations, case.rng(1))
    with threads_for(shuffled.features.size):
        if shuffled is not case:
            prepared = standardised_folds(shuffled.features, shuffled.folds)
            compared = macro_auc(probe_scores(prepared, labels, columns, multinomial), columns)
        nulls = [
            macro_auc(probe_scores(prepared, labels[source], columns[source], multinomial), columns[source])
            for source in sources
        ]
    low, high = bootstrapped_interval(scores, case.columns, case.groups, METRIC.resamples, case.rng(2))
    return Scored(
        value=value,
        nulls=np.array(nulls),
        compared=compared,
        low=low,
        high=high,
        interval=f"95 %, {METRIC.resamples} bootstraps of whole groups, out-of-fold predictions kept",
        detail={"by_column": auc(scores, case.columns).tolist(), "null_images": len(labels)},
    )
