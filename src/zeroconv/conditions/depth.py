"""Depth images, near is bright: of a photograph by a network, or from a ready depth map.

Source: R. Ranftl et al., MiDaS and DPT (arXiv:1907.01341, arXiv:2103.13413), the detector of the released depth
ControlNet (arXiv:2302.05543); the default is its small successor Depth Anything V2 (arXiv:2406.09414). Both predict
inverse depth up to scale and shift, which is stretched to 0..255.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from zeroconv.conditions import pretrained
from zeroconv.conditions.depth_map import ARRAYS, Map, Meaning, depth_map_for, grey_values, nearness
from zeroconv.conditions.detection import batched
from zeroconv.conditions.device import Device
from zeroconv.conditions.registry import Resize, condition, picture
from zeroconv.conditions.scene_tier import reader

WEIGHTS = "depth-anything/Depth-Anything-V2-Small-hf"
_METRIC = ("depth_pro", "glpn", "prompt_depth_anything", "zoedepth")
"""Networks of transformers that predict metres, whatever their configuration says; larger is farther."""


@condition("depth", aliases=("depth-anything", "dpt"))
@dataclass(frozen=True)
class Depth:
    """How near each pixel is, from black (the farthest of the picture) to white (the nearest)."""

    method: Literal["network", "algorithm", "scenes"] = "network"
    """network: estimate it from a photograph; algorithm: the input is a depth map already (a grey picture of 8 or 16
    bits, .npy or .npz), which needs no weights; scenes: by the network that ships, pictures of the embedded world."""
    weights: str = WEIGHTS
    """Folder or hub id of a depth estimation network (DPT, Depth Anything, ZoeDepth ...)."""
    device: Device = field(default="auto", compare=False)
    """network: where it runs; auto: cuda where there is one, else mps, else cpu."""
    depth_map: Meaning = "inverse"
    """What a given depth map holds: inverse (larger is nearer) or metric (larger is farther, 0 is unknown)."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "near is bright"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "linear"
    native_resolution: ClassVar[int | None] = 384
    file_types: ClassVar[tuple[str, ...]] = ARRAYS

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), grey, 255 the nearest."""
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One image for each picture, in order; the network sees those of one size side by side."""
        pictures = [picture(image) for image in images]
        if self.method == "network":
            return [_to_picture(near) for near in estimate(pictures, self.weights, self.device, of="depth")]
        return [self._without_network(each) for each in pictures]

    def _without_network(self, image: np.ndarray) -> np.ndarray:
        if self.method == "scenes":
            return reader().detect("depth", image)
        return _to_picture(nearness(grey_values(image, "depth"), self.depth_map))

    def from_file(self, path: Path) -> np.ndarray | None:
        """The image of a depth map in a file of more than 8 bits; None where the file is a picture to look at."""
        values = depth_map_for(self.method, path, "depth")
        return None if values is None else _to_picture(nearness(values, self.depth_map))


def estimate(images: Sequence[np.ndarray], weights: str, device: Device, *, of: str) -> list[Map]:
    """Photographs uint8 (H, W, 3) -> nearness (H, W) in [0, 1] of each, by the network in a folder or on the hub."""
    loaded = pretrained.load(
        "AutoModelForDepthEstimation", weights, of=of, example=WEIGHTS, otherwise="a ready depth map needs no network: "
        "method=algorithm", device=device,
    )  # fmt: skip
    meaning: Meaning = "metric" if _is_metric(loaded.model.config) else "inverse"
    return [nearness(values, meaning) for values in batched(images, lambda some: _predict(some, loaded))]


def _predict(images: Sequence[np.ndarray], loaded: pretrained.Pretrained) -> list[Map]:
    """Photographs of one size (H, W, 3) uint8 -> what the network says of each (H, W)."""
    finish = loaded.processor.post_process_depth_estimation
    sizes: dict[str, Any] = {"target_sizes": [image.shape[:2] for image in images]}
    if "source_sizes" in inspect.signature(finish).parameters:
        sizes["source_sizes"] = sizes["target_sizes"]
    predicted = [each["predicted_depth"] for each in finish(loaded(*images), **sizes)]
    return [
        np.asarray(values.float().cpu().numpy(), np.float32).reshape(image.shape[:2])
        for values, image in zip(predicted, images, strict=True)
    ]


def _is_metric(config: Any) -> bool:
    return config.model_type in _METRIC or getattr(config, "depth_estimation_type", "") == "metric"


def _to_picture(near: Map) -> np.ndarray:
    """(H, W) in [0, 1] -> (H, W, 3) uint8."""
    return np.repeat(np.rint(near * 255).astype(np.uint8)[:, :, None], 3, axis=2)
