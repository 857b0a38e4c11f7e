"""Random draws that are the same on every machine and every Python.

Only `random.Random.random()` seeded with a string is used: the one stream the Python documentation promises to keep.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws for one scene, determined by (seed, index) alone."""

    def __init__(self, seed: int, index: int) -> None:
        self._random = random.Random(f"zeroconv-scene-{seed}-{index}").random

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * self._random()

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[min(int(self._random() * len(options)), len(options) - 1)]

    def weighted(self, options: dict[T, float]) -> T:
        """One of the keys, with probability proportional to its value."""
        mark = self._random() * sum(options.values())
        for option, weight in options.items():
            mark -= weight
            if mark < 0:
                return option
        return option
