"""The registry: complete, ordered, and importable where torch and scikit-learn are not installed."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import MetricError
from core.metrics import METRICS, PRODUCT
from core.metrics.labels import label_matrix
from core.metrics.metric import LABEL_TYPES

ROOT = Path(__file__).resolve().parents[2]


def test_the_metrics_have_an_order_that_is_theirs_alone():
    orders = [metric.order for metric in [*METRICS.values(), PRODUCT]]
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("metric", [*METRICS.values(), PRODUCT], ids=lambda metric: metric.key)
def test_every_metric_says_what_it_means_and_what_it_does_with_every_label_type(metric):
    for name in ("name", "unit", "meaning", "question", "paper", "range", "limits", "formula", "assumptions"):
        assert len(getattr(metric, name)) > 2, name
    assert metric.question.endswith("?") and metric.meaning.endswith(".")
    assert set(metric.label_types) | set(metric.why_not) == set(LABEL_TYPES)
    assert not set(metric.label_types) & set(metric.why_not)
    assert bool(metric.multi_label) == ("multi-label" in metric.label_types)
    assert bool(metric.ordinal) == ("ordinal" in metric.label_types)
    assert dataclasses.is_dataclass(metric) and isinstance(metric.params, dict)


def test_the_registry_imports_neither_torch_nor_scikit_learn_nor_the_images():
    code = (
        "import sys; sys.modules.update(torch=None, sklearn=None, scipy=None, threadpoolctl=None)\n"
        "from core.metrics import METRICS, PRODUCT\n"
        "import core.metrics.calibration\n"
        "assert len(METRICS) > 5\n"
        "print([name for name in sys.modules if name.startswith('core.images')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("label_type", "labels", "columns"),
    [
        ("binary", [0, 1, 1], [[0], [1], [1]]),
        ("multi-class", [0, 2, 1], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ("ordinal", [0, 2, 1], [[0, 0], [1, 1], [1, 0]]),
        ("multi-label", [[0, 1], [1, 1], [0, 0]], [[0, 1], [1, 1], [0, 0]]),
    ],
)
def test_labels_become_columns_of_zero_and_one(label_type, labels, columns):
    n_classes = 2 if label_type in ("binary", "multi-label") else 3
    assert label_matrix(np.array(labels), n_classes, label_type).tolist() == columns


def test_an_unknown_label_type_is_refused():
    with pytest.raises(MetricError, match="no label type"):
        label_matrix(np.array([0, 1]), 2, "regression")
