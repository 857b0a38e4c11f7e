"""Pose images: from a file and from networks, and poses that can be edited between the two."""

import json
from pathlib import Path

import numpy as np
import pytest

from zeroconv import conditions
from zeroconv.conditions import Pose
from zeroconv.conditions.person import Person
from zeroconv.conditions.person_networks import find_persons
from zeroconv.conditions.pose_file import poses_json, read_poses
from zeroconv.conditions.skeleton import HAND_EDGES, draw_persons, draw_pose
from zeroconv.errors import UserError

BODY = np.array([(40 + 9 * k % 100, 20 + 13 * k % 130, 0.9) for k in range(18)], np.float32)
HAND = np.array([(120 + 2 * k, 100 + k, 0.8) for k in range(21)], np.float32)
FACE = np.array([(200 + k % 10, 30 + k // 10, 0.7) for k in range(70)], np.float32)


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    path = tmp_path / "poses.json"
    path.write_text(poses_json([Person(BODY, HAND, None, FACE)], (160, 256)))
    return path


def photo(height: int = 60, width: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_file_is_drawn_at_its_canvas(poses: Path) -> None:
    made = conditions.annotate_file("openpose", poses)
    assert made.shape == (160, 256, 3)
    assert np.array_equal(made, draw_persons([Person(BODY, HAND, None, FACE)], (160, 256)))


def test_a_file_is_drawn_at_the_size_asked_for(poses: Path) -> None:
    made = conditions.annotate_file("pose", poses, {"size": "512x320"})
    twice = Person(BODY, HAND, None, FACE).scaled(2, 2)
    assert np.array_equal(made, draw_persons([twice], (320, 512)))


def test_a_file_without_canvas_needs_a_size(tmp_path: Path) -> None:
    path = tmp_path / "poses.json"
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": BODY.reshape(-1).tolist()}]}))
    with pytest.raises(UserError, match="give --size WIDTHxHEIGHT"):
        conditions.annotate_file("pose", path)
    assert conditions.annotate_file("pose", path, {"size": "256x160"}).any()


def test_a_file_takes_the_place_of_looking(poses: Path) -> None:
    made = conditions.annotate("pose", photo(160, 256), {"keypoints": str(poses)})
    assert np.array_equal(made, conditions.annotate_file("pose", poses))


def test_hands_and_faces_can_be_left_out(poses: Path) -> None:
    bare = conditions.annotate_file("pose", poses, {"hands": "no", "face": "no"})
    assert np.array_equal(bare, draw_persons([Person(BODY)], (160, 256)))
    with_face = conditions.annotate_file("pose", poses, {"hands": "no"})
    assert with_face[30:37, 200:210].min() > 200 and not bare[30:37, 200:210].any()  # its points are white


def test_a_hand_has_blue_joints_and_bones_of_every_hue() -> None:
    spread = np.array([(30 + 22 * k, 60 + 40 * (k % 5), 1.0) for k in range(21)], np.float32)
    made = draw_pose([], (512, 512), hands=[spread])
    assert all(made[int(y), int(x)].tolist() == [0, 0, 255] for x, y, _ in spread)
    middles = [made[tuple(spread[[a, b], 1::-1].mean(axis=0).astype(int))].astype(int) for a, b in HAND_EDGES]
    assert sum(colour.max() > 150 for colour in middles) == 20
    missing = spread.copy()
    missing[4, 2] = 0  # the tip of the thumb
    assert not draw_pose([], (512, 512), hands=[missing])[int(spread[4, 1]), int(spread[4, 0])].any()


def test_keypoints_without_confidence_are_not_drawn() -> None:
    assert not draw_persons([Person(BODY * (1, 1, 0))], (100, 100)).any()


def test_networks_find_persons_where_the_heat_is(tiny_networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = (str(tiny_networks / "pose"), str(tiny_networks / "detector"))
    persons = find_persons(photo(), *networks, 0.0)
    assert 1 <= len(persons) <= 5
    for person in persons:
        seen = person.body[person.body[:, 2] > 0]
        assert len(seen) >= 17
        assert (seen[:, :2] > -30).all() and (seen[:, :2] < (120, 90)).all()
        assert person.body[1, :2] == pytest.approx(person.body[[2, 5], :2].mean(axis=0), abs=1e-3)
    assert find_persons(photo(), *networks, 1.0) == ()


def test_found_poses_can_be_written_edited_and_drawn(tiny_networks: Path, tmp_path: Path) -> None:
    pose = Pose(weights=str(tiny_networks / "pose"), detector=str(tiny_networks / "detector"), confidence=0.0)
    path = tmp_path / "found.json"
    path.write_text(pose.to_json(photo()))
    found = read_poses(path)
    assert found.canvas == (60, 90)
    drawn = conditions.annotate_file("pose", path)
    assert np.abs(drawn.astype(int) - pose(photo())).mean() < 1  # coordinates are written to 0.001 pixels
    content = json.loads(path.read_text())
    content["people"] = content["people"][:1]
    path.write_text(json.dumps(content))
    assert len(read_poses(path).persons) == 1


def test_nobody_in_the_picture_warns(tiny_networks: Path) -> None:
    options = {"weights": tiny_networks / "pose", "detector": tiny_networks / "detector", "confidence": 1.0}
    with pytest.warns(UserWarning, match="pose image is empty"):
        conditions.annotate("pose", photo(), {name: str(value) for name, value in options.items()})


def test_a_detector_that_knows_no_persons(tiny_networks: Path, tmp_path: Path) -> None:
    for file in (tiny_networks / "detector").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b'"person"', b'"parrot"'))
    with pytest.raises(UserError, match="has no class 'person'"):
        find_persons(photo(), str(tiny_networks / "pose"), str(tmp_path), 0.3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": "huge"}, "size must be WIDTHxHEIGHT"),
        ({"size": "0x10"}, "size must be WIDTHxHEIGHT"),
        ({"size": "99999x10"}, "size must be WIDTHxHEIGHT"),
        ({"confidence": 1.5}, "confidence must be 0 to 1"),
    ],
)
def test_impossible_options(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        conditions.create("pose", **options)


def test_without_networks_the_way_without_is_named() -> None:
    with pytest.raises(UserError, match=r"pose \(detector\): no network at './none'.*keypoints=FILE"):
        Pose(detector="./none")(photo())
