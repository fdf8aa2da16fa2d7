"""The gradient ratio leaves everything as it was; the draw makes batches in which triplets exist."""

import numpy as np
import pytest
import torch

from core.errors import MetricError
from core.metrics.calibration import evaluate
from core.metrics.gradient_ratio import NetworkInputs, batch_norms, gradient_ratio
from core.metrics.triplets import draw_batches, triplet_loss


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3),
              torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(5, 6)]  # fmt: skip
    return torch.nn.Sequential(*layers)


@pytest.fixture
def images():
    return torch.randn(24, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def by_hand(embeddings, labels):
    """The loss one triplet at a time."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    losses = [
        np.linalg.norm(unit[a] - unit[p]) - np.linalg.norm(unit[a] - unit[n]) + 0.05
        for a in range(len(labels)) for p in range(len(labels)) for n in range(len(labels))
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]
    ]  # fmt: skip
    positive = [loss for loss in losses if loss > 0]
    return sum(positive) / len(positive)


def test_the_triplet_loss_is_the_mean_over_violating_triplets():
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(30, 4)), rng.integers(0, 3, size=30)
    ours = triplet_loss(torch.from_numpy(embeddings), torch.from_numpy(labels))
    assert float(ours) == pytest.approx(by_hand(embeddings, labels), rel=1e-10)


def test_network_modes_gradients_and_inputs_are_as_before(network, images):
    network.train()
    network[1].eval()
    network[0].weight.requires_grad_(False)
    network[3].weight.grad = torch.ones_like(network[3].weight)
    modes = [m.training for m in network.modules()]
    wanted = [p.requires_grad for p in network.parameters()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    labels, before = torch.arange(24) % 2, images.clone()
    with torch.no_grad():
        result = gradient_ratio(network, network[0], network[3], images, labels, 8)
    assert len(result.first_norms) == len(result.second_norms) == 3
    assert [m.training for m in network.modules()] == modes
    assert [p.requires_grad for p in network.parameters()] == wanted
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(network[3].weight.grad, torch.ones_like(network[3].weight))
    assert network[0].weight.grad is None and torch.equal(images, before)


def test_batches_without_triplets_are_dropped_and_counted(network, images):
    labels = np.array([0] * 8 + [0, 1] * 4 + list(range(8)))
    result = gradient_ratio(network, network[0], network[3], images, labels, 8)
    assert len(result.first_norms) == len(result.second_norms) == 1
    alone = gradient_ratio(network, network[0], network[3], images[8:16], labels[8:16], 8)
    assert result.ratio == alone.ratio


def test_no_triplet_at_all_is_an_error_that_says_so(network, images):
    with pytest.raises(MetricError, match="no triplets"):
        gradient_ratio(network, network[0], network[3], images, np.arange(24), 8)


def test_a_layer_that_takes_no_part_is_named_as_the_error(network, images):
    with pytest.raises(MetricError, match="take part"):
        gradient_ratio(network, network[0], torch.nn.Conv2d(1, 1, 1), images, np.arange(24) % 2, 8)


def test_permuted_labels_on_one_graph_give_what_a_fresh_pass_gives(network, images):
    labellings = [np.arange(24) % 2, np.arange(24) // 12, np.arange(24) % 3]
    shared = batch_norms(network, network[0], network[3], images, labellings)
    for norms, labels in zip(shared, labellings, strict=True):
        fresh = gradient_ratio(network, network[0], network[3], images, labels, 24)
        assert norms == pytest.approx((fresh.first_norms[0], fresh.second_norms[0]), rel=1e-6)


def triplets_exist(labels):
    counts = np.unique(labels, return_counts=True)[1]
    return len(counts) >= 2 and counts.max() >= 2


@pytest.mark.parametrize(
    "labels",
    [
        np.sort(np.arange(1000) % 4),
        np.sort(np.arange(100) % 2),
        np.r_[np.zeros(970), np.ones(30)],
        np.r_[np.zeros(5000), np.ones(6)],
        np.arange(100) % 50,
        np.arange(600) % 60,
        np.array([0, 0, 1]),
    ],
    ids=["sorted", "small", "rare", "very rare", "pairs", "many classes", "three images"],
)
def test_every_drawn_batch_holds_triplets_whatever_the_order_and_shares(labels):
    batches = draw_batches(labels, seed=0)
    assert 1 <= len(batches) <= 6 and all(len(batch) <= 64 for batch in batches)
    assert len(np.unique(np.concatenate(batches))) == sum(map(len, batches))
    assert all(triplets_exist(labels[batch]) for batch in batches)
    again, other = draw_batches(labels, seed=0), draw_batches(labels, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    assert len(labels) < 10 or not np.array_equal(np.concatenate(batches), np.concatenate(other))


def test_the_calibrated_ratio_has_a_null_and_an_interval_but_no_p(network):
    labels = np.arange(72) % 3
    images = torch.randn(72, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    asked = []

    def load(indices):
        asked.extend(indices.tolist())
        return images[torch.from_numpy(indices)]

    inputs = NetworkInputs(network, ("0", "3"), network[0], network[3], load)
    record = evaluate("gradient_ratio", None, labels, "multi-class", 3, network_inputs=inputs)
    assert sorted(asked) == list(range(72))
    assert record["p"] is None and record["z"] is None and record["permutations"] == 5
    assert record["null"] > 0 and record["low"] < record["value"] < record["high"]
    assert record["verdict"] == "read with care" and "one architecture" in record["reason"]
    assert record["detail"]["batches"] == 6 and record["detail"]["dropped_batches"] == 0


def test_multi_label_targets_get_the_sentence_that_says_why_not():
    record = evaluate("gradient_ratio", None, np.eye(3, dtype=int), "multi-label", 3)
    assert record["value"] is None and "triplets" in record["reason"]
