"""Segmentation images: one colour of ADE20K's palette a class, by a network or from a ready map of class numbers.

Source: the palette of ADE20K (ade20k.py), which the released segmentation ControlNets were trained on
(arXiv:2302.05543); the networks are transformers' own classes, e.g. UperNet (arXiv:1807.10221) and SegFormer
(arXiv:2105.15203).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions import ade20k, pretrained
from zeroconv.conditions.registry import Resize, condition, picture
from zeroconv.conditions.scene_tier import reader
from zeroconv.errors import PictureError, UserError

WEIGHTS = "openmmlab/upernet-convnext-small"


@condition("segmentation", aliases=("segment", "ufade20k", "ofade20k"))
@dataclass(frozen=True)
class Segmentation:
    """What is where: each pixel in the colour of its class."""

    method: Literal["network", "algorithm", "scenes"] = "network"
    """network: find the classes in a photograph; algorithm: the input is a map of ADE20K's class numbers, grey, 1 to
    150, 0 for unlabelled; scenes: by the network that ships, pictures of the embedded world, in that
    world's own palette."""
    weights: str = WEIGHTS
    """Folder or hub id of a semantic segmentation network for ADE20K's 150 classes."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "one colour a class"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "nearest"
    native_resolution: ClassVar[int | None] = 512

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), the palette's colours; unlabelled: 0."""
        if self.method == "scenes":
            return reader().detect("segmentation", picture(image))
        return ade20k.to_colours(self.classes(picture(image)))

    def classes(self, image: np.ndarray) -> NDArray[np.int64]:
        """image uint8 (H, W, 3) -> ADE20K's classes (H, W), 1..150, 0 where a map leaves a pixel unlabelled."""
        if self.method == "network":
            return _predict(image, self.weights)
        if not (image == image[:, :, :1]).all():
            raise PictureError(
                "segmentation: method=algorithm takes a map of class numbers (grey, 0 to 150), but this picture is in "
                f"colour; to find the classes in a photograph use method=network and weights ({WEIGHTS})"
            )
        return image[:, :, 0].astype(np.int64)


def _predict(image: np.ndarray, weights: str) -> NDArray[np.int64]:
    """(H, W, 3) uint8 -> the most likely class (H, W), 1..150."""
    loaded = pretrained.load(
        "AutoModelForSemanticSegmentation", weights, of="segmentation", example=WEIGHTS, otherwise="a map of "
        "ADE20K's class numbers needs no network: method=algorithm",
    )  # fmt: skip
    count = int(loaded.model.config.num_labels)
    if count != len(ade20k.NAMES):
        raise UserError(
            f"segmentation: {weights} tells {count} classes apart, but the condition has ADE20K's {len(ade20k.NAMES)}"
        )
    logits = loaded(image).logits
    enlarged = pretrained.resized(logits, image.shape[:2], "bilinear")
    return np.asarray(enlarged[0].argmax(0).cpu().numpy(), np.int64) + 1
