"""Controls as they are typed: NAME=IMAGE,key=value."""

from pathlib import Path

import pytest

from zeroconv.cli.control_text import parse_control
from zeroconv.errors import UserError


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
