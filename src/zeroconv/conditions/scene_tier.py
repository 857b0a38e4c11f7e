"""The tier `scenes`: pictures of the embedded world, read by the perception network that ships.

Conditions know nothing of that network. It is found by the entry point `scenes` of the group `zeroconv.detectors`,
which names a module with the functions of SceneReader.
"""

import functools
from importlib.metadata import entry_points
from typing import Protocol, cast

import numpy as np

from zeroconv.conditions.person import Person
from zeroconv.errors import UserError

GROUP, NAME = "zeroconv.detectors", "scenes"


class SceneReader(Protocol):
    """What reads pictures uint8 (H, W, 3) of the embedded world."""

    def detect(self, condition: str, image: np.ndarray) -> np.ndarray:
        """The condition image uint8 (H, W, 3), by the condition's own name."""
        ...

    def persons(self, image: np.ndarray) -> tuple[Person, ...]:
        """The persons, in the picture's pixels."""
        ...


@functools.cache
def reader() -> SceneReader:
    """The reader that is installed; UserError where none is."""
    found = entry_points(group=GROUP, name=NAME)
    if not found:
        raise UserError(
            f"method=scenes needs the package to be installed anew (pip install): the entry point {NAME!r} of the "
            f"group {GROUP!r} is missing"
        )
    return cast(SceneReader, next(iter(found)).load())
