"""Where a picture is cut: the part that is seen is as large as its shape allows, and lies somewhere along the rest.

Sizes are (width, height) in pixels.
"""

from dataclasses import dataclass

import torch

from zeroconv.data.chance import generator
from zeroconv.data.records import Sizes

Centring = tuple[float, float]
"""How much of what is cut off goes at the left and at the top: 0 none, 1 all."""
MIDDLE: Centring = (0.5, 0.5)


@dataclass(frozen=True)
class RandomCrop:
    """One of several random cuts of every picture."""

    seed: int
    number: int
    """Which of them, counted from 0."""

    def centring(self, name: str) -> Centring:
        """Where the picture of this name is cut, evenly drawn."""
        left, top = torch.rand(2, generator=generator("crop", self.seed, self.number, name)).tolist()
        return left, top


def mirrored_centring(centring: Centring) -> Centring:
    """The same part of the picture in a mirror."""
    return 1 - centring[0], centring[1]


def told_sizes(original: tuple[int, int], seen: tuple[int, int], centring: Centring) -> Sizes:
    """What SDXL is told of a picture of size `original` that was scaled and cut to `seen` (arXiv:2307.01952, 2.2)."""
    (width, height), (seen_width, seen_height) = original, seen
    scale = max(seen_width / width, seen_height / height)
    left = round((width * scale - seen_width) * centring[0])
    top = round((height * scale - seen_height) * centring[1])
    return height, width, top, left, seen_height, seen_width
