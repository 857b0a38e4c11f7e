"""Where a picture lies: a file of its own, within a tar shard, or in annotations from which it is drawn."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from zeroconv.images import picture_size, read_image


@runtime_checkable
class Stored(Protocol):
    """A picture that is no file of its own. Can be pickled; its text is its name in errors."""

    def read(self) -> Image.Image:
        """The picture as RGB, upright; PictureError where it cannot be read."""
        ...

    def fingerprint(self) -> str:
        """Changes with what the picture depends on, as the length of a file does."""
        ...


@runtime_checkable
class Measured(Stored, Protocol):
    """A picture whose size can be told without decoding it."""

    def picture_size(self) -> tuple[int, int]:
        """(width, height) of the picture, upright."""
        ...


@runtime_checkable
class Mirrors(Stored, Protocol):
    """A picture that is drawn, and can be drawn as a mirror would show what is in it."""

    def mirrored(self) -> Stored:
        """The same with left and right exchanged."""
        ...


Place = Path | Stored


def read_place(place: Place) -> Image.Image:
    """The picture at a place as RGB, upright; PictureError where it cannot be read."""
    return place.read() if isinstance(place, Stored) else read_image(place)


def size_at(place: Place) -> tuple[int, int]:
    """(width, height) of the upright picture at a place, from its header where it is a file."""
    if isinstance(place, Measured):
        return place.picture_size()
    return read_place(place).size if isinstance(place, Stored) else picture_size(place, str(place))


def fingerprint(place: Place) -> str:
    """What tells the picture from a later version of it."""
    return place.fingerprint() if isinstance(place, Stored) else str(place.stat().st_size)
