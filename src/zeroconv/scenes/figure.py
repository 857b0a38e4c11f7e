"""The posed human figure: joints by OpenPose-18 name, and the limbs drawn around them.

The figure stands at the origin looking at the viewer (-z), so its right side is at negative x; about 1.7 m tall.
"""

import math
from dataclasses import dataclass

import numpy as np

from zeroconv.scenes.dice import Dice
from zeroconv.scenes.solids import Primitive, Surface, Vector, capsule, ellipsoid, rotation
from zeroconv.scenes.vocabulary import Colour

KEYPOINTS = (
    "nose",
    "neck",
    "right shoulder",
    "right elbow",
    "right wrist",
    "left shoulder",
    "left elbow",
    "left wrist",
    "right hip",
    "right knee",
    "right ankle",
    "left hip",
    "left knee",
    "left ankle",
    "right eye",
    "left eye",
    "right ear",
    "left ear",
)
"""The OpenPose-18 (COCO) order of the keypoints."""

SKIN: tuple[Colour, ...] = ((0.94, 0.76, 0.62), (0.80, 0.58, 0.42), (0.55, 0.36, 0.24), (0.38, 0.24, 0.16))
HAIR: tuple[Colour, ...] = ((0.10, 0.07, 0.05), (0.35, 0.20, 0.09), (0.85, 0.68, 0.30), (0.60, 0.60, 0.60))
SHOES: Colour = (0.12, 0.10, 0.10)
SIDES = {"right": -1.0, "left": 1.0}


@dataclass(frozen=True)
class Figure:
    """A posed person: its pieces and its eighteen keypoints (18, 3) in metres, OpenPose order."""

    primitives: tuple[Primitive, ...]
    keypoints: Vector


def person(
    x: float, z: float, size: float, facing: float, action: str, clothes: tuple[Colour, Colour], dice: Dice
) -> Figure:
    """A person at (x, z), `size` times 1.7 m tall, turned by `facing` radians, in (shirt, trousers)."""
    joints = _posed_joints(action, dice)
    lowest = min(joints["right ankle"][1], joints["left ankle"][1]) - 0.06
    turn, foot = rotation(facing), np.array([0.0, lowest, 0.0])
    placed = {name: turn @ ((j - foot) * size) + np.array([x, 0.0, z]) for name, j in joints.items()}
    look = _Look(*clothes, dice.choice(SKIN), dice.choice(HAIR), has_short_sleeves=dice.chance(0.5))
    keypoints = np.stack([placed[name] for name in KEYPOINTS])
    return Figure(tuple(_body(placed, size, turn, look)), keypoints)


@dataclass(frozen=True)
class _Look:
    shirt: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    has_short_sleeves: bool


_HEAD = {
    "neck": (0.0, 1.38, 0.0),
    "head": (0.0, 1.58, 0.0),
    "nose": (0.0, 1.58, -0.14),
    "right eye": (-0.05, 1.62, -0.115),
    "left eye": (0.05, 1.62, -0.115),
    "right ear": (-0.125, 1.59, 0.0),
    "left ear": (0.125, 1.59, 0.0),
}


def _posed_joints(action: str, dice: Dice) -> dict[str, Vector]:
    joints: dict[str, Vector] = {name: np.array(place) for name, place in _HEAD.items()}
    lead = dice.choice(tuple(SIDES))  # the arm that waves, the leg that steps forward
    for side, sign in SIDES.items():
        joints[f"{side} shoulder"] = np.array([sign * 0.21, 1.34, 0.0])
        upper, lower = _arm(action, sign, side == lead, dice)
        joints[f"{side} elbow"] = joints[f"{side} shoulder"] + upper * 0.30
        joints[f"{side} wrist"] = joints[f"{side} elbow"] + lower * 0.28
        joints[f"{side} hip"] = np.array([sign * 0.11, 0.86, 0.0])
        thigh, shin = _leg(action, sign, side == lead, dice)
        joints[f"{side} knee"] = joints[f"{side} hip"] + thigh * 0.42
        joints[f"{side} ankle"] = joints[f"{side} knee"] + shin * 0.42
    return joints


def _arm(action: str, sign: float, leads: bool, dice: Dice) -> tuple[Vector, Vector]:
    """Directions of the upper and the lower arm; `spread` is the angle away from hanging down, sideways."""
    spread, swing, bend = dice.uniform(0.1, 0.35), dice.uniform(-0.2, 0.2), dice.uniform(0.0, 0.5)
    if action == "with arms raised" or (action == "waving" and leads):
        spread, bend = dice.uniform(2.2, 2.9), dice.uniform(-0.5, 0.2)
    elif action == "dancing":
        spread, bend = dice.uniform(0.4, 2.6), dice.uniform(-1.4, 1.4)
    elif action == "walking":
        swing, bend = (0.7 if leads else -0.7) * dice.uniform(0.6, 1.0), 0.0
    upper = np.array([sign * math.sin(spread), -math.cos(spread), 0.0])
    if spread < 1:
        upper = np.array([upper[0], upper[1] * math.cos(swing), upper[1] * math.sin(swing)])
    angle = spread + bend
    lower = np.array([sign * math.sin(angle), -math.cos(angle), -0.25 if spread < 1 else -0.1])
    return upper, lower / np.linalg.norm(lower)


def _leg(action: str, sign: float, leads: bool, dice: Dice) -> tuple[Vector, Vector]:
    """Directions of thigh and shin; `stride` is the angle forward (negative) or back."""
    spread, stride, bend = dice.uniform(0.03, 0.16), dice.uniform(-0.08, 0.08), dice.uniform(0.0, 0.1)
    if action == "walking":
        spread, stride = 0.04, (-0.55 if leads else 0.55) * dice.uniform(0.7, 1.1)
        bend = dice.uniform(0.1, 0.6) if leads else 0.0
    elif action == "dancing":
        spread, stride, bend = dice.uniform(0.1, 0.7), dice.uniform(-0.3, 0.3), dice.uniform(0.0, 0.3)
    thigh = np.array([sign * math.sin(spread), -math.cos(spread) * math.cos(stride), math.sin(stride)])
    tilt = -stride * 0.3 + bend * 0.6
    shin = np.array([sign * math.sin(spread * 0.5), -math.cos(tilt), math.sin(tilt)])
    return thigh / np.linalg.norm(thigh), shin / np.linalg.norm(shin)


def _body(joints: dict[str, Vector], size: float, turn: Vector, look: _Look) -> list[Primitive]:
    pieces: list[Primitive] = []

    def limb(a: Vector, b: Vector, thickness: float, colour: Colour) -> None:
        pieces.append(capsule(a, b, thickness * size, Surface(colour, gloss=0.08)))

    toe = turn @ np.array([0.0, -0.01, -0.12]) * size
    for side in SIDES:
        joint = {name: joints[f"{side} {name}"] for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")}
        limb(joint["shoulder"], joint["elbow"], 0.086, look.shirt)
        limb(joint["elbow"], joint["wrist"], 0.075, look.skin if look.has_short_sleeves else look.shirt)
        pieces.append(ellipsoid(joint["wrist"], (0.090 * size,) * 3, Surface(look.skin, gloss=0.05)))
        limb(joint["hip"], joint["knee"], 0.106, look.trousers)
        limb(joint["knee"], joint["ankle"], 0.090, look.trousers)
        limb(joint["ankle"], joint["ankle"] + toe, 0.072, SHOES)
    for near, far in (("right", "left"), ("left", "right")):  # the trunk: two capsules side by side
        top = 0.62 * joints[f"{near} shoulder"] + 0.38 * joints[f"{far} shoulder"] - np.array([0, 0.05 * size, 0])
        low = 0.62 * joints[f"{near} hip"] + 0.38 * joints[f"{far} hip"] + np.array([0, 0.07 * size, 0])
        limb(top, low, 0.138, look.shirt)
    limb(joints["neck"], joints["head"], 0.062, look.skin)
    head = joints["head"]
    pieces.append(ellipsoid(head, (0.13 * size, 0.16 * size, 0.14 * size), Surface(look.skin, gloss=0.08)))
    back = head + turn @ np.array([0.0, 0.05, 0.04]) * size
    pieces.append(ellipsoid(back, (0.145 * size, 0.15 * size, 0.145 * size), Surface(look.hair, gloss=0.15)))
    return pieces
