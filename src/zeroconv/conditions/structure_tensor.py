"""The structure tensor: how strongly a picture changes at each place, along which direction, and whether only there.

Source: S. Di Zenzo, "A note on the gradient of a multi-image", 1986; J. Bigun and G. Granlund, 1987.
Letters: H W height and width, C channels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SHARPEST = 0.5
"""Pixels: a Gaussian of a smaller sigma would not change the picture."""


@dataclass(frozen=True)
class StructureTensor:
    """Change at each pixel, in units of the picture's values a pixel."""

    strongest: np.ndarray
    """float32 (H, W): root mean square slope along the direction of strongest change."""
    weakest: np.ndarray
    """float32 (H, W): the same along the edge; as large as `strongest` in texture and at corners."""
    normal: np.ndarray
    """float32 (H, W, 2): unit vector x, y of strongest change, up to its sign."""


def structure_tensor(image: np.ndarray, sigma: float, integration: float) -> StructureTensor:
    """float32 (H, W, C) -> slopes at the scale `sigma`, gathered over `integration`, both in pixels."""
    smooth = blurred(image, sigma).reshape(*image.shape[:2], -1)
    dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32).reshape(smooth.shape)
    dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32).reshape(smooth.shape)
    xx, yy, xy = (blurred((a * b).sum(2), integration) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    middle, half = (xx + yy) / 2, (xx - yy) / 2
    spread = np.sqrt(half * half + xy * xy)
    angle = np.arctan2(xy, half) / 2
    return StructureTensor(
        np.sqrt(middle + spread),
        np.sqrt(np.maximum(middle - spread, 0)),
        np.stack([np.cos(angle), np.sin(angle)], 2),
    )


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian of `sigma` pixels; unchanged below SHARPEST."""
    if sigma < SHARPEST:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101))


def shifted(values: np.ndarray, direction: np.ndarray, steps: float) -> np.ndarray:
    """values (H, W[, C]) read `steps` pixels away along direction (H, W, 2), linearly interpolated."""
    y, x = np.indices(values.shape[:2], np.float32)
    place = (x + direction[..., 0] * np.float32(steps), y + direction[..., 1] * np.float32(steps))
    return np.asarray(cv2.remap(values, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
