"""Scribbles: a person's drawing read as it is, or one made up from a photograph; white strokes on black.

From soft edges: ridges of the blurred edge map, thickened (the released scribble ControlNets were trained so). From
XDoG: where a difference of Gaussians is large (Winnemöller et al., Computers & Graphics 36(6), 2012).
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import cv2
import numpy as np

from zeroconv.conditions.detection import check, three_channels
from zeroconv.conditions.device import Device
from zeroconv.conditions.hed import SoftEdge
from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.conditions.soft_edges import scale_of
from zeroconv.conditions.structure_tensor import blurred
from zeroconv.errors import UserError

PEN = 127
"""A drawing's pixel belongs to a stroke when its darkest channel is below this."""

RIDGE, RIDGE_SIGMA = 127, 3.0
"""Least brightness of a ridge after the blur, and the blur, in pixels of a picture whose short side is 512."""

ALGORITHM_SIGMA, ALGORITHM_RIDGE = 2.5, 100
"""Finest scale and least brightness for soft edges made without weights, whose lines are thinner than a network's."""

SHORTEST = 40
"""Pixels of the shortest stroke at a short side of 512: an algorithm's specks are no strokes."""

RELEASED_THICKNESS = 12
"""Pixels that a ridge grows to with the released blur of 3 and its threshold of 4 (of 255)."""

DARKER, NARROW, WIDE = 16, 0.5, 5.0
"""XDoG: a stroke is this much darker (of 255) than its surroundings; sigmas of both, pixels at a short side of 512."""


@condition("scribble")
@dataclass(frozen=True)
class Scribble:
    """Strokes as of a thick pen, white on black, 0 or 255."""

    source: Literal["edges", "xdog", "drawing"] = "edges"
    """edges: made up from a photograph's soft edges; xdog: from its dark details; drawing: the picture is a drawing,
    dark on light."""
    thickness: float = 12.0
    """edges: width of the strokes, in pixels of a picture whose short side is 512."""
    method: Literal["algorithm", "network"] = "algorithm"
    """edges: where soft edges come from; algorithm: without weights; network: PiDiNet or HED."""
    model: Literal["pidinet", "hed"] = "hed"
    """network: which of the published ones."""
    weights: str = ""
    """network: the file, or a folder that holds it; otherwise the hub's cache, then the hub."""
    device: Device = field(default="auto", compare=False)
    """network: where it runs; auto: cuda where there is one, else mps, else cpu."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "white on black"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "nearest"
    native_resolution: ClassVar[int | None] = 512

    def __post_init__(self) -> None:
        if not 1 <= self.thickness <= 48:
            raise UserError(f"scribble: expected 1 <= thickness <= 48, got {self.thickness}")
        if self.method == "network" and self.source != "edges":
            raise UserError(f"scribble: method=network needs source=edges, not source={self.source}")
        check("scribble", self.method, self.weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3) of 0 and 255."""
        image = picture(image)
        with one_thread():
            if self.source == "drawing":
                strokes = image.min(2) < PEN
            elif self.source == "xdog":
                strokes = _dark_details(image)
            else:
                strokes = self._from_edges(image)
        return three_channels(strokes * 255.0)

    def _from_edges(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> bool (H, W)."""
        scale = scale_of(image.shape)
        soft = SoftEdge(
            self.method, sigma=ALGORITHM_SIGMA, model=self.model, weights=self.weights, device=self.device
        ).edges(image)
        if self.method == "network":
            lines = ridges(soft * 255, scale, RIDGE)
        else:
            lines = _without_specks(ridges(soft * 255, scale, ALGORITHM_RIDGE), SHORTEST * scale)
        return _thickened(lines, self.thickness * scale)


def ridges(edges: np.ndarray, scale: float, least: float) -> np.ndarray:
    """Soft edges (H, W) in 0..255 -> bool (H, W): the greatest of three in one of four directions, and not all alike.

    The released annotator takes three that are all alike for a ridge too, which draws upright and level lines as bars.
    """
    smooth = blurred(edges.astype(np.float32), RIDGE_SIGMA * scale)
    row, diagonal = np.zeros((3, 3), np.uint8), np.eye(3, dtype=np.uint8)
    row[1] = 1
    lines = (row, row.T.copy(), diagonal, diagonal[::-1].copy())
    is_ridge = np.any(
        [(cv2.dilate(smooth, line) == smooth) & (cv2.erode(smooth, line) < smooth) for line in lines], axis=0
    )
    return np.asarray(is_ridge & (smooth > least))


def _thickened(lines: np.ndarray, thickness: float) -> np.ndarray:
    """bool (H, W), lines one pixel wide -> bool (H, W), `thickness` pixels wide with round ends."""
    share = max(thickness, 1.0) / RELEASED_THICKNESS
    smooth = blurred(lines.astype(np.float32) * 255, 3.0 * share)
    return np.asarray(smooth > 4 / share)


def _without_specks(lines: np.ndarray, shortest: float) -> np.ndarray:
    """bool (H, W) -> the same without pieces of fewer pixels than `shortest`."""
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8), connectivity=8)
    is_stroke = statistics[:, cv2.CC_STAT_AREA] >= shortest
    is_stroke[0] = False  # the background
    return np.asarray(is_stroke[pieces])


def _dark_details(image: np.ndarray) -> np.ndarray:
    scale = scale_of(image.shape)
    values = image.astype(np.float32)
    difference = blurred(values, WIDE * scale) - blurred(values, NARROW * scale)
    return np.asarray(difference.min(2) > DARKER)
