"""Content shuffle: the same colours elsewhere, the same for the same seed and another for every other."""

import cv2
import numpy as np
import pytest

from zeroconv.conditions import Shuffle
from zeroconv.errors import UserError


def photo(height: int = 120, width: int = 90) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX)


def test_content_moves_far() -> None:
    image = photo()
    made = Shuffle()(image)
    assert np.abs(made.astype(int) - image).mean() > 20
    assert abs(np.corrcoef(made[..., 0].ravel(), image[..., 0].ravel())[0, 1]) < 0.5


def test_no_colour_is_new() -> None:
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, :32], halves[:, 32:] = (250, 20, 10), (10, 40, 240)
    made = Shuffle()(halves).reshape(-1, 3).astype(int)
    whole = (made == (250, 20, 10)).all(1) | (made == (10, 40, 240)).all(1)
    assert whole.mean() > 0.8  # the others lie on the seam
    assert (made[:, 0] + made[:, 2] <= 262).all() and (made[:, 1] >= 20).all() and (made[:, 1] <= 40).all()
    assert 0.1 < (made[:, 0] == 250).mean() < 0.9


def test_the_field_reaches_the_whole_picture() -> None:
    ramp = np.repeat(np.broadcast_to(np.arange(256, dtype=np.uint8), (256, 256))[..., None], 3, axis=2)
    made = Shuffle()(ramp)
    assert made.min() <= 1 and made.max() >= 254


def test_seed_and_picture_decide() -> None:
    image = photo()
    assert np.array_equal(Shuffle(3)(image), Shuffle(3)(image.copy()))
    assert not np.array_equal(Shuffle(3)(image), Shuffle(4)(image))
    mirrored = Shuffle(3)(image[:, ::-1])
    assert not np.array_equal(mirrored[:, ::-1], Shuffle(3)(image))  # not one field for all pictures


def test_a_finer_grain_makes_smaller_pieces() -> None:
    image = photo(256, 256)
    coarse, fine = (cv2.Laplacian(Shuffle(grain=grain)(image), cv2.CV_32F) for grain in (1.0, 0.1))
    assert np.abs(fine).mean() > 2 * np.abs(coarse).mean()


@pytest.mark.parametrize("options", [{"seed": -1}, {"grain": 0.0}, {"grain": 9.0}])
def test_impossible_options(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"shuffle: (seed|grain) must be"):
        Shuffle(**options)  # type: ignore[arg-type]
