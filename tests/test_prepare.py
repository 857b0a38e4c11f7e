"""What a request's controls come from: pictures, ready condition images, and files that are no pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers_generate import write_controlnet
from zeroconv import conditions
from zeroconv.base import BaseModel, load_base
from zeroconv.conditions.person import Person
from zeroconv.conditions.pose_file import poses_json
from zeroconv.control_request import ControlRequest
from zeroconv.errors import UserError
from zeroconv.prepare import prepare
from zeroconv.record import from_json, to_json
from zeroconv.request import Request


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def pose_net(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_controlnet(base, tmp_path_factory.mktemp("nets") / "pose", "pose")


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    """A standing person on a canvas of 64 x 128."""
    x = [32, 32, 24, 20, 18, 40, 44, 46, 27, 27, 27, 37, 37, 37, 30, 34, 28, 36]
    y = [12, 22, 22, 34, 46, 22, 34, 46, 48, 66, 84, 48, 66, 84, 10, 10, 12, 12]
    body = np.stack([x, y, np.ones(18)], axis=1).astype(np.float32)
    path = tmp_path / "poses.json"
    path.write_text(poses_json((Person(body),), (128, 64)), "utf-8")
    return path


def test_poses_in_a_file_are_a_control(base: BaseModel, pose_net: Path, poses: Path) -> None:
    request = Request("a person", (ControlRequest("pose", poses, checkpoint=pose_net),), size=(64, 128))
    control = prepare(base, request).controls[0]
    drawn = conditions.annotate_file("pose", poses)
    assert drawn.max() > 0
    np.testing.assert_array_equal(np.asarray(control.condition), drawn)
    assert control.picture is control.condition


def test_the_size_follows_the_canvas_of_the_poses(base: BaseModel, pose_net: Path, poses: Path) -> None:
    prepared = prepare(base, Request("", (ControlRequest("pose", poses, checkpoint=pose_net),)))
    width, height = prepared.size
    assert min(width, height) == base.native_size and height == 2 * width
    assert prepared.controls[0].condition.size == prepared.size


def test_a_run_with_poses_is_made_again_from_its_record(
    base: BaseModel, pose_net: Path, poses: Path, tmp_path: Path
) -> None:
    request = Request("a person", (ControlRequest("pose", poses, checkpoint=pose_net),))
    first = prepare(base, request)
    asked = from_json(json.loads(json.dumps(to_json(first.request, tmp_path))), tmp_path, of="run.json")
    again = prepare(base, asked.request)
    assert again.controls[0].condition.tobytes() == first.controls[0].condition.tobytes()


def test_a_file_without_poses_is_told(base: BaseModel, pose_net: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"persons": 3}', "utf-8")
    with pytest.raises(UserError, match=r"wrong\.json"):
        prepare(base, Request("", (ControlRequest("pose", wrong, checkpoint=pose_net),)))


METRIC = {"method": "algorithm", "depth_map": "metric"}


@pytest.mark.parametrize(("trained", "options"), [({}, METRIC), (METRIC, {})], ids=["as asked", "as trained"])
def test_a_depth_map_in_numbers_is_a_control(
    base: BaseModel, tmp_path: Path, trained: dict[str, str], options: dict[str, str]
) -> None:
    metres = np.tile(np.linspace(1, 5, 64, dtype=np.float32), (64, 1))
    np.save(tmp_path / "metres.npy", metres)
    net = write_controlnet(base, tmp_path / "depth", "depth", **trained)
    request = Request(
        "", (ControlRequest("depth", tmp_path / "metres.npy", checkpoint=net, options=options),), size=(64, 64)
    )
    seen = np.asarray(prepare(base, request).controls[0].condition)
    assert seen[0, 0, 0] == 255 and seen[0, -1, 0] == 0
    assert (np.diff(seen[0, :, 0].astype(int)) <= 0).all()


def test_a_ready_condition_is_both_input_and_condition(base: BaseModel, pose_net: Path) -> None:
    drawing = Image.new("RGB", (64, 64))
    drawing.putpixel((5, 5), (255, 0, 0))
    request = Request("", (ControlRequest("pose", drawing, ready=True, checkpoint=pose_net),), size=(64, 64))
    control = prepare(base, request).controls[0]
    assert control.picture is control.condition
    assert control.condition.tobytes() == drawing.tobytes()
