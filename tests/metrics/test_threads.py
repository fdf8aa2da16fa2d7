"""Work that is shared out gives the same numbers, to the last bit, on any number of threads."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from core.metrics.linear_probe import probe_scores, standardised_folds
from core.metrics.nca import nca
from core.metrics.threads import one_thread, shared_out


@contextmanager
def threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 3
    return rng.normal(size=(900, 800)) + 0.05 * labels[:, None], labels


def test_nca(case):
    features, labels = case
    x = torch.from_numpy(features - features.mean(axis=0))
    found = []
    for number in (1, 3):
        with threads(number):
            found.append(nca(x, labels, torch.eye(20, 800, dtype=torch.float64)))
    assert torch.equal(found[0][0], found[1][0]) and found[0][1] == found[1][1]


@pytest.mark.parametrize("multinomial", [True, False])
def test_linear_probe(case, multinomial):
    features, labels = case
    columns = np.eye(3)[np.stack([labels, labels[::-1]])]
    prepared = standardised_folds(torch.from_numpy(features[:, :60]), np.arange(900) // 3 % 5)
    found = []
    for number in (1, 3):
        with threads(number):
            found.append(probe_scores(prepared, columns, multinomial))
    assert np.array_equal(*found) and np.ptp(found[0]) > 0.1


def test_every_share_is_computed_on_one_thread_and_comes_in_its_place():
    def seen(item):
        return item, torch.get_num_threads(), threading.get_ident()

    with threads(3):
        with shared_out() as each:
            found = list(each(seen, range(50)))
        assert torch.get_num_threads() == 3
        with one_thread(), shared_out() as each:
            alone = list(each(seen, range(3)))
    assert [(item, n) for item, n, _ in found] == [(item, 1) for item in range(50)]
    assert {ident for _, _, ident in alone} == {threading.get_ident()}
