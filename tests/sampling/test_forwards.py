"""Forwards that are replaced for a while, and copies of a network made meanwhile."""

import threading

import torch
from torch import Tensor, nn

from zeroconv.sampling.forwards import copied, replaced


def zeros(values: Tensor) -> Tensor:
    return torch.zeros_like(values)


def test_a_copy_made_while_another_thread_predicts_is_of_the_network_itself() -> None:
    network, values = nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 2)
    plain = network(values)
    is_replaced, may_end = threading.Event(), threading.Event()

    def predict() -> None:
        with replaced(network, {network[0]: zeros}):
            is_replaced.set()
            may_end.wait(10)

    predicting = threading.Thread(target=predict)
    predicting.start()
    assert is_replaced.wait(10)
    threading.Timer(0.1, may_end.set).start()
    copy = copied(network)
    predicting.join()
    nn.init.zeros_(network[0].weight)
    assert torch.equal(copy(values), plain), "the copy computes with its own weights"
    assert "forward" not in vars(copy[0])
