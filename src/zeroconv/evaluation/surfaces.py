"""How well two readings of surfaces agree: depth up to scale and shift, and directions.

H, W pixels.
"""

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


def aligned_error(found: Map, asked: Map) -> float:
    """Mean absolute difference of two maps (H, W) of relative depth, `found` first scaled and shifted onto `asked`.

    Scale and shift are those of least squares, as monocular depth is compared (arXiv:1907.01341, section 5): neither
    can be told from one picture. A scale below 0 would take far for near, so that the best one left is 0.
    """
    given, wanted = found.astype(np.float64), asked.astype(np.float64)
    deviation = given - given.mean()
    spread = float((deviation**2).mean())
    scale = max(float((deviation * wanted).mean()) / spread, 0.0) if spread > 0 else 0.0
    return float(np.abs(scale * deviation + wanted.mean() - wanted).mean())


def mean_angle(found: Map, asked: Map) -> float:
    """The mean angle in degrees between two sets of unit vectors (..., 3)."""
    cosine = (found * asked).sum(-1)
    return float(np.degrees(np.arccos(cosine.clip(-1, 1))).mean())
