"""The perception network as detector: condition images of pictures of the embedded world.

They read like the exact ones of zeroconv.scenes.truth. This module is the entry point `scenes` of the group
`zeroconv.detectors` (conditions/scene_tier.py). H, W the picture's height and width.
"""

import functools
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from zeroconv.conditions.person import Person
from zeroconv.conditions.registry import one_thread
from zeroconv.errors import UserError, nearest
from zeroconv.perception.files import load_perception
from zeroconv.perception.network import Perception, PerceptionNetwork
from zeroconv.perception.reading import seen_keypoints
from zeroconv.scenes.vocabulary import CLASSES, PALETTE

SIDE = 128
"""Pixels of a picture as the network has learnt to read it; others are scaled to it, and what was seen back."""

OUTLIERS = (0.01, 0.99)

SKY = CLASSES.index("sky")

Pictures = NDArray[np.uint8]
Size = tuple[int, int]


def detect(condition: str, image: NDArray[np.uint8]) -> Pictures:
    """A picture (H, W, 3) uint8 -> its condition image (H, W, 3) uint8; UserError for a condition that is not read."""
    draw = DETECTED.get(condition)
    if draw is None:
        raise UserError(f"the perception network reads no {condition}; {nearest(condition, DETECTED)}")
    return draw(_perceive(image), (image.shape[0], image.shape[1]))


def persons(image: NDArray[np.uint8]) -> tuple[Person, ...]:
    """A picture (H, W, 3) uint8 -> its person, in the picture's pixels; the network looks for one alone."""
    points = seen_keypoints(_perceive(image))[0].copy()
    points[:, :2] *= np.array([image.shape[1] / SIDE, image.shape[0] / SIDE], np.float32)
    points[points[:, 2] == 0] = 0
    points[:, 2] = points[:, 2] > 0
    return (Person(points),) if points[:, 2].any() else ()


def depth(seen: Perception, size: Size) -> Pictures:
    """Near is bright, from the farthest to the nearest of the picture."""
    return _three(stretched(_scaled(seen.nearness.clamp_min(0), size)[0, 0].numpy()))


def stretched(nearness: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) as shares from the farthest, 0, to the nearest, 1; a hundredth at either end does not count."""
    low, high = np.quantile(nearness, OUTLIERS)
    return np.asarray(((nearness - low) / max(float(high - low), 1e-9)).clip(0, 1), np.float32)


def normal(seen: Perception, size: Size) -> Pictures:
    """Red is left, green is up, blue is towards the viewer; the sky faces the viewer."""
    directions = normalize(_scaled(seen.normal, size), dim=1)
    is_sky = (_scaled(seen.classes, size).argmax(1) == SKY)[:, None]
    directions = torch.where(is_sky, torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1), directions)
    directions[:, 0] *= -1
    made = directions[0].permute(1, 2, 0).numpy()
    return np.rint((made + 1) / 2 * 255).clip(0, 255).astype(np.uint8)


def segmentation(seen: Perception, size: Size) -> Pictures:
    """One colour of the embedded world's palette a class."""
    return np.asarray(PALETTE[_scaled(seen.classes, size).argmax(1)[0].numpy()])


def soft_edges(seen: Perception, size: Size) -> Pictures:
    """White on black."""
    return _three(_scaled(seen.soft_edges.sigmoid(), size)[0, 0].numpy())


DETECTED: Mapping[str, Callable[[Perception, Size], Pictures]] = {
    "depth": depth,
    "normal": normal,
    "segmentation": segmentation,
    "hed": soft_edges,
}
"""What the network reads, by the condition's own name."""


@functools.cache
def _network() -> PerceptionNetwork:
    return load_perception()


def _perceive(image: NDArray[np.uint8]) -> Perception:
    with one_thread():
        is_native = image.shape[:2] == (SIDE, SIDE)
        seen = image if is_native else cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(np.array(seen)).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        read: Perception = _network()(picture)
    return read


def _scaled(values: Tensor, size: Size) -> Tensor:
    return interpolate(values, size=size, mode="bilinear", align_corners=False) if values.shape[2:] != size else values


def _three(share: NDArray[np.float32]) -> Pictures:
    """(H, W) in [0, 1] -> (H, W, 3) uint8."""
    return np.repeat(np.rint(share * 255).astype(np.uint8)[..., None], 3, axis=-1)
