"""The sheet shows every picture once, labelled, in rows."""

import numpy as np
from PIL import Image

from zeroconv.sheet import sheet


def shown(colour: str, size: tuple[int, int] = (256, 200)) -> tuple[str, Image.Image]:
    return colour, Image.new("RGB", size, colour)


def test_pictures_stand_side_by_side_in_order() -> None:
    made = sheet([shown("red"), shown("lime"), shown("blue")])
    middle = np.asarray(made)[made.height // 2]
    order = [tuple(middle[256 // 2 + position * (256 + 8)].tolist()) for position in range(3)]
    assert order == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_every_picture_has_the_size_of_the_last() -> None:
    made = sheet([shown("red", (999, 40)), shown("blue", (256, 200))])
    assert made.width == 2 * (256 + 8) + 8


def test_long_rows_wrap() -> None:
    one, many = sheet([shown("red")] * 4, columns=4), sheet([shown("red")] * 9, columns=4)
    assert (many.width, many.height - 8) == (one.width, 3 * (one.height - 8))


def test_small_pictures_are_enlarged_and_labelled() -> None:
    made = np.asarray(sheet([("a label", Image.new("RGB", (64, 64), "white"))]))
    assert min(made.shape[:2]) > 192
    assert (made[:28] < 128).any(), "the label is written"


def test_a_label_wider_than_its_picture_stays_above_it() -> None:
    label = "x" * 500
    made = np.asarray(sheet([(label, Image.new("RGB", (192, 192), "white"))]))
    assert not (made[:, -8:] < 128).any()
