"""LEEP: how well do the source head's own outputs, read as probabilities, predict the target labels?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.metrics.case import Case, Scored
from core.metrics.metric import Metric
from core.metrics.refitting import calibrate

if TYPE_CHECKING:
    import torch

METRIC = Metric(
    key="leep",
    name="LEEP",
    unit="mean log probability of the true class (nats)",
    meaning=(
        "How probable the true label of an image is when it is guessed from what the network, with the head that it "
        "was trained with, takes the image for."
    ),
    question="Do the network's own answers, of its source task, already sort the images of this task?",
    paper="Nguyen et al., LEEP: a new measure to evaluate transferability of learned representations, ICML 2020",
    range=(
        "up to 0 (every label certain); what chance scores is about minus the entropy of the labels, for two equal "
        "classes -0.69, and shown by the shuffled labels"
    ),
    limits=(
        "It sees the outputs of the source head, not the features that fine-tuning starts from, and needs that head: "
        "self-supervised encoders have none. The label table is fitted on the images that it is scored on, so a head "
        "with many classes scores above chance with few images; go by the distance to shuffled labels. The value "
        "depends on the class shares: compare candidates on one target only."
    ),
    formula=(
        r"$\frac{1}{N}\sum_i \log \sum_z \hat P(y_i \mid z)\,\theta(x_i)_z$: $\theta(x_i)$ are the softmax outputs of "
        r"the source head for image $i$, $z$ its classes, and $\hat P(y \mid z)$ the share of label $y$ among the "
        "images, each counted with its probability of $z$."
    ),
    assumptions="The outputs of the head are logits: their softmax gives the network's probabilities of its classes.",
    differs="Source classes to which no image gives any probability are left out, where public code returns NaN.",
    needs="source head",
    order=11,
    version=1,
    multi_label="With and without each label as two classes; the mean over the labels.",
    ordinal="Grades are treated as classes without an order.",
    permutations=200,
    resamples=30,
    seconds=lambda n, d, k: 0.1 + 8e-4 * n,
)


def leep(probabilities: torch.Tensor, labels: np.ndarray) -> float:
    """LEEP of `probabilities` (N, Z), rows that sum to 1, for class ids `labels` (N,): at most 0, higher is better.

    Nguyen et al. 2020. Never infinite, because an image counts itself in the table that it is scored by.
    """
    return float(expected_prediction(probabilities, labels).log().mean())


def expected_prediction(probabilities: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    """(N,) the expected empirical probability of each image's own class, sum_z P(y_i | z) p_iz."""
    import torch

    ids = torch.from_numpy(np.unique(labels, return_inverse=True)[1]).to(probabilities.device)
    joint = torch.nn.functional.one_hot(ids).to(probabilities).T @ probabilities
    given_z = joint / joint.sum(dim=0).clamp(min=torch.finfo(joint.dtype).tiny)
    return (probabilities @ given_z.T).gather(1, ids[:, None])[:, 0]


def prepare(case: Case) -> torch.Tensor:
    """(N, S) float64 probabilities of the source classes."""
    return case.tensor(case.source_logits).softmax(dim=1)


def calibrated(case: Case) -> Scored:
    """The value with 200 permutations and 30 half samples, all on the same outputs of the head."""
    return calibrate(case, METRIC, prepare, leep, highest=0.0)


def published(case: Case) -> dict[str, float]:
    """The quantity of the reference values; nothing where the case has no outputs of a source head."""
    return {} if case.source_logits is None else {"leep": leep(prepare(case), case.labels)}
