"""Blur: the picture through a Gaussian, for ControlNets that sharpen.

Source: the Gaussian blur control of the tile family of ControlNet 1.1 and its successors.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.errors import UserError

REFERENCE_SIZE = 512


@condition("blur", aliases=("gaussian-blur", "blur-gaussian"))
@dataclass(frozen=True)
class Blur:
    """The picture out of focus."""

    sigma: float = 9.0
    """Width of the blur in pixels of a picture whose short side is 512; it grows with the picture."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "the picture out of focus"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 < self.sigma <= 128:
            raise UserError(f"blur: sigma must be more than 0 and at most 128, not {self.sigma:g}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3)."""
        image = picture(image)
        sigma = self.sigma * min(image.shape[:2]) / REFERENCE_SIZE
        with one_thread():
            return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
