"""Hands and faces: looked for where the body says, found where their maps have hills."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import published_annotators as published
from drawn_maps import figure
from zeroconv.conditions import openpose
from zeroconv.conditions.openpose_parts import (
    FACE,
    HAND,
    Square,
    face_square,
    find_face,
    find_hand,
    hand_square,
)
from zeroconv.errors import UserError

SIZE = (512, 640, 3)


class Seer(torch.nn.Module):
    """Stands for a network: a hill at each share of the sides, none where that is negative, and the background."""

    def __init__(self, count: int, seed: int = 0) -> None:
        super().__init__()
        self.shares = np.random.default_rng(seed).uniform(0.1, 0.9, (count, 2))
        self.shares[3] = -9
        self.sides: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.sides.append(batch.shape[3])
        height, width = batch.shape[2] // 8, batch.shape[3] // 8
        y, x = (np.indices((height, width)) + 0.5) / np.array([height, width])[:, None, None]
        squared = np.array([(x - across) ** 2 + (y - down) ** 2 for across, down in self.shares])
        hills = np.exp(-squared / (2 * 0.06**2)).astype(np.float32)
        return torch.from_numpy(np.concatenate([hills, 1 - hills.max(0, keepdims=True)]))[None]

    def places(self, square: Square) -> np.ndarray:
        return np.asarray(self.shares * square.side - 0.5 + [square.left, square.top])


@pytest.mark.parametrize(("find", "count", "sides"), [(find_hand, 21, [184, 368, 552, 736]), (find_face, 70, [384])])
def test_keypoints_are_found_within_their_square(find: Callable[..., np.ndarray], count: int, sides: list[int]) -> None:
    square, seer = Square(200, 90, 120), Seer(count)
    points = find(seer, published.noise(*SIZE[:2]), square)
    assert seer.sides == sides
    assert points.shape == (count, 3)
    assert points[3].tolist() == [0, 0, 0]
    there = np.arange(count) != 3
    assert np.abs(points[there, :2] - seer.places(square)[there]).max() < 2.5  # a map's step is 2.5 pixels of a face
    assert points[there, 2].min() > 0.8


def test_of_two_hills_of_a_hand_the_larger_counts() -> None:
    def two(_: object, given: tuple[torch.Tensor], maps: torch.Tensor) -> torch.Tensor:
        maps = torch.zeros_like(maps)
        eighth = maps.shape[2] // 8
        maps[:, :, eighth : 2 * eighth, eighth : 2 * eighth] = 0.9  # higher, but small
        maps[:, :, 4 * eighth : 7 * eighth, 4 * eighth : 7 * eighth] = 0.5
        return maps

    network = Seer(21)
    network.register_forward_hook(two)
    points = find_hand(network, published.noise(80, 80), Square(0, 0, 80))
    assert (points[:, :2] > 38).all() and (points[:, :2] < 72).all()


def test_a_hand_is_beyond_the_wrist() -> None:
    body = np.zeros((18, 3), np.float32)
    body[[2, 3, 4]] = [(100, 100, 1), (100, 200, 1), (160, 200, 1)]  # upper arm 100 down, forearm 60 to the right
    assert hand_square(body, "right", SIZE) == Square(112, 132, 135)  # 1.5 * 0.9 * 100 around (179.8, 200)
    assert hand_square(body, "left", SIZE) is None
    body[3, 2] = 0
    assert hand_square(body, "right", SIZE) is None


def test_a_face_is_around_the_nose() -> None:
    body = np.zeros((18, 3), np.float32)
    body[[0, 14, 16]] = [(300, 200, 1), (290, 195, 1), (260, 200, 1)]
    assert face_square(body, SIZE) == Square(240, 140, 120)  # 1.5 times the 40 pixels to the ear, either way
    body[16, 2] = 0
    assert face_square(body, SIZE) == Square(270, 170, 60)  # 3 times the 10 pixels to the eye
    assert face_square(np.where(np.arange(18)[:, None] == 0, 0, body), SIZE) is None
    assert face_square(np.where(np.arange(18)[:, None] == 14, 0, body), SIZE) is None


def test_squares_stay_within_the_picture_and_are_not_tiny() -> None:
    body = figure(620, 60, 300)
    for square in (hand_square(body, "right", SIZE), face_square(body, SIZE)):
        assert square is not None and square.left + square.side <= 640
        assert square.cut(np.zeros(SIZE)).shape == (square.side, square.side, 3) and square.side >= 20
    assert face_square(figure(300, 100, 60), SIZE) is None  # 12 pixels from nose to ear at most


def body_alone(file: object, *_: object) -> Callable[[torch.Tensor], torch.Tensor]:
    return Seer(21) if file is HAND else Seer(70, seed=1)


def test_persons_have_the_parts_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    body = figure(300, 30, 420)
    monkeypatch.setattr(openpose, "_bodies", lambda *_: [body])
    monkeypatch.setattr(openpose, "load", body_alone)
    (person,) = openpose.find_persons(published.noise(1024, 1280), "", hands=True, face=True)
    for found, square, seer in (
        (person.right_hand, hand_square(body, "right", SIZE), Seer(21)),
        (person.left_hand, hand_square(body, "left", SIZE), Seer(21)),
        (person.face, face_square(body, SIZE), Seer(70, seed=1)),
    ):
        assert found is not None and square is not None
        there = found[:, 2] > 0
        assert there.sum() == len(found) - 1
        assert np.abs(found[there, :2] - 2 * seer.places(square)[there] - 0.5).max() < 0.06 * 2 * square.side
    (bare,) = openpose.find_persons(published.noise(1024, 1280), "")
    assert bare.left_hand is bare.right_hand is bare.face is None
    assert np.allclose(bare.body[:, :2], 2 * body[:, :2] + 0.5)


@pytest.mark.parametrize(("options", "file"), [({"hands": True}, HAND), ({"face": True}, FACE)])
def test_a_missing_file_says_how_to_do_without(
    options: dict[str, bool], file: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openpose, "_bodies", lambda *_: [figure(300, 30, 420)])
    body_file = tmp_path / "body_pose_model.pth"
    body_file.touch()
    name, without = (HAND.name, "hands=no") if file is HAND else (FACE.name, "face=no")
    for weights in (tmp_path, body_file):
        with pytest.raises(UserError, match=rf"{tmp_path} holds no {name}.*{without}"):
            openpose.find_persons(published.noise(512, 640), str(weights), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "layout", "options"),
    [
        ("hand_pose_model.pth", published.openpose_hand, {"hands": True}),
        ("facenet.pth", published.openpose_face, {"face": True}),
    ],
)
def test_the_published_layouts_are_read(
    name: str, layout: Callable[[], published.Layout], options: dict[str, bool], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    published.write(tmp_path, name, layout, torch.float16)
    monkeypatch.setattr(openpose, "_bodies", lambda *_: [figure(300, 30, 420, (2,))])
    monkeypatch.setattr(openpose.parts, "HAND_SIDES", (64,))
    monkeypatch.setattr(openpose.parts, "FACE_SIDE", 64)
    (person,) = openpose.find_persons(published.noise(512, 640), str(tmp_path), **options)  # type: ignore[arg-type]
    found = person.left_hand if "hands" in options else person.face
    assert found is not None and np.isfinite(found).all()
    assert person.right_hand is None
