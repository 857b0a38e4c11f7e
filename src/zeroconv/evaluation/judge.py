"""The judge of pictures: what the perception network sees in them.

N pictures, F features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from zeroconv.evaluation.held_out import ENCODED_TOGETHER, Picture, groups
from zeroconv.perception import PerceptionNetwork, SeenObject, seen_keypoints, seen_objects

BODY = slice(1, 14)  # neck, shoulders, elbows, wrists, hips, knees, ankles in OpenPose's order


class Judge:
    """What the perception network sees in pictures (H, W, 3)."""

    def __init__(self, network: PerceptionNetwork) -> None:
        self.network = network

    @torch.no_grad()
    def objects(self, pictures: Sequence[Picture]) -> list[list[SeenObject]]:
        """The objects of each picture, from left to right."""
        return [seen for group in self._groups(pictures) for seen in seen_objects(self.network(group))]

    @torch.no_grad()
    def joints(self, pictures: Sequence[Picture]) -> list[float]:
        """The share of a body's thirteen joints that each picture shows clearly."""
        found = (points for group in self._groups(pictures) for points in seen_keypoints(self.network(group)))
        return [float((points[BODY, 2] > 0).mean()) for points in found]

    @torch.no_grad()
    def classes(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8]]:
        """The class of each pixel (H, W), as positions in scenes.CLASSES."""
        found = [self.network(group).classes.argmax(1).to(torch.uint8) for group in self._groups(pictures)]
        return list(torch.cat(found).cpu().numpy())

    @torch.no_grad()
    def features(self, pictures: Sequence[Picture]) -> NDArray[np.float64]:
        """(N, F) features for Frechet distances."""
        found = [self.network(group).features.double() for group in self._groups(pictures)]
        return np.asarray(torch.cat(found).cpu().numpy())

    def _groups(self, pictures: Sequence[Picture]) -> list[torch.Tensor]:
        device = next(self.network.parameters()).device
        return [
            torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1
            for group in groups(pictures, ENCODED_TOGETHER)
        ]
