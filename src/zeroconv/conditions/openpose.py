"""Persons in a picture by OpenPose, the detector by which the released pose ControlNets were trained.

Source: arXiv:1812.08008 with the settings of the annotator of arXiv:2302.05543: the picture at a short side of 512
pixels, its height 184 to the network, blue first. Letters: H, W the picture's height and width; h, w those at which it
is looked at; K maps.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions.affinity import group_persons
from zeroconv.conditions.detection import as_tensor, detection_picture, run
from zeroconv.conditions.person import Keypoints, Person
from zeroconv.conditions.registry import one_thread
from zeroconv.conditions.weight_files import WeightFile, load
from zeroconv.errors import UserError

Map = NDArray[np.float32]

BODY = WeightFile("body_pose_model.pth", otherwise="give poses found elsewhere with keypoints=FILE, which needs none")

SHORT_SIDE = 512
"""Pixels of the picture that is looked at."""

HEIGHT = 184
"""Of it as the network sees it: half of the 368 pixels of its training pictures."""

LEAST_CONFIDENCE = 0.1
"""Of a keypoint, where no other is asked for."""


def find_persons(image: np.ndarray, weights: str, confidence: float = LEAST_CONFIDENCE) -> tuple[Person, ...]:
    """A picture uint8 (H, W, 3), RGB -> its persons, in its pixels.

    weights: folder that holds the published files, or the file of the body itself; "": the hub's cache, then the hub.
    """
    from zeroconv.conditions.networks import openpose

    network = load(BODY, weights, openpose.build_body)
    seen = detection_picture(image, SHORT_SIDE)[:, :, ::-1]
    scale = HEIGHT / max(seen.shape[0], SHORT_SIDE)  # a strip's height is not enlarged
    with one_thread():
        maps = read_maps(network, seen, (int(seen.shape[0] * scale), int(seen.shape[1] * scale)), seen.shape[:2])
        if not np.isfinite(maps).all():
            raise UserError(f"pose: the network {BODY.name} answered with values that are not finite")
        bodies = group_persons(maps[openpose.FIELDS :], maps[: openpose.FIELDS], confidence)
    return tuple(Person(_placed(body, seen.shape, image.shape)) for body in bodies)


def read_maps(network: Any, seen: np.ndarray, to_network: tuple[int, int], size: tuple[int, ...]) -> Map:
    """BGR uint8 (h, w, 3), the size at which the network takes it, the size of the maps -> maps (K, *size).

    The network's sides are multiples of 8: what the picture lacks below and to the right is grey, and cut off again.
    """
    height, width = (max(1, side) for side in to_network)
    below, right = -height % 8, -width % 8
    scaled = _resized(seen, (height, width))
    framed = cv2.copyMakeBorder(scaled, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    maps = run(network, as_tensor(framed) / 256 - 0.5)[0].float().cpu().numpy()
    return np.stack([_resized(_resized(each, framed.shape)[:height, :width], size) for each in maps])


def _resized(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w, ...) -> (*size, ...): area mean when it shrinks, Lanczos when it grows, as the annotator does."""
    shrinks = sum(size[:2]) < sum(values.shape[:2])
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(values, (size[1], size[0]), interpolation=interpolation))


def _placed(keypoints: Keypoints, seen: tuple[int, ...], size: tuple[int, ...]) -> Keypoints:
    """Keypoints in pixels of what was seen -> of a picture of another size; pixels' middles correspond."""
    factors = np.array([size[1] / seen[1], size[0] / seen[0]], np.float32)
    placed = keypoints.copy()
    placed[:, :2] = (placed[:, :2] + 0.5) * factors - 0.5
    placed[placed[:, 2] <= 0] = 0
    return placed
