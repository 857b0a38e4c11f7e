"""Contact sheets: every picture in its place, untouched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.evaluation.sheet import GAP, LINE_HEIGHT, Tile, contact_sheet, save_sheet


def test_pictures_stand_in_reading_order_and_are_not_resampled() -> None:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, size=(5, 20, 30, 3), dtype=np.uint8)
    tiles = [Tile(picture, "some words that are far too long for a picture of thirty pixels") for picture in pictures]
    sheet = np.asarray(contact_sheet(tiles, columns=3, lines=2))
    assert sheet.shape == (2 * (20 + 2 * LINE_HEIGHT + GAP) + GAP, 3 * (30 + GAP) + GAP, 3)
    for number, picture in enumerate(pictures):
        y = GAP + number // 3 * (20 + 2 * LINE_HEIGHT + GAP)
        x = GAP + number % 3 * (30 + GAP)
        assert (sheet[y : y + 20, x : x + 30] == picture).all()
        assert sheet[y + 20 : y + 20 + LINE_HEIGHT, x : x + 30].min() < 200  # something is written beneath


@pytest.mark.parametrize(("name", "format"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.png", "PNG")])
def test_a_sheet_is_what_its_name_says(tmp_path: Path, name: str, format: str) -> None:
    save_sheet(Image.new("RGB", (8, 8)), tmp_path / name)
    with Image.open(tmp_path / name) as saved:
        assert saved.format == format
