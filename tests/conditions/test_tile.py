"""Tile: means of squares, enlarged onto the same place."""

import cv2
import numpy as np
import pytest

from zeroconv.conditions import Tile
from zeroconv.errors import UserError


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_factor_of_one_changes_nothing() -> None:
    image = noise(20, 30)
    assert np.array_equal(Tile(1)(image), image)


def test_detail_goes_and_means_stay() -> None:
    image = noise(64, 96)
    made = Tile(8)(image)
    assert made.std() < image.std() / 4
    means = cv2.resize(image, (12, 8), interpolation=cv2.INTER_AREA).astype(int)
    again = cv2.resize(made, (12, 8), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(again - means).mean() < 3


@pytest.mark.parametrize("factor", [2, 4, 8, 6.5])
def test_nothing_moves(factor: float) -> None:
    y, x = np.mgrid[:129, :97]
    spot = np.exp(-((x - 40) ** 2 + (y - 70) ** 2) / 200)
    made = Tile(factor)(np.repeat((255 * spot).astype(np.uint8)[..., None], 3, axis=2))[..., 0].astype(float)
    centre = [(made * places).sum() / made.sum() for places in (x, y)]
    assert centre == pytest.approx([40, 70], abs=0.25)


@pytest.mark.parametrize("factor", [0.5, 65])
def test_impossible_factors(factor: float) -> None:
    with pytest.raises(UserError, match="factor must be 1 to 64"):
        Tile(factor)
