"""Persons in a picture by OpenPose, the detector by which the released pose ControlNets were trained.

Source: arXiv:1812.08008 with the settings of the annotator of arXiv:2302.05543: the picture at a short side of 512
pixels, its height 184 to the network, blue first. Letters: H, W the picture's height and width; h, w those at which it
is looked at.
"""

from pathlib import Path

import numpy as np

from zeroconv.conditions import openpose_parts as parts
from zeroconv.conditions.affinity import group_persons
from zeroconv.conditions.detection import detection_picture
from zeroconv.conditions.device import Device
from zeroconv.conditions.openpose_maps import read_maps
from zeroconv.conditions.person import Keypoints, Person
from zeroconv.conditions.registry import one_thread
from zeroconv.conditions.weight_files import WeightFile, load

BODY = WeightFile("body_pose_model.pth", otherwise="give poses found elsewhere with keypoints=FILE, which needs none")

SHORT_SIDE = 512
"""Pixels of the picture that is looked at."""

HEIGHT = 184
"""Of it as the network sees it: half of the 368 pixels of its training pictures."""

LEAST_CONFIDENCE = 0.1
"""Of a keypoint of the body, where no other is asked for."""


def find_persons(
    image: np.ndarray,
    weights: str,
    device: Device = "auto",
    confidence: float = LEAST_CONFIDENCE,
    *,
    hands: bool = False,
    face: bool = False,
) -> tuple[Person, ...]:
    """A picture uint8 (H, W, 3), RGB -> its persons, in its pixels.

    weights: folder that holds the published files, or the file of the body; "": the hub's cache, then the hub.
    The networks of hands and faces are read only where there are some to look at.
    """
    with one_thread():
        seen = np.ascontiguousarray(detection_picture(image, SHORT_SIDE)[:, :, ::-1])
        found = []
        for body in _bodies(seen, weights, device, confidence):
            left, right = (_hand(body, side, seen, weights, device) if hands else None for side in ("left", "right"))
            found.append(Person(body, left, right, _face(body, seen, weights, device) if face else None))
    return tuple(_placed(person, seen.shape, image.shape) for person in found)


def _bodies(seen: np.ndarray, weights: str, device: Device, confidence: float) -> list[Keypoints]:
    """BGR uint8 (h, w, 3) -> (18, 3) a person, in its pixels."""
    from zeroconv.conditions.networks import openpose

    network = load(BODY, weights, openpose.build_body, device)
    scale = HEIGHT / max(seen.shape[0], SHORT_SIDE)  # a strip's height is not enlarged
    to_network = (int(seen.shape[0] * scale), int(seen.shape[1] * scale))
    maps = read_maps(network, seen, to_network, seen.shape[:2], BODY.name)
    return group_persons(maps[openpose.FIELDS :], maps[: openpose.FIELDS], confidence)


def _hand(body: Keypoints, side: str, seen: np.ndarray, weights: str, device: Device) -> Keypoints | None:
    from zeroconv.conditions.networks import openpose

    square = parts.hand_square(body, side, seen.shape)
    if square is None:
        return None
    return parts.find_hand(load(parts.HAND, _beside(weights), openpose.build_hand, device), seen, square)


def _face(body: Keypoints, seen: np.ndarray, weights: str, device: Device) -> Keypoints | None:
    from zeroconv.conditions.networks import openpose

    square = parts.face_square(body, seen.shape)
    if square is None:
        return None
    return parts.find_face(load(parts.FACE, _beside(weights), openpose.build_face, device), seen, square)


def _beside(weights: str) -> str:
    """Where the other files are looked for: a file of the body has them in its folder."""
    return str(Path(weights).expanduser().parent) if Path(weights).expanduser().is_file() else weights


def _placed(person: Person, seen: tuple[int, ...], size: tuple[int, ...]) -> Person:
    """A person in pixels of what was seen -> of a picture of another size; pixels' middles correspond."""
    factors = np.array([size[1] / seen[1], size[0] / seen[0]], np.float32)

    def moved(keypoints: Keypoints) -> Keypoints:
        placed = keypoints.copy()
        placed[:, :2] = (placed[:, :2] + 0.5) * factors - 0.5
        placed[placed[:, 2] <= 0] = 0
        return placed

    others = (person.left_hand, person.right_hand, person.face)
    return Person(moved(person.body), *(None if part is None else moved(part) for part in others))
