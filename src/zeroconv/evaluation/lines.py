"""How well two sets of straight segments agree, by their lengths.

A point of a segment is matched where a segment of the other set passes close by in nearly the same direction. Whether a
detector finds a line in one piece or in three makes no difference; N, M segments, P points.
"""

import numpy as np
from numpy.typing import NDArray

Segments = NDArray[np.float64]  # (N, 4): x0, y0, x1, y1 in pixels

NEAR = 2.0
"""Pixels between a point and the segment that it is matched with."""
TURN = 10.0
"""Degrees between their directions."""


def line_f1(found: Segments, asked: Segments) -> float:
    """F1 in [0, 1] of the lengths found and asked for that are matched; two empty sets agree: 1; one empty: 0."""
    if not len(found) or not len(asked):
        return float(len(found) == len(asked))
    precision, recall = _matched(found, asked), _matched(asked, found)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _matched(segments: Segments, others: Segments) -> float:
    """The share of the length of `segments` that runs along one of `others`."""
    points, owners = _points(segments)
    starts, spans = others[:, :2], others[:, 2:] - others[:, :2]
    lengths = np.maximum(np.hypot(*spans.T), 1e-9)
    along = ((points[:, None] - starts) * spans).sum(2) / lengths**2
    nearest = starts + along.clip(0, 1)[..., None] * spans
    distance = np.hypot(*np.moveaxis(points[:, None] - nearest, 2, 0))
    own = (segments[:, 2:] - segments[:, :2])[owners]
    own = own / np.maximum(np.hypot(*own.T), 1e-9)[:, None]
    cosine = np.abs(own @ (spans / lengths[:, None]).T)
    is_matched = (distance <= NEAR) & (cosine >= np.cos(np.radians(TURN)))
    return float(is_matched.any(1).mean())


def _points(segments: Segments) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Points (P, 2) one pixel apart along the segments, and the segment of each (P,)."""
    counts = np.maximum(np.rint(np.hypot(*(segments[:, 2:] - segments[:, :2]).T)).astype(int), 1)
    owners = np.repeat(np.arange(len(segments)), counts)
    share = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    return segments[owners, :2] + share[:, None] * (segments[owners, 2:] - segments[owners, :2]), owners
