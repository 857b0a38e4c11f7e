"""Blur: a Gaussian of the width that was asked for, in proportion to the picture."""

import cv2
import numpy as np
import pytest

from zeroconv.conditions import Blur
from zeroconv.errors import UserError


def test_an_edge_gets_the_width_of_sigma() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, 256:] = 255
    profile = Blur(20)(image)[100, :, 0].astype(float)
    slope = np.diff(profile)
    places = np.arange(511) + 0.5
    centre = (places * slope).sum() / slope.sum()
    width = np.sqrt(((places - centre) ** 2 * slope).sum() / slope.sum())
    assert centre == pytest.approx(255.5, abs=0.1)
    assert width == pytest.approx(20, rel=0.05)


def test_a_picture_half_as_large_is_blurred_half_as_far() -> None:
    large = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8), (0, 0), 8)
    small = cv2.resize(large, (256, 256), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(Blur(16)(large), (256, 256), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(Blur(16)(small).astype(int) - expected).max() <= 4


@pytest.mark.parametrize("sigma", [0, -1, 500])
def test_impossible_widths(sigma: float) -> None:
    with pytest.raises(UserError, match="sigma must be more than 0"):
        Blur(sigma)
