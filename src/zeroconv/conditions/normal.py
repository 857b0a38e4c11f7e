"""Normal images: the direction of each surface, red to the left, green up, blue to the viewer.

Source: the normal condition of arXiv:2302.05543: Sobel slopes x and y of inverse depth and a constant z of 2 pi,
normalised. Its first release fed the channels reversed, so that checkpoint reads blue, green, red; ControlNet 1.1 reads
red, green, blue. Instead of slopes of depth, a diffusion model may find the normals (marigold_tier.py).
Letters: H, W the picture's height and width.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import cv2
import numpy as np

from zeroconv.conditions import marigold_tier
from zeroconv.conditions.depth import WEIGHTS, estimate
from zeroconv.conditions.depth_map import ARRAYS, Map, Meaning, depth_map_for, grey_values, nearness
from zeroconv.conditions.device import Device, find_device
from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.conditions.scene_tier import reader
from zeroconv.errors import UserError

Z = 2 * math.pi
"""The constant beside the slopes, in units of Sobel's 3x3 sum, which is eight times the slope."""


@condition("normal", aliases=("normal-midas", "normal-map"))
@dataclass(frozen=True)
class Normal:
    """Where each surface faces."""

    method: Literal["network", "marigold", "algorithm", "scenes"] = "network"
    """network: estimate the depth of a photograph first; marigold: a diffusion model trained for normals, slower and
    finer; algorithm: the input is a depth map already (a grey picture of
    8 or 16 bits, .npy or .npz), which needs no weights; scenes: normals by the network that ships, pictures of the
    embedded world."""
    weights: str = ""
    """network: folder or hub id of a depth estimation network, otherwise depth-anything/Depth-Anything-V2-Small-hf;
    marigold: of a MarigoldNormalsPipeline, otherwise prs-eth/marigold-normals-v1-1."""
    device: Device = field(default="auto", compare=False)
    """network and marigold: where it runs; auto: cuda where there is one, else mps, else cpu."""
    depth_map: Meaning = "inverse"
    """What a given depth map holds: inverse (larger is nearer) or metric (larger is farther, 0 is unknown)."""
    bg_threshold: float = 0.1
    """Nearness, 0 (farthest) to 1 (nearest), below which a pixel is background and faces the viewer.
    The 1.0 demo had 0.4."""
    relief: float = 1.0
    """Distance between nearest and farthest in short sides of the picture: larger tilts every surface more."""
    channels: Literal["RGB", "BGR"] = "RGB"
    """RGB: as ControlNet 1.1 reads normals; BGR: reversed, as the 1.0 checkpoint does."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "x, y, z of the normal as red, green, blue"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = 384
    file_types: ClassVar[tuple[str, ...]] = ARRAYS

    def __post_init__(self) -> None:
        if not 0 <= self.bg_threshold <= 1:
            raise UserError(f"normal: bg_threshold must be 0 to 1, not {self.bg_threshold:g}")
        if self.relief <= 0:
            raise UserError(f"normal: relief must be more than 0, not {self.relief:g}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), (128, 128, 255) faces the viewer."""
        image = picture(image)
        if self.method == "network":
            return self._draw(estimate([image], self.weights or WEIGHTS, self.device, of="normal")[0])
        if self.method == "marigold":
            return self._ordered(colours(self._painted(image)))
        if self.method == "scenes":
            return self._ordered(reader().detect("normal", image))
        return self._draw(nearness(grey_values(image, "normal"), self.depth_map))

    def from_file(self, path: Path) -> np.ndarray | None:
        """The normals of a depth map in a file of more than 8 bits; None where the file is a picture to look at."""
        values = depth_map_for(self.method, path, "normal")
        return None if values is None else self._draw(nearness(values, self.depth_map))

    def _painted(self, image: np.ndarray) -> Map:
        """uint8 (H, W, 3) -> unit vectors (H, W, 3): left, up, towards the viewer."""
        weights = self.weights or marigold_tier.WEIGHTS
        directions = marigold_tier.painter().normals(image, weights, find_device(self.device))
        return directions * np.array([-1, 1, 1], np.float32)

    def _draw(self, near: Map) -> np.ndarray:
        return self._ordered(colours(normals(near, self.bg_threshold, self.relief)))

    def _ordered(self, made: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(made[:, :, ::-1]) if self.channels == "BGR" else made


def colours(directions: Map) -> np.ndarray:
    """Unit vectors (H, W, 3) -> uint8 (H, W, 3), -1 to 1 as 0 to 255."""
    return np.rint((directions + 1) / 2 * 255).astype(np.uint8)


def turned(image: np.ndarray, channels: str) -> np.ndarray:
    """Normals uint8 (H, W, 3) with left and right exchanged in their colours, not in their places.

    x is red, with the channels BGR the last one. 0 as 128 stays, and 127 with it, so that turning twice changes
    nothing; any other value is exactly that of -x.
    """
    x, opposite = (0 if channels == "RGB" else 2), np.arange(255, -1, -1, dtype=np.uint8)
    opposite[[127, 128]] = 127, 128
    result = image.copy()
    result[:, :, x] = opposite[image[:, :, x]]
    return result


def normals(near: Map, bg_threshold: float, relief: float) -> Map:
    """Nearness (H, W) in [0, 1] -> unit vectors (H, W, 3): left, up, towards the viewer."""
    height = near * np.float32(relief * min(near.shape))
    with one_thread():
        leftwards, upwards = (cv2.Sobel(height, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))
    facing = np.stack([leftwards, upwards, np.full_like(leftwards, Z)], axis=2)
    facing[near < bg_threshold, :2] = 0
    return np.asarray(facing / np.linalg.norm(facing, axis=2, keepdims=True), np.float32)
