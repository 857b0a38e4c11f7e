"""Segmentation images: one colour of ADE20K's palette a class, by a network or from a ready map of class numbers.

Source: the palette of ADE20K (ade20k.py), which the released segmentation ControlNets were trained on
(arXiv:2302.05543); the networks are transformers' own classes, e.g. UperNet (arXiv:1807.10221) and SegFormer
(arXiv:2105.15203).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions import ade20k, pretrained
from zeroconv.conditions.detection import batched
from zeroconv.conditions.device import Device
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
    device: Device = field(default="auto", compare=False)
    """network: where it runs; auto: cuda where there is one, else mps, else cpu."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "one colour a class"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "nearest"
    native_resolution: ClassVar[int | None] = 512

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), the palette's colours; unlabelled: 0."""
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One image for each picture, in order; the network sees those of one size side by side."""
        pictures = [picture(image) for image in images]
        if self.method == "scenes":
            return [reader().detect("segmentation", each) for each in pictures]
        if self.method == "network":
            return [ade20k.to_colours(classes) for classes in _predict(pictures, self.weights, self.device)]
        return [ade20k.to_colours(self.classes(each)) for each in pictures]

    def classes(self, image: np.ndarray) -> NDArray[np.int64]:
        """image uint8 (H, W, 3) -> ADE20K's classes (H, W), 1..150, 0 where a map leaves a pixel unlabelled."""
        if self.method == "network":
            return _predict([image], self.weights, self.device)[0]
        if not (image == image[:, :, :1]).all():
            raise PictureError(
                "segmentation: method=algorithm takes a map of class numbers (grey, 0 to 150), but this picture is in "
                f"colour; to find the classes in a photograph use method=network and weights ({WEIGHTS})"
            )
        return image[:, :, 0].astype(np.int64)


def _predict(images: Sequence[np.ndarray], weights: str, device: Device) -> list[NDArray[np.int64]]:
    """(H, W, 3) uint8 each -> the most likely class (H, W), 1..150."""
    loaded = pretrained.load(
        "AutoModelForSemanticSegmentation", weights, of="segmentation", example=WEIGHTS, otherwise="a map of "
        "ADE20K's class numbers needs no network: method=algorithm", device=device,
    )  # fmt: skip
    count = int(loaded.model.config.num_labels)
    if count != len(ade20k.NAMES):
        raise UserError(
            f"segmentation: {weights} tells {count} classes apart, but the condition has ADE20K's {len(ade20k.NAMES)}"
        )

    def answer(some: Sequence[np.ndarray]) -> list[NDArray[np.int64]]:
        enlarged = pretrained.resized(loaded(*some).logits, some[0].shape[:2], "bilinear")
        return list(np.asarray(enlarged.argmax(1).cpu().numpy(), np.int64) + 1)

    return batched(images, answer)
