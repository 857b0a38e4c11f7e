"""Segmentation images: one colour of ADE20K's palette a class, by a network or from a ready map of class numbers.

Source: the palette of ADE20K (ade20k.py), which the released segmentation ControlNets were trained on
(arXiv:2302.05543); the networks are transformers' own classes, e.g. UperNet (arXiv:1807.10221), SegFormer
(arXiv:2105.15203) and OneFormer (arXiv:2211.06220), which judges in the paper's Table 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions import ade20k, pretrained
from zeroconv.conditions.detection import batched
from zeroconv.conditions.device import Device
from zeroconv.conditions.registry import Resize, condition, picture
from zeroconv.conditions.scene_tier import reader
from zeroconv.errors import PictureError, UserError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "openmmlab/upernet-convnext-small"

SEMANTIC = (49406, 518, 10549, 533, 29119, 1550, 49407)
"""OneFormer is told its task in words: "the task is semantic" in CLIP's vocabulary, between its two marks."""


@condition("segmentation", aliases=("segment", "ufade20k", "ofade20k"))
@dataclass(frozen=True)
class Segmentation:
    """What is where: each pixel in the colour of its class."""

    method: Literal["network", "algorithm", "scenes"] = "network"
    """network: find the classes in a photograph; algorithm: the input is a map of ADE20K's class numbers, grey, 1 to
    150, 0 for unlabelled; scenes: by the network that ships, pictures of the embedded world, in that
    world's own palette."""
    weights: str = WEIGHTS
    """Folder or hub id of a semantic segmentation network for ADE20K's 150 classes (UperNet, SegFormer, Mask2Former,
    OneFormer ...)."""
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
        enlarged = pretrained.resized(_scores(loaded, some), some[0].shape[:2], "bilinear")
        return list(np.asarray(enlarged.argmax(1).cpu().numpy(), np.int64) + 1)

    return batched(images, answer)


def _scores(loaded: pretrained.Pretrained, images: Sequence[np.ndarray]) -> "Tensor":
    """B pictures (H, W, 3) uint8 of one size -> how likely each class is (B, 150, h, w)."""
    inputs = loaded.prepared(*images)
    if loaded.model.config.model_type == "oneformer":
        inputs["task_inputs"] = _task(len(images), loaded.model.config.task_seq_len)
    answer = loaded.run(inputs)
    return answer.logits if "logits" in answer else _from_masks(answer, inputs["pixel_mask"][0], images[0].shape[:2])


def _task(count: int, length: int) -> "Tensor":
    """The task as OneFormer reads it (count, length), 0 behind its words."""
    import torch

    return torch.tensor([(*SEMANTIC, *[0] * (length - len(SEMANTIC)))]).repeat(count, 1)


def _from_masks(answer: Any, is_picture: "Tensor", size: tuple[int, ...]) -> "Tensor":
    """Masks that a network has found and the class of each -> how likely each class is where (B, 150, H, W).

    The sum over masks of class times mask (arXiv:2107.06278, section 3.4), one picture at a time, since masks are many.
    is_picture: 1 for the pixels of the network's input that are the picture's, 0 for padding at the right and below.
    """
    import torch

    masks = answer.masks_queries_logits
    shares = (is_picture.any(1).float().mean().item(), is_picture.any(0).float().mean().item())
    height, width = (max(1, round(side * share)) for side, share in zip(masks.shape[2:], shares, strict=True))
    large = (pretrained.resized(some, size, "bilinear").sigmoid() for some in masks[:, None, :, :height, :width])
    pairs = zip(answer.class_queries_logits.float().softmax(-1)[..., :-1], large, strict=True)
    return torch.stack([torch.einsum("qc,qhw->chw", classes, some[0]) for classes, some in pairs])
