"""Orders of an epoch: complete, sought without being walked, and local where a window asks for it."""

import tracemalloc
from itertools import islice, pairwise
from types import SimpleNamespace
from typing import cast

import pytest

from zeroconv.base import BaseModel
from zeroconv.data.batches import Batches
from zeroconv.data.order import BLOCK, order

COUNT = 10 * BLOCK + 5


def listed(**options: int) -> list[int]:
    return list(order(COUNT, **{"seed": 1, "epoch": 0, **options}))


@pytest.mark.parametrize("window", [0, 1, 3, 11, 50])
def test_an_epoch_has_every_example_once_in_an_order_of_its_own(window: int) -> None:
    first = listed(window=window)
    assert sorted(first) == list(range(COUNT)) and first == listed(window=window)
    assert len({tuple(listed(window=window, **other)) for other in ({}, {"epoch": 1}, {"seed": 2})}) == 3
    assert sum(after == before + 1 for before, after in pairwise(first)) < 40


@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("start", [1, 5 * BLOCK, COUNT - 1, COUNT])
def test_it_can_be_begun_anywhere(window: int, start: int) -> None:
    assert listed(window=window, start=start) == listed(window=window)[start:]


@pytest.mark.parametrize("seed", range(4))
def test_the_examples_of_a_block_come_within_one_window(seed: int) -> None:
    """Wherever the last block, which is shorter, falls."""
    places: dict[int, list[int]] = {}
    for place, index in enumerate(listed(window=3, seed=seed)):
        places.setdefault(index // BLOCK, []).append(place)
    assert len(places) == 11
    spans = [max(those) - min(those) for those in places.values() if len(those) == BLOCK]
    assert len(spans) == 10 and all(1.5 * BLOCK < span < 3 * BLOCK for span in spans)


def test_the_windows_of_a_seed_are_these_for_ever() -> None:
    """A change here would break every run that is resumed with a newer version."""
    assert listed(window=3)[:6] == [40, 220, 422, 410, 503, 34]
    assert listed(window=3)[-3:] == [899, 324, 903]


def test_an_order_by_windows_of_a_hundred_million_needs_little_memory() -> None:
    """Beside the 8 bytes a block of a tensor, which are not traced."""
    count = 100_000_000
    tracemalloc.start()
    far = list(islice(order(count, seed=0, epoch=0, window=64, start=1_000_000), 1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(far)) == 1000 and peak < 500_000


def test_each_bucket_has_windows_of_its_own() -> None:
    """Buckets lie in files of their own, which hold blocks of their examples."""
    even = frozenset(range(0, COUNT, 2))
    odd = frozenset(range(1, COUNT, 2))
    batches = Batches(
        cast("list", range(COUNT)),  # type: ignore[type-arg]
        cast("BaseModel", SimpleNamespace()),
        4,
        seed=1,
        buckets=(even, odd),
        window=2,
    )
    for bucket in (even, odd):
        found = list(islice(batches._places(bucket, 3), len(bucket)))
        assert [epoch for epoch, _ in found].count(0) == len(bucket) - 3
        assert {index for epoch, index in found if epoch == 0} < bucket
        ranks = [sorted(bucket).index(index) // BLOCK for _, index in found[:200]]
        assert len(set(ranks)) == 2
