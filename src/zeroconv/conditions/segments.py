"""Line segments: their lengths, and fragments of one line joined into one.

Letters: N segments; a segment is x0, y0, x1, y1 in pixels.
"""

import math

import numpy as np

MOST_TURN = math.radians(3)
"""Directions of two fragments of one line differ at most by this."""

MOST_OFFSET = 1.5
"""Pixels that the end of one fragment may lie beside the other's line."""


def lengths(segments: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,) in pixels."""
    return np.asarray(np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]))


def join_segments(segments: np.ndarray, gap: float) -> np.ndarray:
    """(N, 4) -> (M, 4), M <= N: the longest first, each with what continues it within `gap` pixels, again and again."""
    waiting = segments[np.argsort(-lengths(segments), kind="stable")]
    joined = []
    while len(waiting):
        line, waiting = waiting[0], waiting[1:]
        while len(waiting):
            continues = _continues(line, waiting, gap)
            if not continues.any():
                break
            line = _span(line, waiting[continues])
            waiting = waiting[~continues]
        joined.append(line)
    return np.array(joined).reshape(-1, 4)


def _continues(line: np.ndarray, others: np.ndarray, gap: float) -> np.ndarray:
    """(4,), (N, 4) -> bool (N,): nearly parallel, on its line, and not farther along it than the gap."""
    length = max(float(np.hypot(*(line[2:] - line[:2]))), 1e-9)
    along = (line[2:] - line[:2]) / length
    across = np.array([-along[1], along[0]])
    ends = others.reshape(-1, 2, 2) - line[:2]
    places, offsets = ends @ along, np.abs(ends @ across).max(1)
    turns = np.abs((others[:, 2:] - others[:, :2]) @ across) / np.maximum(lengths(others), 1e-9)
    is_near = (places.max(1) >= -gap) & (places.min(1) <= length + gap)
    return np.asarray((turns <= math.sin(MOST_TURN)) & (offsets <= MOST_OFFSET) & is_near)


def _span(line: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The two ends, among those of all the segments, that lie farthest apart along the line."""
    points = np.concatenate([line.reshape(2, 2), others.reshape(-1, 2)])
    places = points @ (line[2:] - line[:2])
    return np.concatenate([points[places.argmin()], points[places.argmax()]])
