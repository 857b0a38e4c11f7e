"""Content shuffle: the picture pulled about until only its colours and textures are left.

Source: ControlNet 1.1's shuffle: each pixel is fetched from a place that two smooth random fields name, one for x and
one for y. A field is uniform noise, one value every 256 pixels of a 512 pixel picture, enlarged by cubic interpolation
and stretched to the whole picture. Letters: H, W the picture's height and width.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.registry import Resize, condition, one_thread, picture, random_numbers
from zeroconv.errors import UserError


@condition("shuffle", aliases=("content-shuffle",))
@dataclass(frozen=True)
class Shuffle:
    """The picture's colours and textures in other places."""

    seed: int = 0
    """Another number, another shuffle. The picture counts too, so that the pictures of a data set differ."""
    grain: float = 0.5
    """Distance between the values of the random field in short sides of the picture; smaller: finer pieces."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "the picture's colours in other places"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = 512

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"shuffle: seed must be 0 or more, not {self.seed}")
        if not 0.01 <= self.grain <= 4:
            raise UserError(f"shuffle: grain must be 0.01 to 4, not {self.grain:g}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3)."""
        image = picture(image)
        height, width = image.shape[:2]
        generator, step = random_numbers(self.seed, image), max(2, round(self.grain * min(height, width)))
        with one_thread():
            x = _smooth_noise((height, width), step, generator) * (width - 1)
            y = _smooth_noise((height, width), step, generator) * (height - 1)
            return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR), np.uint8)


def _smooth_noise(size: tuple[int, int], step: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """A field (H, W) from 0 to 1 with one random value every `step` pixels."""
    height, width = size
    values = generator.random((height // step + 2, width // step + 2), dtype=np.float32)
    enlarged = cv2.resize(values, (width + 2 * step, height + 2 * step), interpolation=cv2.INTER_CUBIC)
    field = enlarged[step : step + height, step : step + width]
    return np.asarray((field - field.min()) / max(float(field.max() - field.min()), 1e-6), np.float32)
