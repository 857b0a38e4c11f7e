"""Grey: the three meanings of brightness on colours whose values are known."""

from typing import Literal

import numpy as np
import pytest

from zeroconv.conditions import Grey
from zeroconv.errors import UserError

COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [40, 90, 20]]], np.uint8)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("luma", [76, 150, 29, 255, 0, 67]),
        ("luminance", [136, 224, 82, 255, 0, 86]),  # L* 53.2, 87.7, 32.3, 100, 0, 33.6 of 100
        ("intensity", [255, 255, 255, 255, 0, 90]),
    ],
)
def test_known_colours(value: Literal["luma", "luminance", "intensity"], expected: list[int]) -> None:
    made = Grey(value)(COLOURS)
    assert made[0, :, 0].tolist() == pytest.approx(expected, abs=1)
    assert (made == made[:, :, :1]).all()


def test_gamma_bends_the_middle_and_keeps_the_ends() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 256, 1), 3, axis=2)
    brighter, darker = (Grey("luma", gamma)(ramp)[0, :, 0].astype(int) for gamma in (0.5, 2.0))
    assert brighter[64] == 128 and darker[128] == 64
    assert [brighter[0], brighter[255], darker[0], darker[255]] == [0, 255, 0, 255]


@pytest.mark.parametrize("gamma", [0.0, 11.0])
def test_impossible_gamma(gamma: float) -> None:
    with pytest.raises(UserError, match=r"gamma must be 0.1 to 10"):
        Grey(gamma=gamma)
