"""The tier `scenes`: pictures of the embedded world, read by the perception network that ships.

Conditions know nothing of that network: it is the detector `scenes` of those installed, a module with the functions of
SceneReader.
"""

import functools
from typing import Protocol, cast

import numpy as np

from zeroconv.conditions import installed
from zeroconv.conditions.person import Person


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
    return cast(SceneReader, installed.detector("scenes"))
