"""Pure noise, five classes: the last table of shared/reference/README.md, and what our own values are."""

from importlib import import_module

import numpy as np
import pytest

from core.metrics.calibration import NOT_MEANINGFUL, evaluate
from core.metrics.case import make_case

CLASSES = 5
PUBLISHED = {  # N, D: SFDA, H-score and regularised H-score, as printed there
    (200, 512): (1.0, 4.0, 0.084),
    (500, 2048): (1.0, 4.0, 0.064),
    (10_000, 512): (0.20, 0.19, 0.0005),
}


def noise(n, d):
    return np.random.default_rng(n + d).normal(size=(n, d)).astype(np.float32), np.arange(n) % CLASSES


@pytest.mark.parametrize("size", PUBLISHED, ids=str)
def test_paper_forms_give_what_the_table_of_noise_prints(size):
    case = make_case(*noise(*size), "multi-class", CLASSES)
    ours = {}
    for key in ("logme", "sfda", "hscore", "hscore_regularised"):
        ours |= import_module(f"core.metrics.{key}").published(case)
    sfda, hscore, regularised = PUBLISHED[size]
    assert ours["sfda"] == pytest.approx(sfda, abs=0.01)
    assert ours["hscore"] == pytest.approx(hscore, abs=0.03)
    assert ours["hscore_regularised"] == pytest.approx(regularised, abs=0.02)
    assert ours["logme_exact"] == pytest.approx(-0.614, abs=0.005)  # what no usable feature scores


@pytest.mark.parametrize("size", [(200, 512), (500, 2048)], ids=str)
def test_the_product_flags_what_is_at_its_maximum_and_logme_stays_at_chance(size):
    for key in ("sfda", "hscore"):
        assert evaluate(key, *noise(*size), "multi-class", CLASSES)["verdict"] == NOT_MEANINGFUL
    logme = evaluate("logme", *noise(*size), "multi-class", CLASSES)
    assert 0 <= logme["value"] < 0.02 and f"{size[0]} images for {size[1]}" in logme["reason"]
