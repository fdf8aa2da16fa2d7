"""The registry of transferability metrics.

A metric is one file in this folder: a `METRIC` that describes it and a function `calibrated(case) -> Scored`. The files
are found by looking, so adding a metric changes nothing else. Nothing here imports torch or scikit-learn: those are
imported inside the functions that use them.
"""

import pkgutil
from importlib import import_module

from core.metrics.metric import Metric

__all__ = ["METRICS", "PRODUCT", "Metric"]


def _discover() -> dict[str, Metric]:
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    metrics = [module.METRIC for module in modules if hasattr(module, "METRIC")]
    return {metric.key: metric for metric in sorted(metrics, key=lambda metric: metric.order)}


METRICS: dict[str, Metric] = _discover()

PRODUCT = Metric(
    key="nca_x_gradient_ratio",
    name="Suitability x adaptability",
    unit="0 to 1 within this list",
    meaning="How a candidate stands among the listed ones on suitability and adaptability together.",
    question="Which listed candidate has both features that suit the task and early layers that would still adapt?",
    paper="Juodelyte et al. 2024, arXiv:2412.20172",
    range="0 to 1; the lowest candidate on either part always gets 0",
    limits=(
        "It is relative to the list: adding or removing one candidate changes every value. "
        "It compares only candidates of one architecture."
    ),
    formula=(
        r"$\tilde s_i\,\tilde a_i$: suitability and adaptability of candidate $i$, each rescaled over the candidates "
        "of one architecture so that the lowest is 0 and the highest 1."
    ),
    assumptions="Both parts matter, and the listed candidates span the range that matters.",
    needs="features",
    order=20,
    version=1,
    label_types=("binary", "multi-class", "ordinal"),
    why_not={"multi-label": "Adaptability, one of its parts, is not defined when an image can have several findings."},
    ordinal="Grades are treated as classes without an order.",
    params={"parts": ["nca", "gradient_ratio"], "scaling": "min-max over the listed candidates, then the product"},
    one_architecture=True,
    pool_relative=True,
)
