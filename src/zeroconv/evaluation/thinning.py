"""Lines brought to a width of one pixel, so that a thick line counts no more than a thin one."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours (down, right), clockwise from above."""


def thinned(mask: Mask) -> Mask:
    """The middle lines of a mask (H, W), by T. Y. Zhang and C. Y. Suen's parallel algorithm (CACM 1984)."""
    lines = mask.copy()
    while True:
        before = int(lines.sum())
        for is_second in (False, True):
            lines &= ~_removable(lines, is_second=is_second)
        if int(lines.sum()) == before:
            return lines


def _removable(lines: Mask, *, is_second: bool) -> Mask:
    """Border pixels whose loss neither breaks nor shortens a line, of one of the two sides taken in turn."""
    height, width = lines.shape
    padded = np.pad(lines, 1)
    around = [padded[1 + down : 1 + down + height, 1 + right : 1 + right + width] for down, right in _AROUND]
    count = np.sum(around, axis=0)
    turns = np.sum([~one & other for one, other in zip(around, (*around[1:], around[0]), strict=True)], axis=0)
    above, right, below, left = around[::2]
    sides = (above & right & left, above & below & left) if is_second else (above & right & below, right & below & left)
    return np.asarray(lines & (count >= 2) & (count <= 6) & (turns == 1) & ~sides[0] & ~sides[1])
