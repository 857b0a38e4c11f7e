"""Weights are named exactly."""

import torch
from torch import nn

from zeroconv.base.hashing import weights_hash


def test_the_weights_hash_notices_the_smallest_change_and_any_number_type() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).to(torch.bfloat16)  # a counter of no dimension, too
    first = weights_hash(network)
    assert weights_hash(network) == first
    with torch.no_grad():
        network[0].weight.view(torch.int16)[0, 0] ^= 1
    assert weights_hash(network) != first


def test_networks_do_not_run_into_each_other() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    assert weights_hash(first, second) != weights_hash(second, first)
    assert weights_hash(first, second) != weights_hash(first)
