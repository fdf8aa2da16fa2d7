"""Inputs that the tests of the metrics share."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.metrics import trust

REFERENCE = Path(
    os.environ.get("SOURCESCOUT_REFERENCE") or Path(__file__).resolve().parents[3] / "shared" / "reference" / "metrics"
)


@pytest.fixture(scope="session")
def expected() -> dict:
    if not REFERENCE.is_dir():
        pytest.skip("the reference values are not on this machine")
    return json.loads((REFERENCE / "expected.json").read_text())


@pytest.fixture(scope="session")
def reference_file(expected):
    return lambda name: REFERENCE / f"{name}.npz"


@pytest.fixture(scope="session")
def problem():
    """A function that makes features, labels and folds: `signal` standard deviations on one direction per class."""

    def make(n=120, d=20, classes=3, signal=2.0, seed=0, folds=5):
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % classes
        features = rng.normal(size=(n, d)).astype(np.float32)
        features[np.arange(n), labels] += signal
        order = rng.permutation(n)
        fold = np.empty(n, dtype=int)
        for c in range(classes):
            members = order[labels[order] == c]
            fold[members] = np.arange(len(members)) % folds
        return features, labels, fold

    return make


@pytest.fixture
def without_simulation(monkeypatch):
    """Verdicts of what a metric itself says: what the simulation says has tests of its own, test_trust.py."""
    monkeypatch.setattr(trust, "what_was_simulated", lambda *_: ([], []))
