"""Tile: the picture without its detail, for ControlNets that invent it anew (upscaling, repair).

Source: ControlNet 1.1's tile: the picture at an eighth of its size (mean of each square), enlarged again. Enlarged
here by cubic interpolation onto the same place; the released demo's three pyramid steps move the picture by 3.5 pixels.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.errors import UserError


@condition("tile", aliases=("tile-resample", "low-resolution"))
@dataclass(frozen=True)
class Tile:
    """The picture reduced and enlarged again."""

    factor: float = 8.0
    """By how much it is reduced; 1 leaves it as it is."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "the picture without detail"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 1 <= self.factor <= 64:
            raise UserError(f"tile: factor must be 1 to 64, not {self.factor:g}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3)."""
        image = picture(image)
        height, width = image.shape[:2]
        small = (max(1, round(width / self.factor)), max(1, round(height / self.factor)))
        if small == (width, height):
            return image
        with one_thread():
            reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
            return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
