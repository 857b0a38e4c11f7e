"""Masks as COCO writes them: polygons, and run lengths as numbers or packed into text.

Source: the formats of COCO's annotations (arXiv:1405.0312) and of its mask programs. Run lengths go down the columns,
first the number of pixels outside. H, W the picture's height and width.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.registry import one_thread

Mask = NDArray[np.bool_]
_FINER = 5
"""The grid on which polygons are filled is so much finer, and each pixel's middle counts: filling adds the outline."""


def decode(segmentation: Any, size: tuple[int, int]) -> Mask:
    """The `segmentation` of an annotation -> (H, W), of which size is (H, W); ValueError where it is none."""
    if isinstance(segmentation, list):
        return _filled(segmentation, size)
    counts = segmentation["counts"]
    lengths = list(unpacked(counts)) if isinstance(counts, str) else counts
    if tuple(segmentation["size"]) != size or sum(lengths) != size[0] * size[1] or min(lengths) < 0:
        raise ValueError(f"run lengths of {segmentation['size']} that sum to {sum(lengths)} in a picture of {size}")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(size, order="F")


def unpacked(text: str) -> Iterator[int]:
    """The run lengths in a text: numbers in pieces of five bits, the lowest first, with two's complement.

    From the fourth on each number is the difference to the one two before.
    """
    lengths: list[int] = []
    number, shift = 0, 0
    for character in text:
        piece = ord(character) - 48
        number |= (piece & 0x1F) << shift
        shift += 5
        if piece & 0x20:
            continue
        if piece & 0x10:
            number -= 1 << shift
        lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))
        yield lengths[-1]
        number, shift = 0, 0


def _filled(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> Mask:
    """The pixels whose middle lies within any of the polygons, flat lists of x, y; the first pixel's is (0.5, 0.5)."""
    mask = np.zeros(size, bool)
    for polygon in polygons:
        corners = np.array(polygon, np.float64).reshape(-1, 2)
        left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, (size[1], size[0]))
        right, bottom = np.clip(np.ceil(corners.max(0)).astype(int), 0, (size[1], size[0]))
        fine = np.zeros(((bottom - top) * _FINER, (right - left) * _FINER), np.uint8)
        if fine.size:
            inside = np.rint((corners - (left, top)) * _FINER - 0.5).astype(np.int32)
            with one_thread():
                cv2.fillPoly(fine, [inside], 1)
            mask[top:bottom, left:right] |= fine[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER] > 0
    return mask
