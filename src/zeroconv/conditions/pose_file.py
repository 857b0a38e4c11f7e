"""Poses as OpenPose writes them in JSON, so that they can be read, edited and written again.

Source: OpenPose's output format (`people[].pose_keypoints_2d`, flat lists of x, y, confidence; likewise
`hand_left_keypoints_2d`, `hand_right_keypoints_2d` and `face_keypoints_2d`), with the `canvas_width` and
`canvas_height` that the ControlNet editors add. Read too: coordinates from 0 to 1, which some editors write; OpenPose's
25 keypoints, whose feet and middle of the hips are left out; and a list that holds one such record.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zeroconv.conditions.person import Keypoints, Person
from zeroconv.errors import UserError

_BODY, _HAND = ("pose_keypoints_2d", (18, 25)), (21,)
_PARTS = (("hand_left_keypoints_2d", _HAND), ("hand_right_keypoints_2d", _HAND), ("face_keypoints_2d", (70, 68)))

_BODY_OF_25 = (*range(8), *range(9, 19))
"""Of OpenPose's 25 keypoints those of its 18, in order."""

_LARGEST_SHARE = 2.0
"""Coordinates below this are shares of the canvas: a person within two pixels would be none."""


@dataclass(frozen=True, eq=False)
class Poses:
    """The persons of one picture."""

    persons: tuple[Person, ...]
    """In pixels of the canvas; shares from 0 to 1 where the file has shares and names no canvas."""
    canvas: tuple[int, int] | None
    """(height, width) in pixels; None where the file does not name it."""
    are_shares: bool = False
    """Whether the coordinates are shares of a canvas that is not known."""

    def fitted(self, size: tuple[int, int]) -> tuple[Person, ...]:
        """The persons in pixels of a picture (height, width); pixels of an unknown canvas are those of the picture."""
        height, width = (1, 1) if self.are_shares else self.canvas or size
        return tuple(person.scaled(size[1] / width, size[0] / height) for person in self.persons)


def read_poses(path: str | Path) -> Poses:
    """The poses in a file; UserError says what in it is not as OpenPose writes it."""
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"no file {path}") from None
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} is not a JSON file of poses ({problem})") from problem
    return poses_of(content, path)


def poses_of(content: object, path: str | Path) -> Poses:
    """The poses in JSON that is read already; UserError says what in it is not as OpenPose writes it.

    path: how it is called in errors.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, Mapping) or not isinstance(content.get("people"), list):
        raise UserError(f"{path} is not a file of poses: expected OpenPose's JSON, an object with the list 'people'")
    canvas = _canvas(content, path)
    persons = tuple(_person(given, path) for given in content["people"])
    if not _are_shares(persons):
        return Poses(persons, canvas)
    if canvas is None:
        return Poses(persons, None, are_shares=True)
    return Poses(tuple(person.scaled(canvas[1], canvas[0]) for person in persons), canvas)


def poses_json(persons: Sequence[Person], size: tuple[int, int]) -> str:
    """The persons, in pixels of a picture (height, width), as OpenPose's JSON; parts not looked for are empty."""
    people = [
        {_BODY[0]: _flat(person.body)}
        | {
            key: _flat(part)
            for (key, _), part in zip(_PARTS, (person.left_hand, person.right_hand, person.face), strict=True)
        }
        for person in persons
    ]
    return json.dumps({"people": people, "canvas_width": size[1], "canvas_height": size[0]}) + "\n"


def _canvas(content: Mapping[str, Any], path: str | Path) -> tuple[int, int] | None:
    sides = tuple(content.get(f"canvas_{side}", content.get(side)) for side in ("height", "width"))
    if sides == (None, None):
        return None
    if not all(isinstance(side, int | float) and not isinstance(side, bool) and side >= 1 for side in sides):
        raise UserError(f"{path}: expected canvas_width and canvas_height in pixels, got {sides[1]!r} and {sides[0]!r}")
    return int(sides[0]), int(sides[1])


def _person(given: object, path: str | Path) -> Person:
    if not isinstance(given, Mapping):
        raise UserError(f"{path}: expected an object for each of the people, got {given!r:.40}")
    body = _keypoints(given, *_BODY, path)
    if body is None:
        body = np.zeros((18, 3), np.float32)
    elif len(body) == 25:
        body = body[list(_BODY_OF_25)]
    return Person(body, *(_keypoints(given, key, counts, path) for key, counts in _PARTS))


def _keypoints(given: Mapping[Any, Any], key: str, counts: tuple[int, ...], path: str | Path) -> Keypoints | None:
    """The part (N, 3) under a key; None where it is absent or empty. What is not there is all zero."""
    numbers = given.get(key)
    if not numbers:
        return None
    try:
        part = np.array(numbers, np.float32).reshape(-1, 3)
    except (ValueError, TypeError):
        part = np.zeros((0, 3), np.float32)
    if len(part) not in counts or not np.isfinite(part).all():
        wanted = " or ".join(str(3 * count) for count in counts)
        raise UserError(f"{path}: {key} must be a list of {wanted} numbers (x, y and confidence of each keypoint)")
    part[part[:, 2] <= 0] = 0
    return part


def _are_shares(persons: Sequence[Person]) -> bool:
    parts = [part for person in persons for part in (person.body, person.left_hand, person.right_hand, person.face)]
    seen = [part[part[:, 2] > 0, :2] for part in parts if part is not None]
    values = np.concatenate(seen) if seen else np.zeros((0, 2), np.float32)
    return values.size > 0 and float(values.max()) < _LARGEST_SHARE


def _flat(part: Keypoints | None) -> list[float]:
    return [] if part is None else [round(float(value), 3) for value in part.reshape(-1)]
