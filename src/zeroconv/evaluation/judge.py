"""The judge of pictures: what the perception network sees in them.

N pictures, F features.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from zeroconv.evaluation.held_out import ENCODED_TOGETHER, Picture, groups
from zeroconv.perception import Perception, PerceptionNetwork, SeenObject, seen_keypoints, seen_objects

T = TypeVar("T")

BODY = slice(1, 14)  # neck, shoulders, elbows, wrists, hips, knees, ankles in OpenPose's order


class Judge:
    """What the perception network sees in pictures (H, W, 3)."""

    def __init__(self, network: PerceptionNetwork) -> None:
        self.network = network

    def objects(self, pictures: Sequence[Picture]) -> list[list[SeenObject]]:
        """The objects of each picture, from left to right."""
        return self._each(pictures, seen_objects)

    def keypoints(self, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """The joints (18, 3) of one person a picture: x, y in pixels, then 2 seen or 0 not."""
        return self._each(pictures, seen_keypoints)

    def joints(self, pictures: Sequence[Picture]) -> list[float]:
        """The share of a body's thirteen joints that each picture shows clearly."""
        return [float((points[BODY, 2] > 0).mean()) for points in self.keypoints(pictures)]

    def classes(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8]]:
        """The class of each pixel (H, W), as positions in scenes.CLASSES."""
        return self._each(pictures, lambda seen: _arrays(seen.classes.argmax(1).to(torch.uint8)))

    def nearness(self, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """Inverse depth (H, W) in 1/metre, not below 0."""
        return self._each(pictures, lambda seen: _arrays(seen.nearness[:, 0].clamp_min(0)))

    def normals(self, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """Unit vectors (H, W, 3): x right, y up, z towards the viewer."""
        return self._each(pictures, lambda seen: _arrays(normalize(seen.normal, dim=1).permute(0, 2, 3, 1)))

    def soft_edges(self, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """The certainty (H, W), 0 to 1, that each pixel lies on an edge."""
        return self._each(pictures, lambda seen: _arrays(seen.soft_edges[:, 0].sigmoid()))

    def features(self, pictures: Sequence[Picture]) -> NDArray[np.float64]:
        """(N, F) features for Frechet distances."""
        return np.stack(self._each(pictures, lambda seen: _arrays(seen.features.double())))

    @torch.no_grad()
    def _each(self, pictures: Sequence[Picture], read: Callable[[Perception], Iterable[T]]) -> list[T]:
        """What is read from each picture."""
        device = next(self.network.parameters()).device
        found: list[T] = []
        for group in groups(pictures, ENCODED_TOGETHER):
            seen = torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1
            found += read(self.network(seen))
        return found


def _arrays(values: Tensor) -> list[NDArray[Any]]:
    return list(values.cpu().numpy())
