"""How well two maps of classes agree: intersection over union.

H, W pixels.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.integer[Any]]  # (H, W), a number a class


def mean_iou(found: Classes, asked: Classes, classes: Iterable[int]) -> float:
    """The mean over `classes` of intersection over union; each occurs in one map at least. No classes: 1."""
    shares = [_iou(found == number, asked == number) for number in classes]
    return float(np.mean(shares)) if shares else 1.0


def _iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / (one | two).sum())
