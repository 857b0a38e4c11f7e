"""Canny is OpenCV's on the colour picture at its own size, white on black."""

import cv2
import numpy as np
import pytest

from zeroconv.conditions import Canny
from zeroconv.errors import UserError


def blurred_noise() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def test_equals_opencv_on_the_colour_picture() -> None:
    image = blurred_noise()
    made = Canny(low=20, high=40)(image)
    assert np.array_equal(made[:, :, 0], cv2.Canny(image, 20, 40))
    assert np.array_equal(made[:, :, 0], made[:, :, 1]) and np.array_equal(made[:, :, 0], made[:, :, 2])
    assert 0.01 < (made > 0).mean() < 0.9


def test_colour_edges_that_grey_does_not_have_are_found() -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[:, :16] = (255, 0, 0)
    image[:, 16:] = (0, 130, 0)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert not cv2.Canny(grey, 100, 200).any()
    assert Canny()(image)[:, 14:18].any()


def test_white_on_black_around_a_square() -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[8:24, 8:24] = 255
    edges = Canny()(image)[:, :, 0]
    assert set(np.unique(edges)) == {0, 255}
    assert edges[16, 16] == 0 and edges[0, 0] == 0
    assert edges[16, 7:9].any() and edges[7:9, 16].any()


def test_thresholds_order_the_edges() -> None:
    image = blurred_noise()
    counts = [int((Canny(low, high)(image) > 0).sum()) for low, high in ((10, 20), (20, 40), (40, 80))]
    assert counts[0] > counts[1] > counts[2]


def test_opencv_keeps_its_threads() -> None:
    before = cv2.getNumThreads()
    Canny()(blurred_noise())
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize(("low", "high"), [(-1, 10), (200, 100)])
def test_impossible_thresholds(low: int, high: int) -> None:
    with pytest.raises(UserError, match="expected 0 <= low <= high"):
        Canny(low, high)
