"""Condition images drawn from COCO's annotations when they are read: poses and segmentation.

H, W the picture's height and width; P persons.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv.conditions import coco
from zeroconv.conditions.person import Keypoints, from_coco, mirrored_body
from zeroconv.conditions.registry import one_thread
from zeroconv.conditions.skeleton import draw_pose, is_drawn
from zeroconv.data.masks import decode
from zeroconv.errors import PictureError
from zeroconv.images import read_image


@dataclass(frozen=True, eq=False)
class DrawnPoses:
    """The annotated persons of a picture as OpenPose draws them."""

    name: str
    size: tuple[int, int]
    """(H, W)."""
    persons: NDArray[np.float32]
    """(P, 17, 3): x, y, and 0 not there, 1 hidden or 2 seen."""

    def __str__(self) -> str:
        return self.name

    def read(self) -> Image.Image:
        with one_thread():
            return Image.fromarray(draw_pose([from_coco(person) for person in self.persons], self.size))

    def mirrored(self) -> "DrawnPoses":
        """Drawn anew, since the limbs of the body's sides differ in colour; COCO's x is a pixel's number from 0."""
        return replace(self, persons=np.stack([mirrored_body(one, self.size[1] - 1) for one in self.persons]))

    def bodies(self, size: tuple[int, int]) -> list[Keypoints]:
        """The joints (18, 3) of each person that is seen in the middle of the picture, cut and scaled to `size` (H, W).

        x, y in pixels of what is seen; 1 where a joint is drawn and lies in it, else 0. Pixels' middles correspond.
        """
        scale = max(size[0] / self.size[0], size[1] / self.size[1])
        margins = [(whole * scale - seen) / 2 for whole, seen in zip(self.size[::-1], size[::-1], strict=True)]
        placed = []
        for body in map(from_coco, self.persons):
            body[:, :2] = (body[:, :2] + 0.5) * scale - margins - 0.5
            is_inside = ((body[:, :2] > -0.5) & (body[:, :2] < np.array(size[::-1]) - 0.5)).all(1)
            body[:, 2] = is_drawn(body) & is_inside
            placed.append(body)
        return [body for body in placed if body[:, 2].any()]

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.size}".encode() + self.persons.tobytes()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class DrawnMasks:
    """The annotated objects of a picture in the colours of their classes, small ones before large ones."""

    name: str
    size: tuple[int, int]
    masks: tuple[tuple[int, Any], ...]
    """Class and `segmentation` of each object, the first at the back."""

    def __str__(self) -> str:
        return self.name

    def read(self) -> Image.Image:
        classes = np.zeros(self.size, np.int64)
        for number, segmentation in self.masks:
            try:
                classes[decode(segmentation, self.size)] = number
            except (ValueError, TypeError, KeyError) as error:
                raise PictureError(f"{self.name} has a mask that cannot be read ({error})") from error
        return Image.fromarray(coco.to_colours(classes))

    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps([self.size, self.masks]).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class PanopticMap:
    """A panoptic PNG, whose colours number segments, in the colours of the segments' classes."""

    file: Path
    classes: tuple[tuple[int, int], ...]
    """Number of a segment and its class."""

    def __str__(self) -> str:
        return str(self.file)

    def read(self) -> Image.Image:
        colours = np.asarray(read_image(self.file)).astype(np.int64)
        segments, places = np.unique(colours @ np.array([1, 1 << 8, 1 << 16]), return_inverse=True)
        known = dict(self.classes)
        classes = np.array([known.get(segment, coco.UNLABELLED) for segment in segments.tolist()])
        return Image.fromarray(coco.to_colours(classes[places].reshape(colours.shape[:2])))

    def fingerprint(self) -> str:
        length = self.file.stat().st_size if self.file.is_file() else 0
        return hashlib.sha256(f"{length} {self.classes}".encode()).hexdigest()[:16]


def from_largest(annotations: Sequence[dict[str, Any]]) -> tuple[tuple[int, Any], ...]:
    """Objects in the order in which they are painted: crowds first, then from the largest to the smallest."""
    ordered = sorted(annotations, key=lambda one: (not one.get("iscrowd", 0), -float(one.get("area", 0))))
    return tuple((int(one["category_id"]), one["segmentation"]) for one in ordered)
