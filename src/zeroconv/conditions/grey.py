"""Grey values, for ControlNets that give a picture new colours (recolour).

Source: the recolour controls of the ControlNet community: the weighted sum of a video signal (ITU-R BT.601), the
lightness of CIE L*a*b*, or the strongest of the three channels.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np

from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.errors import UserError


@condition("grey", aliases=("gray", "recolour", "recolor", "recolor-luminance", "grayscale", "colorization"))
@dataclass(frozen=True)
class Grey:
    """The picture without its colours."""

    value: Literal["luma", "luminance", "intensity"] = "luminance"
    """What grey stands for: luma (0.299 R + 0.587 G + 0.114 B), luminance (the lightness L* of Lab) or intensity (the
    strongest channel)."""
    gamma: float = 1.0
    """Exponent on the grey value in [0, 1]: less than 1 is brighter, more is darker."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "bright is bright"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0.1 <= self.gamma <= 10:
            raise UserError(f"grey: gamma must be 0.1 to 10, not {self.gamma:g}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3) with three equal channels."""
        grey = self._values(picture(image))
        if self.gamma != 1:
            grey = np.rint(255 * (grey.astype(np.float64) / 255) ** self.gamma).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)

    def _values(self, image: np.ndarray) -> np.ndarray:
        if self.value == "intensity":
            return np.asarray(image.max(axis=2), np.uint8)
        with one_thread():
            if self.value == "luma":
                return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[:, :, 0])
