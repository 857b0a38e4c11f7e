"""Pose images: the OpenPose drawing of every person in a picture, found by networks or read from a file.

Source: arXiv:1812.08008 (OpenPose) and its drawing in arXiv:2302.05543 (skeleton.py). Persons are found by OpenPose
itself (openpose.py) or by networks of transformers: a person detector, as RT-DETR (arXiv:2304.08069), and ViTPose
(arXiv:2204.12484), which finds COCO's keypoints within each person's box.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from zeroconv.conditions import openpose
from zeroconv.conditions.device import Device
from zeroconv.conditions.person import Person
from zeroconv.conditions.person_networks import CONFIDENCE, DETECTOR, WEIGHTS, find_persons
from zeroconv.conditions.pose_file import Poses, poses_json, read_poses
from zeroconv.conditions.registry import Resize, condition, picture
from zeroconv.conditions.scene_tier import reader
from zeroconv.conditions.skeleton import draw_persons
from zeroconv.errors import PictureError, UserError

LARGEST_SIDE = 16384


@condition("pose", aliases=("openpose-full", "vitpose", "openpose-body"))
@dataclass(frozen=True)
class Pose:
    """Coloured limbs of every person on black."""

    method: Literal["network", "openpose", "scenes"] = "network"
    """network: a person detector, then ViTPose; openpose: the network by which the released pose ControlNets were
    trained; scenes: by the network that ships, one person in pictures of the embedded world."""
    keypoints: str = ""
    """OpenPose JSON file with the persons to draw; empty: look for persons in the picture."""
    size: str = ""
    """WIDTHxHEIGHT of the image when the input is a JSON file itself; empty: the file's own canvas."""
    weights: str = ""
    """network: folder or hub id of a ViTPose network (17 keypoints of COCO, or COCO-WholeBody's 133 with hands and
    face), otherwise usyd-community/vitpose-base-simple; openpose: folder with body_pose_model.pth,
    hand_pose_model.pth and facenet.pth, otherwise the hub's cache, then the hub."""
    detector: str = DETECTOR
    """network: folder or hub id of the object detection network that finds the persons."""
    device: Device = field(default="auto", compare=False)
    """network and openpose: where they run; auto: cuda where there is one, else mps, else cpu."""
    confidence: float | None = None
    """Keypoints and persons of which the networks are less sure than this, 0 to 1, are left out; otherwise 0.3, and
    with openpose 0.1."""
    hands: bool = True
    """Draw hands where they are given; openpose: look for them, by hand_pose_model.pth."""
    face: bool = True
    """Draw the points of faces where they are given; openpose: look for them, by facenet.pth."""

    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    polarity: ClassVar[str] = "coloured limbs on black"
    channel_order: ClassVar[str] = "RGB"
    resize_filter: ClassVar[Resize] = "nearest"
    native_resolution: ClassVar[int | None] = 512
    file_types: ClassVar[tuple[str, ...]] = (".json",)

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise UserError(f"pose: confidence must be 0 to 1, not {self.confidence:g}")
        if self.size:
            _height_and_width(self.size)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """image uint8 (H, W, 3), RGB; grey and RGBA too -> uint8 (H, W, 3), black where nobody is."""
        image = picture(image)
        size = (image.shape[0], image.shape[1])
        return draw_persons(self.persons(image), size, hands=self.hands, face=self.face)

    def persons(self, image: np.ndarray) -> tuple[Person, ...]:
        """image uint8 (H, W, 3) -> the persons in it, or those of the file, in the picture's pixels."""
        if self.keypoints:
            return read_poses(self.keypoints).fitted((image.shape[0], image.shape[1]))
        if self.method == "scenes":
            return reader().persons(image)
        if self.method == "openpose":
            least = _or(self.confidence, openpose.LEAST_CONFIDENCE)
            return openpose.find_persons(image, self.weights, self.device, least, hands=self.hands, face=self.face)
        least = _or(self.confidence, CONFIDENCE)
        return find_persons(image, self.weights or WEIGHTS, self.detector, least, self.device)

    def from_file(self, path: Path) -> np.ndarray | None:
        """The drawing of an OpenPose JSON file; None where the file is a picture to look at."""
        if path.suffix.lower() not in self.file_types:
            return None
        try:
            poses = read_poses(path)
            size = self._canvas(poses, path)
        except UserError as error:  # of this file alone: others may be sound
            raise PictureError(str(error)) from error
        return draw_persons(poses.fitted(size), size, hands=self.hands, face=self.face)

    def to_json(self, image: np.ndarray) -> str:
        """The persons in a picture uint8 (H, W, 3) as OpenPose's JSON, to be edited and drawn again."""
        image = picture(image)
        return poses_json(self.persons(image), (image.shape[0], image.shape[1]))

    def _canvas(self, poses: Poses, path: Path) -> tuple[int, int]:
        """(height, width) of the drawing of a file."""
        if self.size:
            return _height_and_width(self.size)
        if poses.canvas is None:
            raise UserError(
                f"{path} does not say how large its picture is; "
                "give --size WIDTHxHEIGHT (in a control size=WIDTHxHEIGHT)"
            )
        if max(poses.canvas) > LARGEST_SIDE:
            raise UserError(f"{path}: a canvas of {poses.canvas[1]}x{poses.canvas[0]} pixels is too large")
        return poses.canvas


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given


def _height_and_width(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    sides = (int(match[2]), int(match[1])) if match else (0, 0)
    if not 1 <= min(sides) <= max(sides) <= LARGEST_SIDE:
        raise UserError(f"pose: size must be WIDTHxHEIGHT in pixels, as 512x768, not {text!r}")
    return sides
