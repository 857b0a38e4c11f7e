"""The drawing of human keypoints that pose ControlNets were trained on: OpenPose's 18 body keypoints and 17 limbs.

Source: arXiv:1812.08008 (OpenPose; order of the COCO body model) and the drawing of the ControlNet release at 512
pixels: discs of radius 4, limbs as ellipses of half width 4, laid over what is there with opacity 0.6. Hands and faces
as ControlNet 1.1 draws them.
Letters: P persons, H W picture size. Colours are RGB (a BGR drawing is the classic mistake).
"""

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.person import Keypoints, Person
from zeroconv.conditions.registry import one_thread

Picture = NDArray[np.uint8]

NUM_KEYPOINTS = 18
FACE = (0, 14, 15, 16, 17)
"""Nose, eyes and ears: OpenPose reports them only where the face is seen, joints also where something hides them."""

_LEAST_VISIBILITY = np.array([2 if keypoint in FACE else 1 for keypoint in range(NUM_KEYPOINTS)])

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


HAND_EDGES = tuple((0 if k % 4 == 0 else k, k + 1) for k in range(20))
"""Pairs of a hand's 21 keypoints, 0-based: from the wrist (0) along the four joints of each finger."""

HAND_WIDTH, HAND_RADIUS, FACE_RADIUS = 2, 4, 3
"""Pixels of the drawing at the reference size: bones of a hand, its keypoints, and the points of a face."""

HAND_COLOUR, FACE_COLOUR = (0, 0, 255), (255, 255, 255)


def draw_pose(
    bodies: Sequence[Keypoints],
    size: tuple[int, int],
    hands: Sequence[Keypoints] = (),
    faces: Sequence[Keypoints] = (),
) -> Picture:
    """Keypoints of P persons, each (18, 3): x, y in pixels and visibility -> picture (H, W, 3) uint8, RGB on black.

    `size` is (H, W). Visibility 0 is not drawn; 1 (hidden) is drawn for joints but not for the face; 2 is visible.
    Hands (21, 3) and faces (N, 3) come last, on top; of these any visibility above 0 is drawn.
    Small pictures are drawn enlarged and reduced, so that a 128-pixel skeleton is the 512-pixel one seen smaller.
    """
    enlargement = max(1, math.ceil(REFERENCE_SIZE / min(size)))
    height, width = size[0] * enlargement, size[1] * enlargement
    scale = min(height, width) / REFERENCE_SIZE
    canvas = np.zeros((height, width, 3), np.uint8)
    _draw_bodies(canvas, [_enlarge(body, enlargement) for body in bodies], scale)
    for hand in hands:
        _draw_hand(canvas, _enlarge(hand, enlargement), scale)
    for face in faces:
        _draw_points(canvas, _enlarge(face, enlargement), _pixels(FACE_RADIUS, scale), FACE_COLOUR)
    if enlargement == 1:
        return canvas
    return np.asarray(cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)


def draw_persons(persons: Sequence[Person], size: tuple[int, int], *, hands: bool = True, face: bool = True) -> Picture:
    """Persons as detectors and files give them -> picture (H, W, 3): every keypoint that is there counts as seen."""
    bodies = [np.column_stack([p.body[:, :2], np.where(p.body[:, 2] > 0, 2, 0)]).astype(np.float32) for p in persons]
    both = [hand for p in persons for hand in (p.left_hand, p.right_hand) if hands and hand is not None]
    with one_thread():
        return draw_pose(bodies, size, both, [p.face for p in persons if face and p.face is not None])


def is_drawn(body: Keypoints) -> NDArray[np.bool_]:
    """Which keypoints of a person (18, 3) the drawing shows (18,)."""
    return np.asarray(body[:, 2] >= _LEAST_VISIBILITY)


def _draw_bodies(canvas: Picture, bodies: Sequence[Keypoints], scale: float) -> None:
    """Discs for the keypoints, then blended limbs, keypoint by keypoint and limb by limb as released."""
    width = _pixels(STICK_WIDTH, scale)
    for keypoint in range(NUM_KEYPOINTS):
        for body in bodies:
            if is_drawn(body)[keypoint]:
                _draw_points(canvas, body[keypoint : keypoint + 1], width, COLOURS[keypoint])
    for limb, (start, end) in enumerate(LIMBS):
        for body in bodies:
            if is_drawn(body)[[start, end]].all():
                _draw_limb(canvas, body[start, :2], body[end, :2], COLOURS[limb], width)


def _draw_hand(canvas: Picture, hand: Keypoints, scale: float) -> None:
    """Bones in the colours of the rainbow, then blue keypoints."""
    for edge, (start, end) in enumerate(HAND_EDGES):
        if hand[start, 2] > 0 and hand[end, 2] > 0:
            colour = tuple(255 * channel for channel in colorsys.hsv_to_rgb(edge / len(HAND_EDGES), 1.0, 1.0))
            ends = hand[[start, end], :2].astype(int).tolist()
            cv2.line(canvas, ends[0], ends[1], colour, thickness=_pixels(HAND_WIDTH, scale))
    _draw_points(canvas, hand, _pixels(HAND_RADIUS, scale), HAND_COLOUR)


def _draw_points(canvas: Picture, points: Keypoints, radius: int, colour: tuple[int, int, int]) -> None:
    for x, y in points[points[:, 2] > 0, :2].astype(int).tolist():
        cv2.circle(canvas, (x, y), radius, colour, thickness=-1)


def _pixels(length: int, scale: float) -> int:
    return max(1, round(length * scale))


def _enlarge(person: Keypoints, factor: int) -> Keypoints:
    enlarged = person.copy()
    enlarged[:, :2] *= factor
    return enlarged


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
