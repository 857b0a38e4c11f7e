"""How well the persons found in a picture agree with those asked for: PCK, the share of joints found in their place.

Source: Y. Yang and D. Ramanan, "Articulated human detection with flexible mixtures of parts" (PAMI 2013): a joint is in
its place within a share of the larger side of the box around its person. Keypoints (18, 3) of a person: x, y in pixels
and confidence, 0 where a joint is not there.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from zeroconv.conditions.person import Keypoints

NEAR = 0.1
"""Share of a person's size: how far from its place a joint may be found (PCK@0.1)."""


def persons_found(found: Sequence[Keypoints], asked: Sequence[Keypoints]) -> float:
    """The share in [0, 1] of the joints of all persons asked for that are found in place; at least one is asked for.

    Each person found stands for one asked for at most, so that as many joints as can be are in place; persons too many
    do not count.
    """
    matches = np.array([[in_place(one, other, NEAR * _size(other)).sum() for one in found] for other in asked])
    best = matches[linear_sum_assignment(matches, maximize=True)].sum() if len(found) else 0
    return float(best / sum((other[:, 2] > 0).sum() for other in asked))


def in_place(found: Keypoints, asked: Keypoints, reach: float) -> NDArray[np.bool_]:
    """Which joints (18,) of those asked for are found within `reach` pixels."""
    distance = np.hypot(*(found - asked)[:, :2].T)
    return np.asarray((distance <= reach) & (found[:, 2] > 0) & (asked[:, 2] > 0))


def _size(body: Keypoints) -> float:
    """The larger side of the box around the joints that are there."""
    there = body[body[:, 2] > 0, :2]
    return float((there.max(0) - there.min(0)).max())
