"""A tag whose weights a hub on this machine has."""

import numpy as np
import pytest

from core.availability.records import Address
from core.catalog import Checkpoint
from core.weights import tag_file

TAG = Checkpoint("net", "test_resnet.r160_in1k", "timm", "timm", licence="apache-2.0")
REPOSITORY = "timm/test_resnet.r160_in1k"
ADDRESS = Address(REPOSITORY)
WEIGHTS = np.random.default_rng(0).bytes(400_000)


@pytest.fixture
def weights(hub) -> bytes:
    """What the hub has for TAG; the tests here compare bytes and load nothing."""
    hub.put(REPOSITORY, "model.safetensors", WEIGHTS)
    return WEIGHTS


@pytest.fixture
def cached(hub, weights):
    """The weights of TAG in the hub's cache, put there by huggingface_hub itself."""
    return tag_file(TAG)
