"""In which order an epoch goes through the examples: each once, a function of (seed, epoch) alone, from any place on.

Of all examples every order is as likely; reading then jumps anywhere, and the order takes 8 bytes an example. Where
data are too many to be kept in memory and read fastest in sequence (spinning disks, network drives), a window mixes
fewer: blocks of consecutive examples, a file of the cache each, come in any order, and the examples of so many blocks
in any order among themselves. That takes 8 bytes a block, and a window is read before the next one is.
"""

from collections.abc import Iterator

import torch

from zeroconv.data.chance import generator

BLOCK = 128
"""Consecutive examples that come in the same window; a file of the cache holds so many."""


def order(count: int, *, seed: int, epoch: int, window: int = 0, start: int = 0) -> Iterator[int]:
    """The examples of an epoch through `count` of them, from its `start`th on.

    window  blocks whose examples are mixed; 0: all.
    """
    if window:
        return _by_windows(count, seed, epoch, window, start)
    mixed = torch.randperm(count, generator=generator("order", seed, epoch))[start:]
    return (int(index) for index in mixed.numpy())


def _by_windows(count: int, seed: int, epoch: int, window: int, start: int) -> Iterator[int]:
    last = (count - 1) // BLOCK
    blocks = torch.randperm(last + 1, generator=generator("blocks", seed, epoch))
    for number in range(-(-len(blocks) // window)):
        members = blocks[number * window : (number + 1) * window]
        size = len(members) * BLOCK - ((last + 1) * BLOCK - count) * int((members == last).any())
        if start < size:
            indices = torch.cat([torch.arange(block * BLOCK, min((block + 1) * BLOCK, count)) for block in members])
            chance = generator("window", seed, epoch, number)
            yield from indices[torch.randperm(size, generator=chance)][start:].tolist()
        start = max(0, start - size)
