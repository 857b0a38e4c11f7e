"""The drawing of human keypoints that pose ControlNets were trained on: OpenPose's 18 body keypoints and 17 limbs.

Source: arXiv 1812.08008 (OpenPose; order of the COCO body model) and the drawing of the ControlNet release at 512
pixels: discs of radius 4, limbs as ellipses of half width 4, laid over what is there with opacity 0.6.
Letters: P persons, H W picture size. Colours are RGB (a BGR drawing is the classic mistake).
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Keypoints = NDArray[np.float32]

NUM_KEYPOINTS = 18
FACE = (0, 14, 15, 16, 17)
"""Nose, eyes and ears: OpenPose reports them only where the face is seen, joints also where something hides them."""

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""Pairs of keypoints, 0-based, in drawing order (the released drawing leaves out shoulder to ear)."""

COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
"""RGB of the keypoints; limb k is drawn in the colour of keypoint k."""

REFERENCE_SIZE = 512
"""Pixels of the short side for which the released drawing's radius and width of 4 are meant."""

STICK_WIDTH = 4
LIMB_OPACITY = 0.6


def draw_pose(persons: Sequence[Keypoints], size: tuple[int, int]) -> Picture:
    """Keypoints of P persons, each (18, 3): x, y in pixels and visibility -> picture (H, W, 3) uint8, RGB on black.

    `size` is (H, W). Visibility 0 is not drawn; 1 (hidden) is drawn for joints but not for the face; 2 is visible.
    Small pictures are drawn enlarged and reduced, so that a 128-pixel skeleton is the 512-pixel one seen smaller.
    """
    enlargement = max(1, math.ceil(REFERENCE_SIZE / min(size)))
    height, width = size[0] * enlargement, size[1] * enlargement
    width_of_sticks = max(1, round(STICK_WIDTH * min(height, width) / REFERENCE_SIZE))
    canvas = np.zeros((height, width, 3), np.uint8)
    enlarged = [_enlarge(person, enlargement) for person in persons]
    for keypoint in range(NUM_KEYPOINTS):
        for person in enlarged:
            if _is_drawn(person, keypoint):
                x, y = (int(v) for v in person[keypoint, :2])
                cv2.circle(canvas, (x, y), width_of_sticks, COLOURS[keypoint], thickness=-1)
    for limb, (start, end) in enumerate(LIMBS):
        for person in enlarged:
            if _is_drawn(person, start) and _is_drawn(person, end):
                _draw_limb(canvas, person[start, :2], person[end, :2], COLOURS[limb], width_of_sticks)
    if enlargement == 1:
        return canvas
    return np.asarray(cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)


def _enlarge(person: Keypoints, factor: int) -> Keypoints:
    enlarged = person.copy()
    enlarged[:, :2] *= factor
    return enlarged


def _is_drawn(person: Keypoints, keypoint: int) -> bool:
    return bool(person[keypoint, 2] >= (2 if keypoint in FACE else 1))


def _draw_limb(canvas: Picture, start: Keypoints, end: Keypoints, colour: tuple[int, int, int], width: int) -> None:
    """Blend an ellipse from start to end into the canvas: 0.4 of what is there + 0.6 of the colour, as released."""
    middle, reach = (start + end) / 2, start - end
    length, angle = float(np.hypot(*reach)), math.degrees(math.atan2(reach[1], reach[0]))
    centre = (int(middle[0]), int(middle[1]))
    outline = np.asarray(cv2.ellipse2Poly(centre, (int(length / 2), width), int(angle), 0, 360, 1), np.int32)
    left, top = np.maximum(outline.min(axis=0), 0)
    right, bottom = outline.max(axis=0) + 1
    window = canvas[top : max(bottom, 0), left : max(right, 0)]
    if window.size == 0:  # wholly outside the picture
        return
    covered = window.copy()
    cv2.fillConvexPoly(covered, outline - np.array([left, top], np.int32), colour)
    window[:] = cv2.addWeighted(window, 1 - LIMB_OPACITY, covered, LIMB_OPACITY, 0)
