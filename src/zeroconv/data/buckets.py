"""Aspect-ratio buckets: sizes of nearly one area for pictures of different shapes, and whose turn it is.

A batch is of one bucket. Sizes are (width, height) in pixels.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from zeroconv.data.chance import generator

Size = tuple[int, int]

MOST_ELONGATED = 2.0
"""Longer to shorter side of a bucket; pictures beyond it are cut to it."""
AREA_TOLERANCE = 0.1
"""A bucket's area differs from the training area by at most this share."""


@dataclass(frozen=True)
class Bucket:
    """A size and the examples that are cut to it, by index."""

    size: Size
    members: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.size[0]}x{self.size[1]}: {len(self.members)}"


def bucket_sizes(side: int, unit: int) -> list[Size]:
    """Sizes in multiples of `unit` with nearly the area of a square of this side, one for each shape; squares first."""
    units = max(1, round(side / unit))
    area, reach = units**2, range(1, math.ceil(units * math.sqrt(MOST_ELONGATED)) + 1)
    nearest_first = sorted(itertools.product(reach, reach), key=lambda size: abs(math.prod(size) / area - 1))
    found: dict[float, Size] = {}
    for width, height in nearest_first:
        is_near = abs(width * height / area - 1) <= AREA_TOLERANCE
        if is_near and 1 / MOST_ELONGATED <= width / height <= MOST_ELONGATED:
            found.setdefault(width / height, (width * unit, height * unit))
    return sorted(found.values(), key=lambda size: (abs(math.log(size[0] / size[1])), size))


def buckets_of(shapes: Sequence[Size], side: int, unit: int, at_most: int) -> list[Bucket]:
    """Puts pictures of these shapes into at most so many buckets, each where least of it is cut off; the widest last.

    Sizes are taken one after the other, each time the one that saves most from being cut off, while any does.
    """
    sizes = bucket_sizes(side, unit)
    different, which, counts = np.unique(np.array(shapes), axis=0, return_inverse=True, return_counts=True)
    shape, aspect = different[:, 0] / different[:, 1], np.array([width / height for width, height in sizes])
    lost = 1 - np.exp(-np.abs(np.log(shape[:, None] / aspect)))  # the share of each picture that each size cuts off
    taken: list[int] = []
    best = np.ones(len(different))
    for _ in range(at_most):
        totals = counts @ np.minimum(best[:, None], lost)
        if totals.min() >= counts @ best - 1e-9:
            break
        taken.append(int(totals.argmin()))
        best = lost[:, taken].min(axis=1)
    nearest = lost[:, taken].argmin(axis=1)[which.reshape(-1)]
    buckets = [Bucket(sizes[size], tuple(np.flatnonzero(nearest == rank).tolist())) for rank, size in enumerate(taken)]
    return sorted((bucket for bucket in buckets if bucket.members), key=lambda one: one.size[0] / one.size[1])


def turns(counts: Sequence[int], batch_size: int, *, seed: int, start: int) -> Iterator[tuple[int, int]]:
    """Whose turn it is, from batch `start` of the whole training on: (bucket, which of its batches, from 0), endlessly.

    A bucket of n examples goes through them again and again, in batches that may reach into its next round, so
    that none is dropped, padded or mixed with another bucket. After e epochs it has had floor(e n / batch_size) turns:
    fewer than a batch of its examples wait for the next epoch. Within an epoch the order of turns is drawn from
    (seed, epoch).
    """
    epoch = start * batch_size // sum(counts)
    while sum(_turns_before(epoch + 1, counts, batch_size)) <= start:
        epoch += 1
    while True:
        given = _turns_before(epoch, counts, batch_size)
        until = _turns_before(epoch + 1, counts, batch_size)
        skipped = start - sum(given)
        coming = [bucket for bucket, (had, has) in enumerate(zip(given, until, strict=True)) for _ in range(has - had)]
        shuffled = torch.randperm(len(coming), generator=generator("turns", seed, epoch)).tolist()
        for position, chosen in enumerate(shuffled):
            bucket = coming[chosen]
            if position >= skipped:
                yield bucket, given[bucket]
            given[bucket] += 1
        epoch, start = epoch + 1, sum(until)


def _turns_before(epoch: int, counts: Sequence[int], batch_size: int) -> list[int]:
    return [epoch * count // batch_size for count in counts]
