"""Straight lines, as the released M-LSD ControlNets read them: white, one pixel wide, on black.

Algorithm: LSD, a line segment detector with false detection control (von Gioi et al., IPOL 2012), whose fragments of
one line are joined. Network: M-LSD (arXiv:2106.00186).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import cv2
import numpy as np

from zeroconv.conditions.detection import check, detection_picture, run_all, three_channels
from zeroconv.conditions.device import Device
from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.conditions.segments import join_segments, lengths
from zeroconv.conditions.weight_files import WeightFile, load
from zeroconv.errors import UserError

FILES = {
    "large": WeightFile("mlsd_large_512_fp32.pth"),
    "tiny": WeightFile("mlsd_tiny_512_fp32.pth", None, "https://github.com/lhwcv/mlsd_pytorch (folder models)"),
}

FRAGMENTS = 4
"""Times shorter than the shortest segment a fragment of one may be: what is shorter is noise."""

SMALLEST_SIDE = 4
"""Pixels; below it LSD has no gradient to look at."""


@condition("hough")
@dataclass(frozen=True)
class Hough:
    """Straight segments, white on black, one pixel wide at every size of picture."""

    method: Literal["algorithm", "network"] = "algorithm"
    """algorithm: LSD, without weights; network: M-LSD."""
    shortest: float = 0.08
    """algorithm: length of the shortest segment, as a share of the picture's short side."""
    gap: float = 0.02
    """algorithm: fragments of one line this far apart are joined, as a share of the short side; 0: not joined."""
    value: float = 0.1
    """network: least certainty, 0 to 1; lower: more lines."""
    distance: float = 0.1
    """network: least length, in pixels of a map half as large as the picture the network sees."""
    model: Literal["large", "tiny"] = "large"
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
        if not (0 < self.shortest <= 1 and 0 <= self.gap <= 1):
            raise UserError(
                f"hough: expected 0 < shortest <= 1 and 0 <= gap <= 1, got shortest {self.shortest} and gap {self.gap}"
            )
        if not (0 <= self.value <= 1 and self.distance >= 0):
            raise UserError(
                f"hough: expected 0 <= value <= 1 and distance >= 0, got value {self.value} and "
                f"distance {self.distance}"
            )
        check("hough", self.method, self.weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3) of 0 and 255."""
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One image for each picture, in order; the network sees those of one size side by side."""
        pictures = [picture(image) for image in images]
        found = self._network(pictures) if self.method == "network" else [self.segments(each) for each in pictures]
        return [_drawn(segments, each.shape[:2]) for segments, each in zip(found, pictures, strict=True)]

    def segments(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> float (N, 4): x0, y0, x1, y1 of each segment in pixels of the picture."""
        return self._network([image])[0] if self.method == "network" else self._algorithm(image)

    def _algorithm(self, image: np.ndarray) -> np.ndarray:
        side = min(image.shape[:2])
        if side < SMALLEST_SIDE:
            return np.zeros((0, 4))
        with one_thread():
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
        segments = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64)
        segments = segments[lengths(segments) >= self.shortest * side / FRAGMENTS]
        if self.gap:
            segments = join_segments(segments, gap=self.gap * side)
        return np.asarray(segments[lengths(segments) >= self.shortest * side])

    def _network(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        import torch

        from zeroconv.conditions.networks import mlsd

        def prepare(batch: torch.Tensor) -> torch.Tensor:
            return torch.cat((batch, torch.ones_like(batch[:, :1])), 1) / 127.5 - 1

        network = load(FILES[self.model], self.weights, mlsd.build, self.device)
        seen = [detection_picture(image, self.native_resolution or 512) for image in images]
        found = []
        for maps, image in zip(run_all(network, seen, prepare), images, strict=True):
            if not torch.isfinite(maps).all():
                raise UserError(f"hough: the network {FILES[self.model].name} answered with values that are not finite")
            scale = np.array([image.shape[1] / maps.shape[3], image.shape[0] / maps.shape[2]] * 2)
            found.append(np.asarray(mlsd.read_segments(maps, self.value, self.distance).double().numpy() * scale))
        return found


def _drawn(segments: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(N, 4) -> uint8 (*size, 3) of 0 and 255."""
    drawing = np.zeros(size, np.uint8)
    with one_thread():
        for x0, y0, x1, y1 in np.rint(segments).astype(int).tolist():
            cv2.line(drawing, (x0, y0), (x1, y1), 255, 1, cv2.LINE_8)
    return three_channels(drawing)
