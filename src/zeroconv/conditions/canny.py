"""Canny edges, as the released canny ControlNets were trained on: of the colour picture, at the picture's size.

Source: J. Canny, "A Computational Approach to Edge Detection", 1986; thresholds 100 and 200 as in the demos of
arXiv:2302.05543. The edges of a colour picture are not those of its grey version (in each pixel the channel with the
steepest slope decides), and they change with the size of the picture.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.errors import UserError


@condition("canny", aliases=("canny-edges",))
@dataclass(frozen=True)
class Canny:
    """Thin edges, white on black."""

    low: int = 100
    """Gradient (0 to about 2000) from which a pixel that touches an edge belongs to it; lower: more detail."""
    high: int = 200
    """Gradient from which a pixel starts an edge by itself; lower: more edges."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "white on black"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise UserError(f"canny: expected 0 <= low <= high, got low {self.low} and high {self.high}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3) of 0 and 255."""
        with one_thread():
            edges = cv2.Canny(picture(image), self.low, self.high)
        return np.repeat(edges[:, :, None], 3, axis=2)
