"""OpenPose's JSON: written and read back, and read as other programs write it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zeroconv.conditions.person import Person
from zeroconv.conditions.pose_file import poses_json, read_poses
from zeroconv.errors import UserError


def keypoints(count: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).uniform(5, 95, (count, 3)).astype(np.float32)
    drawn[:, 2] /= 100
    drawn[count // 2] = 0
    return drawn


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def person(points: np.ndarray) -> dict[str, Any]:
    return {"pose_keypoints_2d": points.reshape(-1).tolist()}


def test_round_trip(tmp_path: Path) -> None:
    persons = (
        Person(keypoints(18), keypoints(21, 1), keypoints(21, 2), keypoints(70, 3)),
        Person(keypoints(18, 4)),
    )
    path = tmp_path / "poses.json"
    path.write_text(poses_json(persons, (100, 200)))
    read = read_poses(path)
    assert read.canvas == (100, 200) and len(read.persons) == 2
    for mine, theirs in zip(persons, read.persons, strict=True):
        for part in ("body", "left_hand", "right_hand", "face"):
            before, after = getattr(mine, part), getattr(theirs, part)
            assert (before is None) == (after is None)
            if before is not None:
                assert np.allclose(before, after, atol=0.0006)
    assert poses_json(read.persons, (100, 200)) == path.read_text()


def test_another_picture_scales_the_persons(tmp_path: Path) -> None:
    path = write(tmp_path / "p.json", {"people": [person(keypoints(18))], "canvas_width": 100, "canvas_height": 50})
    body = read_poses(path).fitted((100, 400))[0].body
    assert np.allclose(body, keypoints(18) * (4, 2, 1), rtol=1e-5)


def test_without_a_canvas_pixels_are_the_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "p.json", {"version": 1.3, "people": [person(keypoints(18))]})
    assert np.allclose(read_poses(path).fitted((64, 64))[0].body, keypoints(18))


@pytest.mark.parametrize("canvas", [{}, {"canvas_width": 300, "canvas_height": 200}, {"width": 300, "height": 200}])
def test_shares_of_the_canvas(tmp_path: Path, canvas: dict[str, int]) -> None:
    shares = keypoints(18) * np.float32([0.01, 0.01, 1])
    path = write(tmp_path / "p.json", [{"people": [person(shares)]} | canvas])
    assert np.allclose(read_poses(path).fitted((200, 300))[0].body, keypoints(18) * (3, 2, 1), rtol=1e-4)


def test_25_keypoints_lose_hips_and_feet(tmp_path: Path) -> None:
    points = np.array([(10 + k, 20 + k, 1.0) for k in range(25)], np.float32)
    body = read_poses(write(tmp_path / "p.json", {"people": [person(points)]})).persons[0].body
    assert (body[:, 0] - 10).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]


def test_what_is_not_there_is_zero(tmp_path: Path) -> None:
    points = keypoints(18)
    points[3] = (-1, -1, 0)
    given = person(points) | {"hand_left_keypoints_2d": None, "face_keypoints_2d": []}
    read = read_poses(write(tmp_path / "p.json", {"people": [given, {}]}))
    assert read.persons[0].body[3].tolist() == [0, 0, 0]
    assert read.persons[0].left_hand is None and read.persons[0].face is None
    assert not read.persons[1].body.any()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"persons": []}, "an object with the list 'people'"),
        (3, "an object with the list 'people'"),
        ({"people": [4]}, "expected an object for each of the people"),
        ({"people": [{"pose_keypoints_2d": [1, 2, 3]}]}, "pose_keypoints_2d must be a list of 54 or 75 numbers"),
        ({"people": [{"pose_keypoints_2d": "abc"}]}, "pose_keypoints_2d must be a list"),
        ({"people": [{"hand_left_keypoints_2d": [1.0] * 60}]}, "hand_left_keypoints_2d must be a list of 63 numbers"),
        ({"people": [], "canvas_width": "a", "canvas_height": 3}, "expected canvas_width and canvas_height"),
        ({"people": [], "canvas_width": 3}, "expected canvas_width and canvas_height"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: object, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_poses(write(tmp_path / "p.json", content))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_poses(tmp_path / "none.json")
    (tmp_path / "broken.json").write_bytes(b'{"people": [\xff')
    with pytest.raises(UserError, match="is not a JSON file of poses"):
        read_poses(tmp_path / "broken.json")
