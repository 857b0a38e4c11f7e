"""The sheet of pictures along the way, made of the single sheets of a folder."""

from pathlib import Path

import pytest
from PIL import Image

from zeroconv.training.previews import COLUMNS, growing_sheet

SIDE = 16


@pytest.fixture
def singles(tmp_path: Path) -> Path:
    """Sheets of two examples at twenty steps, those of each step in a grey of its own."""
    for step in range(10, 210, 10):
        Image.new("RGB", (4 * SIDE, 2 * SIDE), (step,) * 3).save(tmp_path / f"{step:08d}.png")
    return tmp_path


def greys(sheet: Image.Image | None) -> set[int]:
    """The steps whose pictures are shown."""
    assert sheet is not None
    colours = {colour for count, colour in sheet.getcolors(1 << 20) or () if count >= SIDE * SIDE}  # not those of text
    return {step for step in range(10, 210, 10) if (step,) * 3 in colours}


def test_of_many_steps_some_are_shown_the_first_and_the_last_among_them(singles: Path) -> None:
    shown = greys(growing_sheet(singles, until=1000))
    assert len(shown) == COLUMNS
    assert {10, 200} <= shown
    assert greys(growing_sheet(singles, until=30)) == {10, 20, 30}


def test_only_the_named_steps_are_shown(singles: Path) -> None:
    assert greys(growing_sheet(singles, until=150, only=(20, 30, 150, 180))) == {20, 30, 150}
    assert growing_sheet(singles, until=150, only=(25,)) is None
