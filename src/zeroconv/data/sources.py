"""Where examples come from: what a source is.

A source is map-style: example i is the same whenever, wherever and in whatever company it is read.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from zeroconv.data.crop import RandomCrop
from zeroconv.data.records import Example


class Source(Protocol):
    """A sequence of examples that can be read in any order, and told apart from other sources."""

    def __len__(self) -> int: ...

    def describe(self) -> dict[str, Any]:
        """Everything that example i depends on besides i, as plain JSON values."""

    def read(self, indices: Sequence[int]) -> list[Example]:
        """The examples at these positions, in this order."""

    def split(self, held_out: int) -> "tuple[Source, Source | None]":
        """What to train on, and `held_out` examples of the same kind that are not in it, or as many as there are."""

    def mirrored(self) -> "Source":
        """The same examples with left and right exchanged; UserError where their conditions do not allow it."""


@runtime_checkable
class Cuttable(Source, Protocol):
    """A source of pictures that have shapes of their own, and so can be cut in more than one way."""

    def cut_at_random(self, crop: RandomCrop) -> "Cuttable":
        """The same examples cut at random places."""

    def shapes(self) -> list[tuple[int, int]]:
        """(width, height) of every picture as it is."""

    def part(self, indices: Sequence[int], size: tuple[int, int]) -> "Cuttable":
        """Some of the examples, cut to this (width, height)."""
