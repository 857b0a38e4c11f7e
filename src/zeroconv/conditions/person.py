"""One person's keypoints, in OpenPose's order, and how they come out of the order of COCO.

Source: OpenPose (arXiv:1812.08008: 18 keypoints of the body, 21 of a hand, 70 of a face); COCO's 17 keypoints
(arXiv:1405.0312), which have no neck; COCO-WholeBody's 133 (arXiv:2007.11858). Letters: P persons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Keypoints = NDArray[np.float32]

BODY_FROM_COCO = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""For each of OpenPose's 18 keypoints the one of COCO's 17; the neck (1) is made of the shoulders."""

_NECK, _SHOULDERS = 1, (2, 5)
_FACE, _LEFT_HAND, _RIGHT_HAND = slice(23, 91), slice(91, 112), slice(112, 133)
"""Where COCO-WholeBody has the 68 points of the face and the 21 of each hand."""

WHOLE_BODY = 133

_OTHER_SIDE = {
    17: (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15),
    18: (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16),
}
"""For each keypoint of COCO's 17 and of OpenPose's 18 the one on the body's other side."""


@dataclass(frozen=True, eq=False)
class Person:
    """Keypoints as rows of x, y in pixels and confidence (0: not there); None: this part was not looked for."""

    body: Keypoints
    """(18, 3)."""
    left_hand: Keypoints | None = None
    """(21, 3)."""
    right_hand: Keypoints | None = None
    """(21, 3)."""
    face: Keypoints | None = None
    """(70, 3), or (68, 3) without the pupils."""

    def scaled(self, horizontal: float, vertical: float) -> "Person":
        """The person in a picture enlarged by these factors."""
        factors = np.array([horizontal, vertical, 1.0], np.float32)
        parts = (self.body, self.left_hand, self.right_hand, self.face)
        return Person(*(None if part is None else part * factors for part in parts))  # type: ignore[arg-type]


def mirrored_body(keypoints: Keypoints, width: float) -> Keypoints:
    """The keypoints (17, 3) of COCO or (18, 3) of OpenPose of a person seen in a mirror: what was x is width - x."""
    body = keypoints[list(_OTHER_SIDE[len(keypoints)])]
    body[:, 0] = width - body[:, 0]
    return body


def from_coco(keypoints: Keypoints) -> Keypoints:
    """COCO's 17 keypoints (17, 3), x, y and visibility or confidence -> OpenPose's 18 (18, 3).

    The neck is the middle of the shoulders, as sure as the less sure of them, and missing where one is missing.
    """
    given = np.asarray(keypoints, np.float32)
    body = given[list(BODY_FROM_COCO)]
    right, left = body[list(_SHOULDERS)]
    body[_NECK, :2] = (right[:2] + left[:2]) / 2
    body[_NECK, 2] = min(right[2], left[2])
    body[body[:, 2] <= 0] = 0
    return body


def from_coco_whole_body(keypoints: Keypoints) -> Person:
    """COCO's 17 keypoints or COCO-WholeBody's 133, (17 or 133, 3) -> the person, with hands and face of the 133."""
    body = from_coco(keypoints[:17])
    if len(keypoints) < WHOLE_BODY:
        return Person(body)
    return Person(body, keypoints[_LEFT_HAND], keypoints[_RIGHT_HAND], keypoints[_FACE])
