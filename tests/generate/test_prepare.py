"""A request made ready: what its controls come from, its sizes and steps, and what this base cannot serve."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers_generate import asked, largest_difference, write_controlnet, write_drawing, write_photo
from networks import small_controlnet
from zeroconv import conditions, weights
from zeroconv.base import BaseModel, load_base
from zeroconv.conditions.person import Person
from zeroconv.conditions.pose_file import poses_json
from zeroconv.errors import UserError
from zeroconv.generate.prepare import default_checkpoint, prepare
from zeroconv.images import read_image
from zeroconv.request import Request
from zeroconv.request.control import ControlRequest
from zeroconv.request.record import from_json, to_json


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


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_second_order_sampler_asks_more_often(base: BaseModel) -> None:
    assert prepare(base, Request("", steps=3, scheduler="heun")).num_steps == 5


def test_nothing_is_left_open(base: BaseModel, canny: Path, photo: Path) -> None:
    request = prepare(base, asked(photo, canny)).request
    assert (request.size, request.scheduler, request.guidance) == ((64, 64), "ddim", 7.5)
    assert dict(request.controls[0].options) == {"low": 100, "high": 200}


def test_the_size_follows_the_input_and_is_said(base: BaseModel, canny: Path, tmp_path: Path) -> None:
    prepared = prepare(base, asked(write_photo(tmp_path / "wide.png", (300, 150)), canny))
    assert prepared.size == (128, 64)
    assert "size 128x64: the input's shape (300x150)" in prepared.notes[0]
    assert prepared.controls[0].condition.size == prepared.controls[0].picture.size == (128, 64)


def test_the_native_size_without_input(base: BaseModel) -> None:
    prepared = prepare(base, Request("a"))
    assert prepared.size == (64, 64)
    assert "native size" in prepared.notes[0]


def test_an_odd_size_is_rounded_and_said(base: BaseModel) -> None:
    with pytest.warns(UserWarning, match="size 100x65 was rounded to 128x64: this base needs multiples of 64"):
        prepared = prepare(base, Request("a", size=(100, 65)))
    assert prepared.size == (128, 64)


def test_padding_adds_no_edge_of_its_own(base: BaseModel, canny: Path, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "wide.png", (128, 64))
    control = prepare(base, asked(photo, canny, size=(128, 128), fit="pad")).controls[0]
    alone = prepare(base, asked(photo, canny, size=(128, 64))).controls[0]
    rows = np.asarray(control.condition)
    assert not rows[:32].any() and not rows[96:].any()
    assert np.array_equal(rows[32:96], np.asarray(alone.condition))


def test_a_ready_condition_is_left_as_it_is(base: BaseModel, canny: Path, tmp_path: Path) -> None:
    drawing = write_drawing(tmp_path / "drawing.png")
    control = prepare(base, asked(drawing, canny, ready=True)).controls[0]
    assert largest_difference(control.condition, read_image(drawing)) == 0


@pytest.mark.parametrize(("colour", "doubt"), [("white", "empty"), ("black", "empty")])
def test_an_empty_ready_condition_warns(base: BaseModel, canny: Path, colour: str, doubt: str) -> None:
    with pytest.warns(UserWarning, match=doubt):
        prepare(base, asked(Image.new("RGB", (64, 64), colour), canny, ready=True))


def test_an_inverted_ready_drawing_warns(base: BaseModel, canny: Path, tmp_path: Path) -> None:
    drawing = read_image(write_drawing(tmp_path / "drawing.png"))
    with pytest.warns(UserWarning, match="inverted"):
        prepare(base, asked(drawing.point(lambda value: 255 - value), canny, ready=True))


def test_a_photo_without_edges_warns(base: BaseModel, canny: Path) -> None:
    with pytest.warns(UserWarning, match="canny image is empty"):
        prepare(base, asked(Image.new("RGB", (64, 64), "grey"), canny))


def test_options_default_to_those_of_training(base: BaseModel, photo: Path, tmp_path: Path) -> None:
    trained = write_controlnet(base, tmp_path / "net", low=30, high=60)
    assert dict(prepare(base, asked(photo, trained)).request.controls[0].options) == {"low": 30, "high": 60}
    own = prepare(base, asked(photo, trained, options={"low": 50})).request.controls[0].options
    assert dict(own) == {"low": 50, "high": 60}


def test_a_controlnet_of_another_condition_warns(base: BaseModel, photo: Path, tmp_path: Path) -> None:
    depth = write_controlnet(base, tmp_path / "net", condition="depth")
    with pytest.warns(UserWarning, match="was trained on depth, but gets canny images"):
        prepare(base, asked(photo, depth))


def test_a_controlnet_in_memory(base: BaseModel, photo: Path) -> None:
    controlnet = small_controlnet(base.unet)
    prepared = prepare(base, asked(photo, controlnet))  # type: ignore[arg-type]
    assert prepared.controls[0].controlnet is controlnet


def test_no_builtin_controlnet_says_which_there_are(
    base: BaseModel, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"no ControlNet for canny is built in .*none for this base.*checkpoint="):
        prepare(base, Request("", (ControlRequest("canny", photo),)))
    monkeypatch.setattr(weights, "BUILT_IN", {f"{base.family}-depth": Path()})
    with pytest.raises(UserError, match="for this base there is: depth"):
        default_checkpoint(base, "canny")
    assert default_checkpoint(base, "depth") == f"{base.family}-depth"


def test_a_controlnet_of_another_base_names_both(
    base: BaseModel, sdxl_folder: Path, photo: Path, tmp_path: Path
) -> None:
    other = write_controlnet(load_base(sdxl_folder), tmp_path / "net")
    with pytest.raises(UserError):
        prepare(base, asked(photo, other))


def test_too_many_steps(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(base), "num_train_timesteps", 10)
    with pytest.raises(UserError, match="steps must be at most the base's 10, not 11"):
        prepare(base, Request("", steps=11))


def test_a_negative_prompt_without_guidance_warns(base: BaseModel) -> None:
    with pytest.warns(UserWarning, match="negative prompt has no effect"):
        prepare(base, Request("a", negative="b", guidance=1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(base, Request("a", negative="b", guidance=1.5))
