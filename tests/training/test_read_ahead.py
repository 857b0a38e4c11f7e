"""The next batch is read while a step computes, and nobody can tell by the results."""

import gc
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pytest
import torch
from toytraining import same_weights, toy_base, toy_batches, toy_controlnet, weights_of

from zeroconv.data.ahead import ReadAhead
from zeroconv.data.batches import Batches
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train

CONFIG = TrainConfig(steps=4, learning_rate=1e-3, batch_size=4, gain_every=0, seed=1)
THREAD = "read-ahead"


@dataclass
class Watched:
    """Batches that remember which thread read each, and one of which cannot be read."""

    batches: Batches
    unreadable: int = 99
    readers: list[str] = field(default_factory=list)

    def starting(self, position: int) -> Iterator[Batch]:
        for number, batch in enumerate(self.batches.starting(position), 1):
            self.readers.append(threading.current_thread().name)
            if number == self.unreadable:
                raise UserError(f"batch {number} cannot be read")
            yield batch


def is_reading() -> bool:
    return any(thread.name.startswith(THREAD) for thread in threading.enumerate())


def test_losses_and_weights_are_bitwise_those_of_reading_in_between() -> None:
    base = toy_base()
    losses, weights = [], []
    for read_ahead in (True, False):
        config, controlnet = replace(CONFIG, read_ahead=read_ahead), toy_controlnet(base)
        watched = Watched(toy_batches(base, config))
        losses.append([step.loss for step in train(base, controlnet, watched, config)])
        weights.append(weights_of(controlnet))
        assert [name.startswith(THREAD) for name in watched.readers] == [False, *[read_ahead] * 3]  # none too many
    assert losses[0] == losses[1] and same_weights(*weights)
    assert not is_reading()


@pytest.mark.parametrize("read_ahead", [True, False])
def test_what_cannot_be_read_is_told_when_its_turn_comes(read_ahead: bool) -> None:
    base, config = toy_base(), replace(CONFIG, read_ahead=read_ahead)
    steps = train(base, toy_controlnet(base), Watched(toy_batches(base, config), unreadable=3), config)
    assert [step.number for step in islice(steps, 2)] == [1, 2]
    with pytest.raises(UserError, match="batch 3 cannot be read"):
        next(steps)
    assert not is_reading()


def test_the_reader_rests_between_two_steps_and_ends_with_them() -> None:
    base = toy_base()
    watched = Watched(toy_batches(base, CONFIG))
    steps = train(base, toy_controlnet(base), watched, CONFIG)
    for number in (1, 2):
        assert next(steps).number == number
        assert len(watched.readers) == number + 1  # the next batch is there, and none is being read
    del steps
    gc.collect()
    assert not is_reading()


def test_the_thread_computes_with_as_many_threads_as_its_master() -> None:
    found = []

    def numbers() -> Iterator[Any]:
        while True:
            found.append(torch.get_num_threads())
            yield None

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with ReadAhead(numbers()) as reader:
            reader.begin()
            reader.take()
    finally:
        torch.set_num_threads(before)
    assert found == [3]
