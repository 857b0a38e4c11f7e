"""Pictures in which there is something, but none of the nine kinds: what the perception network must call unclear.

H W picture size. Pictures (H, W, 3) uint8, masks (H, W) bool.
"""

import cv2
import numpy as np

Array = np.ndarray
REACH = 9  # pixels an object's pixels are moved by, at least, to lose its shape


def blob(picture: Array, mask: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Hide the object behind a lump of its own colours -> picture, the lump's mask."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    middle = np.array([rows.mean(), columns.mean()])
    radius = 0.5 * max(np.ptp(rows), np.ptp(columns)) + 2
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - middle[0], x - middle[1]) / radius
    lump = (distance + 0.5 * _waves(height, width, radius * random.uniform(0.5, 1.2), random)) < random.uniform(0.8, 1)
    lump = cv2.dilate((lump | mask).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    inner, outer = (picture[mask][random.integers(mask.sum())].astype(np.float32) for _ in range(2))
    share = np.clip(0.5 + _waves(height, width, radius, random), 0, 1)[..., None]
    colours = (inner * share + outer * (1 - share)) * (1.1 - 0.35 * (y - middle[0])[..., None] / (2 * radius))
    soft = cv2.GaussianBlur(lump.astype(np.float32), (0, 0), random.uniform(0.6, 3.0))[..., None]
    return _picture(picture * (1 - soft) + colours * soft), lump


def warped(picture: Array, mask: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Pull the object out of shape -> picture, mask."""
    height, width = mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    strength, wave = random.uniform(REACH, 2 * REACH), random.uniform(14, 24)
    dx, dy = (strength * _waves(height, width, wave, random).astype(np.float32) for _ in range(2))
    moved = cv2.remap(picture, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    blurred = cv2.GaussianBlur(moved, (0, 0), random.uniform(0.3, 1.5))
    return blurred, cv2.remap(mask.astype(np.uint8), x + dx, y + dy, cv2.INTER_NEAREST) > 0


def blend(first: Array, second: Array, masks: tuple[Array, Array], random: np.random.Generator) -> tuple[Array, Array]:
    """Two objects of different kinds in one place, half transparent each -> picture, the mask of both."""
    share = random.uniform(0.4, 0.6)
    return _picture(first * share + second * (1.0 - share)), masks[0] | masks[1]


def _waves(height: int, width: int, length: float, random: np.random.Generator) -> Array:
    """Smooth noise (H, W) of spread 0.5 that varies over about `length` pixels."""
    noise = cv2.GaussianBlur(random.standard_normal((height, width)), (0, 0), length / 3)
    return 0.5 * noise / noise.std()


def _picture(values: Array) -> Array:
    return np.rint(values).clip(0, 255).astype(np.uint8)
