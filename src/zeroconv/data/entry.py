"""One example of a folder before it is read: where its picture, its caption and its condition image are."""

from collections.abc import Callable
from dataclasses import dataclass

from zeroconv.data.places import Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One example that can be read."""

    name: str
    """Path of the picture below the folder, with slashes: unique."""
    picture: Place
    caption: str
    condition: Place | None
    """A ready condition image; None: it has to be made from the picture."""


Read = Callable[[], Entry]
"""Reads one example when it is called, and raises UserError where something is wrong with it."""
