"""Measurements of one example of a data set, from which its faults are told.

H W the picture's height and width.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv.conditions.registry import one_thread
from zeroconv.data.entry import Entry
from zeroconv.data.places import Place, read_place
from zeroconv.errors import UserError

SIDE = 128
"""Pixels of the square in which edges of picture and condition are compared."""
LOOKED_AT = 32
"""Pairs that tell what is usual in a set."""
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
    condition_slope: float = 0.0
    """How much brighter the lower third of the condition is than its upper third, -255 to 255."""
    own_fit: float | None = None
    """Correlation of the condition's edges with those of its picture, -1 to 1, beyond what all have in common."""
    other_fit: float | None = None
    """The same with the pictures of other examples, the middle of some."""


@dataclass(frozen=True)
class Usual:
    """Edges of some pairs of a set, with which single ones are compared."""

    names: tuple[str, ...]
    pictures: Edges
    """(R, SIDE * SIDE), without their mean, of length 1: their products with another such row are correlations."""
    picture: Edges
    """(SIDE, SIDE), their mean: a horizon or a frame that all have says nothing about which two belong together."""
    condition: Edges
    """The mean of the conditions."""


def measure_all(entries: Sequence[Entry], problems: list[str]) -> Iterator[Measured | None]:
    """Measure each example, None where a file cannot be read; `problems` then says why."""
    usual = usual_edges(entries)
    for entry in entries:
        try:
            yield measure(entry, usual)
        except UserError as error:
            problems.append(str(error))
            yield None


def usual_edges(entries: Sequence[Entry]) -> Usual | None:
    """What is usual in a set, told by some of its pairs; None where there are not two that can be read."""
    found = {}
    for entry in looked_at(entries):
        assert entry.condition is not None
        try:
            found[entry.name] = (_edges_at(entry.picture), _edges_at(entry.condition))
        except UserError:  # told when its own turn comes
            continue
    return usual_of(found)


def looked_at(entries: Sequence[Entry]) -> list[Entry]:
    """LOOKED_AT of the pairs with a ready condition, evenly spread."""
    paired = [entry for entry in entries if entry.condition is not None]
    count = min(LOOKED_AT, len(paired))
    return [paired[number * len(paired) // count] for number in range(count)]


def usual_of(found: Mapping[str, tuple[Edges, Edges]]) -> Usual | None:
    """The same from the edges of pictures and conditions, by name."""
    if len(found) < 2:
        return None
    seen, wanted = (np.stack(some) for some in zip(*found.values(), strict=True))
    picture = seen.mean(0)
    return Usual(tuple(found), np.stack([_row(each - picture) for each in seen]), picture, wanted.mean(0))


def measure(entry: Entry, usual: Usual | None) -> Measured:
    """Read and measure one example of a set, of which `usual` is known.

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
    own, other = fits(entry.name, edges(picture), edges(condition), usual)
    return Measured(
        **known,  # type: ignore[arg-type]
        condition_size=(condition.shape[1], condition.shape[0]),
        condition_low=int(condition.min()),
        condition_high=int(condition.max()),
        condition_mean=float(condition.mean()),
        condition_channels=(red, green, blue),
        condition_slope=_slope(condition),
        own_fit=own,
        other_fit=other,
    )


def fits(name: str, seen: Edges, wanted: Edges, usual: Usual | None) -> tuple[float | None, float | None]:
    """How a condition's edges agree with those of its own picture, and with those of others; 0 where it has none."""
    if usual is None:
        return None, None
    if not wanted.any():
        return 0.0, 0.0
    row = _row(wanted - usual.condition)
    others = (usual.pictures @ row)[[other != name for other in usual.names]]
    return float(_row(seen - usual.picture) @ row), float(np.median(others))


def _edges_at(place: Place) -> Edges:
    return edges(np.asarray(read_place(place)))


def _slope(condition: Picture) -> float:
    third = max(1, len(condition) // 3)
    return float(condition[-third:].mean()) - float(condition[:third].mean())


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


def _row(some: Edges) -> Edges:
    """(SIDE, SIDE) -> (SIDE * SIDE,) without its mean, of length 1; 0 where it has no edges."""
    row = (some - some.mean()).ravel()
    length = float(np.linalg.norm(row))
    return row / length if length > 1e-3 else np.zeros_like(row)
