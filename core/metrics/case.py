"""One candidate's features and the target's labels, checked once, in the form in which every metric takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MetricError
from core.metrics.labels import label_matrix

if TYPE_CHECKING:
    import torch

    from core.metrics.spectral import Half
    from core.metrics.spectrum import Spectrum


@dataclass(frozen=True)
class Case:
    """What a metric sees. N images, D features, K label columns that hold both values.

    `labels` are class indices 0..C-1 without empty classes, or (N, L) rows of 0/1; `columns` (N, K) is the same as
    0/1 columns; `groups` (N,) numbers the groups from 0. `features` is float64, or None for a metric of gradients;
    `source_logits` (N, S) are the outputs of the head that the network was trained with, or None without one.
    """

    features: np.ndarray | None
    labels: np.ndarray
    columns: np.ndarray
    label_type: str
    groups: np.ndarray
    folds: np.ndarray | None = None
    seed: int = 0
    device: str = "cpu"
    source_logits: np.ndarray | None = None
    network_inputs: object = None
    left_out: tuple[int, ...] = ()

    @cached_property
    def spectrum(self) -> Spectrum:
        """The one decomposition of the centred features, on the case's device."""
        from core.metrics.spectrum import decompose

        return decompose(self.tensor(self.features))

    @cached_property
    def halves(self) -> tuple[list[Half], float]:
        """Half samples, decomposed, as `core.metrics.spectral.decomposed_halves` gives them: once for all metrics."""
        from core.metrics.spectral import decomposed_halves

        return decomposed_halves(self)

    @cached_property
    def scaled(self) -> torch.Tensor:
        """(N, D) features, centred and brought to mean squared norm D: for metrics whose value depends on scale."""
        x = self.tensor(self.features)
        x = x - x.mean(dim=0)
        return x * (x.shape[1] / (x * x).sum(dim=1).mean()).sqrt()

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        """`values` on the case's device, with their own type."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    @property
    def partitions(self) -> tuple[np.ndarray, ...]:
        """The class ids (N,) that a metric of classes is computed on: one array, or one of 0 and 1 per label."""
        return tuple(self.labels.T) if self.label_type == "multi-label" else (self.labels,)

    def subset(self, rows: np.ndarray) -> Case:
        """The case of the images `rows`. MetricError when they all carry the same label."""
        n_classes = self.labels.shape[1] if self.labels.ndim == 2 else int(self.labels.max()) + 1
        return make_case(
            None if self.features is None else self.features[rows],
            self.labels[rows],
            self.label_type,
            n_classes,
            self.groups[rows],
            None if self.folds is None else self.folds[rows],
            self.seed,
            self.device,
            None if self.source_logits is None else self.source_logits[rows],
        )

    def rng(self, stream: int) -> np.random.Generator:
        """A generator of its own for each use, so that one use never shifts another."""
        return np.random.default_rng([self.seed, stream])


@dataclass(frozen=True)
class Scored:
    """What a metric's `calibrated` returns. `nulls` holds the scores under permuted labels, in the unit of `value`.

    `value` is None for a metric that gets its value among other candidates. `compared` is what the nulls are compared
    with where that is not the value: the value on fewer images, or, without a value, a statistic that says how far the
    labels are from shuffled ones. `no_interval` says why `low` and `high` are None. `cautions` are sentences that ask
    for care, `grave` ones that say why the value means nothing here.
    """

    value: float | None
    nulls: np.ndarray
    interval: str
    low: float | None = None
    high: float | None = None
    raw: float | None = None
    compared: float | None = None
    tested: bool = True
    no_interval: str = "too few units to resample"
    cautions: tuple[str, ...] = ()
    grave: tuple[str, ...] = ()
    detail: dict = field(default_factory=dict)


def make_case(
    features: np.ndarray | None,
    labels: np.ndarray,
    label_type: str,
    n_classes: int,
    groups: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    seed: int = 0,
    device: str = "cpu",
    source_logits: np.ndarray | None = None,
    network_inputs: object = None,
) -> Case:
    """Checks what came in and leaves empty classes out; MetricError when it cannot be scored."""
    labels = np.asarray(labels)
    features = None if features is None else finite_table(features, len(labels), "features")
    source_logits = None if source_logits is None else finite_table(source_logits, len(labels), "source logits")
    for name, ids in (("groups", groups), ("folds", folds)):
        if ids is not None and len(ids) != len(labels):
            raise MetricError(f"There are {len(ids)} {name} for {len(labels)} images.", "Give one per image.")
    full = label_matrix(labels, n_classes, label_type)
    if label_type == "multi-label":
        mixed = (full.min(axis=0) == 0) & (full.max(axis=0) == 1) if len(full) else np.zeros(full.shape[1], bool)
        left_out = tuple(np.flatnonzero(~mixed).tolist())
        labels = columns = full[:, mixed]
    else:
        present, labels = np.unique(labels, return_inverse=True)
        left_out = tuple(sorted(set(range(n_classes)) - set(present.tolist())))
        columns = label_matrix(labels, len(present), label_type) if len(present) > 1 else full[:, :0]
    if columns.shape[1] == 0:
        raise MetricError(
            "All images carry the same label, so there is nothing to tell apart.",
            "Add images of at least one other class, or raise the number of images in the sample.",
        )
    if features is not None:
        _require_spread(features)
    groups = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    folds = None if folds is None else np.asarray(folds)
    return Case(
        features, labels, columns, label_type, groups, folds, seed, device, source_logits, network_inputs, left_out
    )  # fmt: skip


def finite_table(values: np.ndarray, n_images: int, name: str) -> np.ndarray:
    """`values` as a new float64 matrix of `n_images` rows; MetricError when it is not one of finite numbers."""
    if np.ndim(values) != 2 or np.shape(values)[0] != n_images or np.shape(values)[1] == 0:
        raise MetricError(
            f"The {name} have shape {np.shape(values)} for {n_images} images.",
            "They must be a table with one row per image and at least one column.",
        )
    values = np.array(values, dtype=np.float64)
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise MetricError(
            f"The {name} of {bad} of {n_images} images hold NaN or infinite values.",
            "Check the checkpoint's preprocessing (pixel range, mean, std) and precision, then extract them again.",
        )
    return values


def _require_spread(features: np.ndarray) -> None:
    """MetricError for features that are the same everywhere, or whose squares are no numbers any more."""
    with np.errstate(over="ignore", under="ignore"):
        spread = np.ptp(features, axis=0).max(initial=0) ** 2
    if spread == 0 or not np.isfinite(spread):
        what = "the same for all images" if spread == 0 else "too large to compute with"
        raise MetricError(
            f"The features are {what}.",
            "Check the checkpoint's weights and preprocessing (pixel range, mean, std), then extract them again.",
        )
