"""Hands and faces of persons whose bodies are known, by OpenPose's networks for them.

Source: arXiv:1704.07809 (hands) and arXiv:1812.08008; the squares around them and the settings are those of OpenPose
and of the annotator of ControlNet 1.1. Letters: H, W the height and width of the picture that is looked at.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from zeroconv.conditions.openpose_maps import Map, answers, read_maps, resized
from zeroconv.conditions.person import Keypoints
from zeroconv.conditions.weight_files import WeightFile

HAND = WeightFile("hand_pose_model.pth", otherwise="leave hands out with hands=no (--hands no)")
FACE = WeightFile("facenet.pth", otherwise="leave faces out with face=no (--face no)")

ARMS = {"right": (2, 3, 4), "left": (5, 6, 7)}
"""Shoulder, elbow and wrist."""

BEYOND, UPPER_ARM, HAND_SIDE = 0.33, 0.9, 1.5
"""A hand's middle, in forearms beyond the wrist; an upper arm that counts as a forearm; its square, in forearms."""

NOSE, EYES, EARS = 0, (14, 15), (16, 17)
FROM_EYE, FROM_EAR = 3.0, 1.5
"""Half of a face's square, in distances from the nose to the eyes and to the ears."""

SMALLEST = 20
"""Pixels of a square at least."""

HAND_SIDES = (184, 368, 552, 736)
"""Pixels at which the network sees a hand, one after the other; the maps are averaged."""

HAND_BLUR, HAND_MAP, HAND_SIGMA = 0.8, 128, 3.0
"""Sigma in the hand's own pixels, side of the maps that are read, and sigma by which they are smoothed."""

FACE_SIDE = 384

LEAST = 0.05
"""Confidence of a keypoint at least."""


@dataclass(frozen=True)
class Square:
    """A part of a picture, in whole pixels."""

    left: int
    top: int
    side: int

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, 3) -> (side, side, 3)."""
        return np.ascontiguousarray(picture[self.top : self.top + self.side, self.left : self.left + self.side])


def hand_square(body: Keypoints, side: str, size: tuple[int, ...]) -> Square | None:
    """Around the hand at the end of an arm, in a picture of size (H, W, ...); None where the arm is not seen whole."""
    shoulder, elbow, wrist = body[list(ARMS[side])].astype(np.float64)
    if min(shoulder[2], elbow[2], wrist[2]) <= 0:
        return None
    forearm, upper = np.linalg.norm((wrist - elbow)[:2]), np.linalg.norm((elbow - shoulder)[:2])
    middle = wrist + BEYOND * (wrist - elbow)
    return _square(middle, HAND_SIDE * max(float(forearm), UPPER_ARM * float(upper)), size)


def face_square(body: Keypoints, size: tuple[int, ...]) -> Square | None:
    """Around the face, its middle at the nose; None where nose or both eyes and ears are not seen."""
    points = body.astype(np.float64)
    halves = [
        factor * float(np.abs(points[point, :2] - points[NOSE, :2]).max())
        for factor, both in ((FROM_EYE, EYES), (FROM_EAR, EARS))
        for point in both
        if points[point, 2] > 0
    ]
    if not halves or points[NOSE, 2] <= 0:
        return None
    return _square(points[NOSE], 2 * max(halves), size)


def find_hand(network: Any, picture: np.ndarray, square: Square) -> Keypoints:
    """BGR uint8 (H, W, 3) -> (21, 3), in its pixels; all 0 where a keypoint was not found."""
    hand = cv2.GaussianBlur(square.cut(picture), (0, 0), HAND_BLUR)
    seen = [read_maps(network, hand, (side, side), (HAND_MAP, HAND_MAP), HAND.name) for side in HAND_SIDES]
    points = np.array([_surest_hill(each) for each in np.mean(seen, axis=0)[:-1]], np.float32)
    return _placed(points, HAND_MAP, square)


def find_face(network: Any, picture: np.ndarray, square: Square) -> Keypoints:
    """BGR uint8 (H, W, 3) -> (70, 3), in its pixels; all 0 where a keypoint was not found."""
    import torch

    maps = torch.from_numpy(answers(network, resized(square.cut(picture), (FACE_SIDE, FACE_SIDE)), FACE.name)[:-1])
    large = torch.nn.functional.interpolate(maps[None], (square.side,) * 2, mode="bilinear", align_corners=True)[0]
    confidences, places = large.flatten(1).max(1)
    points = torch.stack([places % square.side, places // square.side, confidences], 1).numpy().astype(np.float32)
    points[points[:, 2] <= LEAST] = 0
    return _placed(points, square.side, square)


def _square(middle: np.ndarray, side: float, size: tuple[int, ...]) -> Square | None:
    """As much of a square as lies in a picture (H, W, ...) and is one; None where that is too small to be read."""
    left, top = max(middle[0] - side / 2, 0.0), max(middle[1] - side / 2, 0.0)
    inside = min(side, size[1] - left, size[0] - top)
    return Square(int(left), int(top), int(inside)) if inside >= SMALLEST else None


def _surest_hill(confidence: Map) -> tuple[float, float, float]:
    """A map -> x, y and confidence of the top of its largest hill; 0, 0, 0 where it is flat."""
    reach = 2 * round(4 * HAND_SIGMA) + 1
    smooth = cv2.GaussianBlur(confidence, (reach, reach), HAND_SIGMA, borderType=cv2.BORDER_REFLECT)
    count, hills = cv2.connectedComponents((smooth > LEAST).astype(np.uint8), connectivity=8)
    if count < 2:  # the ground alone
        return (0.0, 0.0, 0.0)
    sizes = np.bincount(hills.ravel(), weights=confidence.ravel().astype(np.float64), minlength=count)
    largest = 1 + int(sizes[1:].argmax())
    y, x = np.unravel_index(np.where(hills == largest, confidence, -np.inf).argmax(), confidence.shape)
    return (float(x), float(y), max(float(confidence[y, x]), 1e-6))


def _placed(points: Keypoints, side: int, square: Square) -> Keypoints:
    """Keypoints in a map of so many pixels a side -> in the picture from which its square was cut."""
    placed = points.copy()
    corner = np.array([square.left, square.top], np.float32)
    placed[:, :2] = (points[:, :2] + 0.5) * np.float32(square.side / side) - 0.5 + corner
    placed[placed[:, 2] <= 0] = 0
    return placed
