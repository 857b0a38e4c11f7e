"""Soft edges, as the released HED and soft edge ControlNets read them: bright where a contour is sure, black without.

Algorithm: slopes of several scales (soft_edges.py). Network: PiDiNet (arXiv:2108.07009) or HED (arXiv:1504.06375).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from zeroconv.conditions.detection import as_map, check, detection_picture, run_all, three_channels
from zeroconv.conditions.device import Device
from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.conditions.scene_tier import reader
from zeroconv.conditions.soft_edges import soft_edges
from zeroconv.conditions.weight_files import WeightFile, load
from zeroconv.errors import UserError

FILES = {"pidinet": WeightFile("table5_pidinet.pth"), "hed": WeightFile("ControlNetHED.pth")}


@condition("hed")
@dataclass(frozen=True)
class SoftEdge:
    """Soft edges, white on black."""

    method: Literal["algorithm", "network", "scenes"] = "algorithm"
    """algorithm: slopes in colour, without weights; network: PiDiNet or HED; scenes: by the network that ships,
    pictures of the embedded world."""
    sigma: float = 1.2
    """algorithm: finest scale, in pixels of a picture whose short side is 512; larger: fewer, broader edges."""
    safe: bool = False
    """Only black, grey and white: hides the shading that soft edges carry, so that it cannot leak into pictures."""
    model: Literal["pidinet", "hed"] = "pidinet"
    """network: which of the published ones."""
    weights: str = ""
    """network: the file, or a folder that holds it; otherwise the hub's cache, then the hub."""
    device: Device = field(default="auto", compare=False)
    """network: where it runs; auto: cuda where there is one, else mps, else cpu."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "white on black"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = 512

    def __post_init__(self) -> None:
        if not 0 < self.sigma <= 20:
            raise UserError(f"hed: expected 0 < sigma <= 20, got {self.sigma}")
        check("hed", self.method, self.weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3)."""
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One image for each picture, in order; the network sees those of one size side by side."""
        pictures = [picture(image) for image in images]
        found = self._network(pictures) if self.method == "network" else [self.edges(each) for each in pictures]
        return [three_channels(255 * (safe_step(edges) if self.safe else edges)) for edges in found]

    def edges(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> float32 (H, W) in 0..1."""
        if self.method == "network":
            return self._network([image])[0]
        if self.method == "scenes":
            return reader().detect("hed", image)[..., 0].astype(np.float32) / 255
        with one_thread():
            return soft_edges(image, self.sigma)

    def _network(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        from zeroconv.conditions.networks import hed, pidinet

        seen = [detection_picture(image, self.native_resolution or 512) for image in images]
        if self.model == "hed":
            network = load(FILES["hed"], self.weights, hed.build, self.device)
            answers = run_all(network, seen, lambda batch: batch)
        else:
            network = load(FILES["pidinet"], self.weights, pidinet.build, self.device)
            answers = run_all(network, seen, lambda batch: batch.flip(1) / 255)
        return [as_map(answer, image.shape[:2]) for answer, image in zip(answers, images, strict=True)]


def safe_step(edges: np.ndarray, steps: int = 2) -> np.ndarray:
    """(H, W) in 0..1 -> the same in `steps` + 1 levels from 0 to 1, as ControlNet 1.1 was trained with."""
    return np.asarray(np.minimum(np.floor(edges * (steps + 1)) / steps, 1))
