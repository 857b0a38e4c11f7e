"""How OpenPose's networks look at a picture, and their maps at the size where they are read.

Letters: h, w the picture's height and width; K maps.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.detection import as_tensor, run
from zeroconv.errors import UserError

Map = NDArray[np.float32]


def read_maps(network: Any, picture: np.ndarray, to_network: tuple[int, int], size: tuple[int, ...], of: str) -> Map:
    """BGR uint8 (h, w, 3), the size at which the network takes it, the size of the maps -> maps (K, *size).

    The network's sides are multiples of 8: what the picture lacks below and to the right is grey, and cut off again.
    of: the network's file, for the UserError about values that are not finite.
    """
    height, width = (max(1, side) for side in to_network)
    scaled = resized(picture, (height, width))
    framed = cv2.copyMakeBorder(
        scaled, 0, -height % 8, 0, -width % 8, cv2.BORDER_CONSTANT, value=(128, 128, 128)
    )  # 128 is what the network sees as 0
    maps = answers(network, framed, of)
    return np.stack([resized(resized(each, framed.shape)[:height, :width], size) for each in maps])


def answers(network: Any, picture: np.ndarray, of: str) -> Map:
    """BGR uint8 (h, w, 3), multiples of 8 -> the network's maps (K, h/8, w/8)."""
    maps = np.asarray(run(network, as_tensor(picture) / 256 - 0.5)[0].float().cpu().numpy(), np.float32)
    if not np.isfinite(maps).all():
        raise UserError(f"pose: the network {of} answered with values that are not finite")
    return maps


def resized(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w, ...) -> (*size, ...): area mean when it shrinks, Lanczos when it grows, as the annotator does."""
    shrinks = sum(size[:2]) < sum(values.shape[:2])
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(values, (size[1], size[0]), interpolation=interpolation))
