"""Controls as they are typed: NAME=IMAGE,key=value."""

from dataclasses import fields
from pathlib import Path

import pytest

from zeroconv.cli.control_text import control_keys, parse_control
from zeroconv.errors import UserError
from zeroconv.request.control import ControlRequest


@pytest.mark.parametrize(
    ("text", "image", "strength"),
    [
        ("canny=a.png", "a.png", 1.0),
        ("canny=a=b.png,strength=0.5", "a=b.png", 0.5),
        ("canny=a, b.png,strength=2", "a, b.png", 2.0),
        ("Canny=C:\\photos\\a.png,STRENGTH=0.25", "C:\\photos\\a.png", 0.25),
    ],
)
def test_parsing_controls(text: str, image: str, strength: float) -> None:
    control = parse_control(text)
    assert (control.name, control.image, control.strength) == ("canny", image, strength)


def test_a_file_whose_name_looks_like_keys(tmp_path: Path) -> None:
    odd = tmp_path / "a,strength=3.png"
    odd.write_bytes(b"")
    assert parse_control(f"canny={odd}").image == str(odd)


def test_all_keys_of_a_control() -> None:
    control = parse_control("softedge=a.png,ready=yes,strength=0.5,start=0.1,end=0.9,checkpoint=some/folder")
    assert (control.name, control.ready, control.start, control.end) == ("hed", True, 0.1, 0.9)
    assert control.checkpoint == "some/folder"
    with pytest.raises(UserError, match="no key 'low'"):
        parse_control("depth=a.png,low=3")


def test_keys_of_when_where_and_how_deep() -> None:
    text = "canny=a.png,strength=0/0.5,window=noise,schedule=1/0.5/0,weights=released,conditional-only=yes"
    control = parse_control(text + ",mask=m.png,feather=8")
    assert (control.strength, control.window, control.schedule) == ((0.0, 0.5), "noise", (1.0, 0.5, 0.0))
    assert (control.weights, control.conditional_only, control.mask, control.feather) == ("soft", True, "m.png", 8.0)
    assert parse_control("canny=a.png,weights=0/1").weights == (0.0, 1.0)


def test_guess_mode_is_both_of_its_switches() -> None:
    control = parse_control("canny=a.png,guess=yes")
    assert (control.weights, control.conditional_only) == ("logspace", True)
    assert parse_control("canny=a.png,guess=no").weights == "flat"
    with pytest.raises(UserError, match="guess=yes sets weights itself"):
        parse_control("canny=a.png,guess=yes,weights=soft")


def test_the_help_names_every_key() -> None:
    for field in fields(ControlRequest):
        assert field.name in ("name", "image", "options") or f"  {field.name} " in control_keys()
    assert "guess=yes stands for weights=logspace" in control_keys()
    assert max(map(len, control_keys().splitlines())) <= 100
