"""A picture on its way into a detector network and its map on the way back, at the picture's own size.

Letters: H, W the picture's height and width; h, w those at which the network sees it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

from zeroconv.conditions.registry import one_thread
from zeroconv.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Answer = TypeVar("Answer")

BATCH = 4
"""Pictures side by side at most: at 512 pixels the widest layers take half a gigabyte then."""

LONGEST = 4
"""Long side at most, in short sides: a strip of a panorama would need gigabytes."""


def check(condition: str, method: str, weights: str) -> None:
    """UserError for weights that would not be read."""
    if weights and method != "network":
        raise UserError(f"{condition}: weights are read by method=network alone, not by method={method}")


def detection_picture(image: np.ndarray, resolution: int, multiple: int = 64) -> np.ndarray:
    """uint8 (H, W, 3) -> (h, w, 3): short side about `resolution`, both sides a multiple of `multiple`.

    Area mean when it shrinks, Lanczos when it grows, as the released annotators do.
    """
    height, width = image.shape[:2]
    scale = min(resolution / min(height, width), LONGEST * resolution / max(height, width))
    h, w = (max(1, round(side * scale / multiple)) * multiple for side in (height, width))
    with one_thread():
        interpolation = cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_AREA
        return np.asarray(cv2.resize(image, (w, h), interpolation=interpolation))


def as_tensor(image: np.ndarray) -> "Tensor":
    """uint8 (h, w, 3) -> float (1, 3, h, w), still 0..255."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()[None]


def run(network: Any, batch: "Tensor") -> "Tensor":
    """The network's answer, on the cpu, without a gradient."""
    import torch

    device = next((parameter.device for parameter in network.parameters()), batch.device)
    with torch.inference_mode():
        answer: Tensor = network(batch.to(device))
    return answer.cpu()


def run_all(network: Any, pictures: Sequence[np.ndarray], prepare: "Callable[[Tensor], Tensor]") -> "list[Tensor]":
    """The network's answer (1, K, ...) to each picture uint8 (h, w, 3).

    prepare: pictures (B, 3, h, w), RGB in 0..255 -> what the network takes.
    """
    import torch

    def answer(some: Sequence[np.ndarray]) -> "Sequence[Tensor]":
        return run(network, prepare(torch.cat([as_tensor(each) for each in some]))).tensor_split(len(some))

    return batched(pictures, answer)


def batched(
    pictures: Sequence[np.ndarray], answer: "Callable[[Sequence[np.ndarray]], Sequence[Answer]]"
) -> "list[Answer]":
    """The answer to each picture, in their order; those of one size are asked about together, at most BATCH of them."""
    found: dict[int, Answer] = {}
    for shape in dict.fromkeys(each.shape for each in pictures):
        places = [place for place, each in enumerate(pictures) if each.shape == shape]
        for first in range(0, len(places), BATCH):
            some = places[first : first + BATCH]
            found |= zip(some, answer([pictures[place] for place in some]), strict=True)
    return [found[place] for place in range(len(pictures))]


def as_map(answer: "Tensor", size: tuple[int, int]) -> np.ndarray:
    """(1, 1, h, w) -> float32 (H, W), scaled linearly."""
    height, width = size
    grey = answer[0, 0].float().cpu().numpy()
    with one_thread():
        return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR))


def three_channels(grey: np.ndarray) -> np.ndarray:
    """(H, W) in 0..255 -> uint8 (H, W, 3), rounded."""
    return np.repeat(np.rint(grey).clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
