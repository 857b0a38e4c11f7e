"""Measurements of one example of a data set, from which its faults are told.

H W the picture's height and width.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv.conditions.registry import one_thread
from zeroconv.data.entry import Entry
from zeroconv.data.places import read_place
from zeroconv.errors import UserError

SIDE = 128
"""Pixels of the square in which edges of picture and condition are compared."""
SOFTNESS = 2.0
"""Sigma of the blur of these edges: a condition may lie a little beside the edge."""

Picture = NDArray[np.uint8]
Edges = NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """What the checks need to know of one example."""

    name: str
    caption: str
    size: tuple[int, int]
    """Width and height in pixels."""
    digest: str
    """Of the picture's pixels: equal for copies, whatever the file's type."""
    pattern: int
    """64 bits that tell where neighbours grow brighter (difference hash): few differ between near-duplicates."""
    thumbnail: bytes
    """8 x 8 pixels, RGB: tells apart plain pictures, which have nearly the same pattern."""
    colourfulness: float
    """Mean spread of the three channels of a pixel, 0 to 255."""
    condition_size: tuple[int, int] | None = None
    condition_low: int = 0
    condition_high: int = 255
    condition_mean: float = 0.0
    condition_channels: tuple[float, float, float] = (0.0, 0.0, 0.0)
    own_fit: float | None = None
    """Correlation of the condition's edges with those of its picture, -1 to 1."""
    other_fit: float | None = None
    """The same with the next example's picture."""


def measure_all(entries: Sequence[Entry], problems: list[str]) -> Iterator[Measured | None]:
    """Measure each example, None where a file cannot be read; `problems` then says why."""
    for number, entry in enumerate(entries):
        other = entries[(number + len(entries) // 2) % len(entries)]
        try:
            yield measure(entry, other if other is not entry else None)
        except UserError as error:
            problems.append(str(error))
            yield None


def measure(entry: Entry, other: Entry | None) -> Measured:
    """Read and measure one example; `other` is one whose picture should not fit this one's condition.

    UserError for a picture that cannot be read.
    """
    picture = np.asarray(read_place(entry.picture))
    known = {
        "name": entry.name,
        "caption": entry.caption,
        "size": (picture.shape[1], picture.shape[0]),
        "digest": hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest(),
        "pattern": pattern(picture),
        "thumbnail": Image.fromarray(picture).resize((8, 8), Image.Resampling.BOX).tobytes(),
        "colourfulness": float((picture.max(2).astype(np.int16) - picture.min(2)).mean()),
    }
    if entry.condition is None:
        return Measured(**known)  # type: ignore[arg-type]
    condition = np.asarray(read_place(entry.condition))
    red, green, blue = (float(mean) for mean in condition.mean((0, 1)))
    wanted = edges(condition)
    return Measured(
        **known,  # type: ignore[arg-type]
        condition_size=(condition.shape[1], condition.shape[0]),
        condition_low=int(condition.min()),
        condition_high=int(condition.max()),
        condition_mean=float(condition.mean()),
        condition_channels=(red, green, blue),
        own_fit=agreement(wanted, edges(picture)),
        other_fit=_fit_of_other(wanted, other),
    )


def _fit_of_other(wanted: Edges, other: Entry | None) -> float | None:
    try:
        return None if other is None else agreement(wanted, edges(np.asarray(read_place(other.picture))))
    except UserError:  # told when its own turn comes
        return None


def pattern(picture: Picture) -> int:
    """The difference hash of a picture (H, W, 3): 8 x 8 bits."""
    grey = np.asarray(Image.fromarray(picture).convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def edges(picture: Picture) -> Edges:
    """Soft edges (SIDE, SIDE) of a picture (H, W, 3), of any brightness and contrast."""
    with one_thread():
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        slopes = [cv2.Sobel(small, cv2.CV_32F, *order) for order in ((1, 0), (0, 1))]
        steepest = np.hypot(*slopes).max(2)
        return np.asarray(cv2.GaussianBlur(np.sqrt(steepest), (0, 0), SOFTNESS))


def agreement(first: Edges, second: Edges) -> float:
    """Correlation of two edge maps; 0 where one has no edges."""
    one, two = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / scale if scale > 1e-6 else 0.0
