"""Maps as OpenPose is trained to draw them (arXiv:1812.08008, sections 3.2 and 3.3), of persons that are known."""

import numpy as np

from zeroconv.conditions.affinity import FIELDS, PAIRS
from zeroconv.conditions.person import Keypoints

SHAPE = np.array(
    [(0, 8), (0, 20), (-11, 21), (-17, 36), (-20, 50), (11, 21), (18, 35), (24, 48), (-7, 52), (-8, 75), (-10, 98),
     (7, 52), (9, 75), (12, 97), (-2, 6), (2, 6), (-5, 7), (5, 7)],
    np.float32,
)  # fmt: skip
"""An upright figure seen from the front, 100 high, x from its middle."""


def figure(x: float, top: float, height: float, lacks: tuple[int, ...] = ()) -> Keypoints:
    """(18, 3) in pixels; the keypoints in `lacks` are not there."""
    body = np.ones((18, 3), np.float32)
    body[:, :2] = SHAPE * height / 100 + np.array([x, top], np.float32)
    body[list(lacks)] = 0
    return body


def draw_maps(persons: list[Keypoints], size: tuple[int, int], sigma: float, width: float) -> np.ndarray:
    """(57, *size): 38 maps of fields, then 19 of confidences.

    sigma: of a keypoint's bell, in pixels; width: from a limb's middle to its border; half of that beyond its ends.
    """
    y, x = np.indices(size).astype(np.float32)
    confidences = np.zeros((19, *size), np.float32)
    fields, counts = np.zeros((38, *size), np.float32), np.zeros((19, *size), np.float32)
    for person in persons:
        for keypoint in np.flatnonzero(person[:, 2]):
            squared = (x - person[keypoint, 0]) ** 2 + (y - person[keypoint, 1]) ** 2
            confidences[keypoint] = np.maximum(confidences[keypoint], np.exp(-squared / (2 * sigma**2)))
        for number, ((start, end), first) in enumerate(zip(PAIRS, FIELDS, strict=True)):
            if person[start, 2] and person[end, 2]:
                way = person[end, :2] - person[start, :2]
                length = float(np.linalg.norm(way))
                along, across = way / length, np.array([-way[1], way[0]]) / length
                from_start = np.stack([x - person[start, 0], y - person[start, 1]], -1)
                place = from_start @ along
                is_along = (place >= -width / 2) & (place <= length + width / 2)
                covered = is_along & (np.abs(from_start @ across) <= width)
                fields[first : first + 2] += covered * along[:, None, None]
                counts[number] += covered
    for number, first in enumerate(FIELDS):
        fields[first : first + 2] /= np.maximum(counts[number], 1)
    confidences[18] = 1 - confidences[:18].max(0)
    return np.concatenate([fields, confidences])
