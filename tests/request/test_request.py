"""A request is checked when it is written down, and sizes are what the U-Net needs."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.request.control import ControlRequest
from zeroconv.request.request import Request, default_size, rounded


def test_defaults() -> None:
    request = Request("a house")
    assert (request.steps, request.seeds, request.guidance, request.size, request.fit) == (20, (0,), None, None, "crop")
    control = ControlRequest("canny", "photo.jpg")
    assert (control.strength, control.start, control.end, control.ready) == (1.0, 0.0, 1.0, False)


def test_lists_become_tuples_and_aliases_names() -> None:
    request = Request("", controls=[ControlRequest("openpose", "a.png", ready=True)], seeds=range(3, 5), size=[64, 32])
    assert (request.controls[0].name, request.seeds, request.size) == ("pose", (3, 4), (64, 32))


def test_records_are_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        Request("a").steps = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        ControlRequest("canny", "a.png").options["low"] = 3  # type: ignore[index]


def test_options_are_kept_in_their_type() -> None:
    assert dict(ControlRequest("canny", "a.png", options={"low": "50"}).options) == {"low": 50}


def test_strengths_are_one_a_picture() -> None:
    control = ControlRequest("canny", "a.png", "0/0.5/1")
    assert control.strength == (0.0, 0.5, 1.0)
    assert Request("", (control,), seeds=(1, 2, 3)).controls[0].strengths(3) == (0.0, 0.5, 1.0)
    with pytest.raises(UserError, match="canny has 3 strengths for 2 pictures"):
        Request("", (control,), seeds=(1, 2))


@pytest.mark.parametrize("image", ["a.png", Path("a.png"), Image.new("RGB", (1, 1))])
def test_an_image_is_a_path_or_a_picture(image: str | Path | Image.Image) -> None:
    assert ControlRequest("canny", image).image == image


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "cany"}, "did you mean 'canny'"),
        ({"image": ""}, "needs a picture"),
        ({"image": None}, "needs a picture"),
        ({"strength": "strong"}, "strength of canny must be a number, not 'strong'"),
        ({"strength": float("nan")}, "strength of canny must be a number"),
        ({"strength": True}, "strength of canny must be a number, not True"),
        ({"start": 0.6, "end": 0.5}, "expected 0 <= start <= end <= 1, got start 0.6 and end 0.5"),
        ({"start": -0.1}, "expected 0 <= start"),
        ({"end": 1.5}, "expected 0 <= start"),
        ({"options": {"low": 300}}, "0 <= low <= high"),
        ({"options": {"lo": 3}}, "did you mean 'low'"),
        ({"ready": True, "options": {"low": 3}}, "low has no effect on an image that is ready"),
        ({"ready": "yes"}, "ready of canny must be yes or no"),
        ({"strength": ()}, "strength of canny must be numbers, as 0/0.5/1"),
        ({"strength": (1, "x")}, "each number of strength of canny must be a number, not 'x'"),
        ({"window": "sigma"}, "unknown window 'sigma'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"weights": "sofd"}, "did you mean 'soft'"),
        ({"conditional_only": 1}, "conditional_only of canny must be yes or no"),
        ({"mask": 3}, "mask of canny must be a picture, not 3"),
        ({"mask": "m.png", "feather": -1}, "feather of canny must be 0 or more, not -1"),
        ({"feather": 3}, "feather has no effect without a mask"),
    ],
)
def test_wrong_controls(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ControlRequest(**{"name": "canny", "image": "a.png", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": None}, "prompt must be text"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"guidance": -1}, "guidance must be 0 or more"),
        ({"paste": "no"}, "paste must be yes or no, not 'no'"),
        ({"paste": False}, "paste has no effect without a mask"),
        ({"feather": 2}, "feather has no effect without a mask"),
        ({"image": "a.png", "mask": "m.png", "feather": -1}, "feather must be 0 or more, not -1"),
        ({"guidance": "x"}, "guidance must be a number"),
        ({"guidance": float("inf")}, "guidance must be a number"),
        ({"seeds": ()}, "seeds must be a list of at least one"),
        ({"seeds": 3}, "seeds must be a list"),
        ({"seeds": [-1]}, "a seed must be a whole number from 0"),
        ({"seeds": [2**63]}, "a seed must be a whole number"),
        ({"size": (0, 64)}, "width must be a whole number from 1 to 8192, not 0"),
        ({"size": (64, 10**6)}, "height must be a whole number from 1 to 8192"),
        ({"size": 64}, "size must be a width and a height"),
        ({"fit": "corp"}, "did you mean 'crop'"),
    ],
)
def test_wrong_requests(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Request(**{"prompt": "a", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((512, 600), (128, 160)),
        ((600, 512), (160, 128)),
        ((128, 128), (128, 128)),
        ((7, 7), (128, 128)),
        ((4000, 3000), (160, 128)),
        ((1, 1000), (128, 512)),
        ((100_000, 10), (512, 128)),
    ],
)
def test_default_size(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert default_size(shape, native=128, multiple=32) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [((1, 1), (64, 64)), ((95, 97), (64, 128)), ((96, 96), (128, 128)), ((640, 384), (640, 384))]
)
def test_rounded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert rounded(size, 64) == expected
