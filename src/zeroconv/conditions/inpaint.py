"""Inpainting: the picture with a hole, as ControlNet 1.1 reads it.

Source: ControlNet 1.1's inpaint: the network gets the picture in [0, 1] and -1 where it is masked. An image of 8 bits
holds that as 0 for the hole and 128..255 for the picture, read in the range -1 to 1: black within the picture (0.004)
and the hole (-1) stay apart, at the price of one bit of the picture's eight. Transparent pixels are a hole too.
Letters: H, W the picture's height and width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.registry import Resize, condition, one_thread, picture, random_numbers
from zeroconv.errors import PictureError, UserError
from zeroconv.images import read_image

RANDOM = "random"
DARKEST = 128
"""The value of black: the first that is more than 0 in the range -1 to 1."""

_LARGEST_STRETCH = 1.05
"""A mask may differ from the picture in shape by what rounding a size to multiples of 64 does."""

_STROKES, _THICKNESS, _TURNS = (1, 4), (0.05, 0.2), (2, 6)


@condition("inpaint", aliases=("inpainting", "inpaint-mask", "mask"))
@dataclass(frozen=True)
class Inpaint:
    """The picture at half contrast, its hole black."""

    mask: str = RANDOM
    """File of the mask, white where the hole is, in the picture's shape; random: strokes and a box, as for training.
    A picture with transparent pixels brings its own mask."""
    seed: int = 0
    """Another number, other random strokes. The picture counts too, so that the pictures of a data set differ."""

    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    polarity: ClassVar[str] = "the hole is black, the picture 128 to 255"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "nearest"
    native_resolution: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not self.mask:
            raise UserError("inpaint: mask is empty; expected a picture, white where the hole is, or random")
        if self.seed < 0:
            raise UserError(f"inpaint: seed must be 0 or more, not {self.seed}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3): 0 in the hole, else 128..255."""
        shown = picture(image)
        kept = DARKEST + np.rint(shown * ((255 - DARKEST) / 255)).astype(np.uint8)
        kept[self._hole(image, shown)] = 0
        return kept

    def _hole(self, image: np.ndarray, shown: np.ndarray) -> NDArray[np.bool_]:
        """(H, W): where something is to be filled in."""
        if image.ndim == 3 and image.shape[2] == 4 and (image[:, :, 3] < 128).any():
            return np.asarray(image[:, :, 3] < 128)
        size = (shown.shape[0], shown.shape[1])
        if self.mask == RANDOM:
            return random_hole(size, random_numbers(self.seed, shown))
        return _read_mask(Path(self.mask), size)


def random_hole(size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.bool_]:
    """One to four thick bent strokes and, half of the time, a box: (H, W), true in the hole."""
    height, width = size
    hole = np.zeros(size, np.uint8)
    with one_thread():
        for _ in range(generator.integers(_STROKES[0], _STROKES[1], endpoint=True)):
            points = generator.random((generator.integers(_TURNS[0], _TURNS[1], endpoint=True), 2)) * (width, height)
            thickness = max(1, round(generator.uniform(*_THICKNESS) * min(size)))
            cv2.polylines(hole, [points.astype(np.int32)], isClosed=False, color=1, thickness=thickness)
        if generator.random() < 0.5:
            (left, top), (right, bottom) = np.sort(generator.random((2, 2)), axis=0) * (width, height)
            hole[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = 1
    return hole > 0


def _read_mask(path: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask in a file, white is the hole, at (H, W); UserError where it has another shape than the picture."""
    given = read_image(path).convert("L")
    (width, height), shape = given.size, size[1] / size[0]
    stretch = max(shape / (width / height), (width / height) / shape)
    if stretch > _LARGEST_STRETCH:
        raise PictureError(
            f"inpaint: the mask {path} is {width}x{height}, but the picture {size[1]}x{size[0]}: another shape"
        )
    with one_thread():
        fitted = cv2.resize(np.asarray(given), (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(fitted > 127)
