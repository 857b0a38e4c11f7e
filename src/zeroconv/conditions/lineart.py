"""Line art: thin lines as of an ink drawing, white on black, as the released lineart ControlNets are fed.

Algorithm: differences of Gaussians across the edge, smoothed along it (H. Kang, S. Lee and C. Chui, "Coherent line
drawing", NPAR 2007), with the soft threshold of XDoG (Winnemöller et al., Computers & Graphics 36(6), 2012).
Network: the generator of arXiv:2203.12691, fine or coarse, or the one for anime.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import cv2
import numpy as np

from zeroconv.conditions.detection import as_map, check, detection_picture, run_all, three_channels
from zeroconv.conditions.device import Device
from zeroconv.conditions.registry import Resize, condition, one_thread, picture
from zeroconv.conditions.soft_edges import scale_of
from zeroconv.conditions.structure_tensor import shifted, structure_tensor
from zeroconv.conditions.weight_files import WeightFile, load
from zeroconv.errors import UserError

FILES = {
    "fine": WeightFile("sk_model.pth"),
    "coarse": WeightFile("sk_model2.pth"),
    "anime": WeightFile("netG.pth"),
}

RATIO = 1.6
"""Of the wide Gaussian to the narrow one: the difference that is nearest to the Laplacian (Marr and Hildreth, 1980)."""

FULL = 2.0
"""Steps of CIE lightness that draw a full line at least; in pictures of more contrast their own strongest lines do."""

STEPS = 6
"""Of one pass of smoothing along the line, to either side."""


@condition("lineart")
@dataclass(frozen=True)
class LineArt:
    """Thin lines, white on black, 0..255."""

    method: Literal["algorithm", "network"] = "algorithm"
    """algorithm: flow-guided differences of Gaussians, without weights; network: trained on drawings."""
    sigma: float = 1.2
    """algorithm: half the width of a line, in pixels of a picture whose short side is 512."""
    detail: float = 0.5
    """algorithm: 0 to 1; higher: fainter lines too."""
    model: Literal["fine", "coarse", "anime"] = "fine"
    """network: which of the published ones; anime is for drawings in that style."""
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
        if not (0 < self.sigma <= 10 and 0 <= self.detail <= 1):
            raise UserError(
                f"lineart: expected 0 < sigma <= 10 and 0 <= detail <= 1, got sigma {self.sigma} and "
                f"detail {self.detail}"
            )
        check("lineart", self.method, self.weights)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3)."""
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One image for each picture, in order; the network sees those of one size side by side."""
        pictures = [picture(image) for image in images]
        if self.method == "network":
            return [three_channels(255 * (1 - drawing)) for drawing in self._drawings(pictures)]
        with one_thread():
            return [three_channels(255 * self._lines(each)) for each in pictures]

    def _lines(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> float32 (H, W) in 0..1."""
        sigma = max(0.6, self.sigma * scale_of(image.shape))
        lightness = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]
        tensor = structure_tensor(lightness[..., None], sigma, integration=2 * sigma)
        darker = _across(lightness, tensor.normal, RATIO * sigma) - _across(lightness, tensor.normal, sigma)
        tangent = np.stack([-tensor.normal[..., 1], tensor.normal[..., 0]], 2)
        evenness = tensor.weakest / np.maximum(tensor.strongest, 1e-6)
        darker = _along(darker * (1 - evenness), tangent, 4 * sigma)
        measure = max(FULL, float(np.quantile(darker, 0.985)))
        threshold = measure * (0.9 - 0.8 * self.detail) / 2
        return np.tanh(np.maximum(darker - threshold, 0) / measure * 3.5, dtype=np.float32)

    def _drawings(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """uint8 (H, W, 3) each -> float32 (H, W) in 0..1, dark lines on white."""
        from zeroconv.conditions.networks import lineart, lineart_anime

        resolution = self.native_resolution or 512
        if self.model == "anime":
            network = load(FILES["anime"], self.weights, lineart_anime.build, self.device)
            seen = [detection_picture(image, resolution, multiple=256) for image in images]
            answers = [(said + 1) / 2 for said in run_all(network, seen, lambda batch: batch / 127.5 - 1)]
        else:
            network = load(FILES[self.model], self.weights, lineart.build, self.device)
            seen = [detection_picture(image, resolution) for image in images]
            answers = run_all(network, seen, lambda batch: batch / 255)
        return [as_map(answer, image.shape[:2]) for answer, image in zip(answers, images, strict=True)]


def _across(values: np.ndarray, normal: np.ndarray, sigma: float) -> np.ndarray:
    """(H, W) averaged along the normal with a Gaussian of sigma."""
    return _averaged(values, normal, [step * sigma / 2 for step in range(-5, 6)], sigma)


def _along(values: np.ndarray, tangent: np.ndarray, sigma: float) -> np.ndarray:
    """(H, W) averaged along the line that runs through each pixel, Gaussian of sigma, in STEPS steps to either side."""
    stride = 2 * sigma / STEPS
    total, weights = values.copy(), 1.0
    for sign in (1, -1):
        grid = np.indices(values.shape, np.float32)
        x, y, heading = grid[1], grid[0], sign * tangent
        for step in range(1, STEPS + 1):
            x, y = x + np.float32(stride) * heading[..., 0], y + np.float32(stride) * heading[..., 1]
            weight = float(np.exp(-0.5 * (step * stride / sigma) ** 2))
            total += np.float32(weight) * cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weights += weight
            there = cv2.remap(tangent, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            turned = (there * heading).sum(2, keepdims=True) < 0  # a tangent has no sign of its own
            heading = np.where(turned, -there, there)
    return total / np.float32(weights)


def _averaged(values: np.ndarray, direction: np.ndarray, places: list[float], sigma: float) -> np.ndarray:
    weights = np.exp(-0.5 * (np.array(places) / sigma) ** 2)
    total = np.zeros_like(values)
    for place, weight in zip(places, weights / weights.sum(), strict=True):
        total += shifted(values, direction, place) * np.float32(weight)
    return total
