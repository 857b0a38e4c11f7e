"""Inpaint: what the network gets is the picture in [0, 1] and -1 in the hole, whatever brings the mask."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.conditions import Inpaint
from zeroconv.conditions.inpaint import random_hole
from zeroconv.errors import UserError
from zeroconv.generate import network_input
from zeroconv.weights import Sidecar


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def half_mask(tmp_path: Path, size: tuple[int, int] = (60, 40)) -> str:
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[:, : size[0] // 2] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return str(tmp_path / "mask.png")


def test_what_the_network_gets(tmp_path: Path) -> None:
    image = photo()
    made = Image.fromarray(Inpaint(mask=half_mask(tmp_path))(image))
    seen = network_input("inpaint", made, 3, Sidecar())[0].permute(1, 2, 0).numpy()
    assert (seen[:, :30] == -1).all()
    assert np.abs(seen[:, 30:] - image[:, 30:] / 255).max() < 0.006  # seven of eight bits
    assert seen[:, 30:].min() > 0


def test_black_in_the_picture_is_no_hole(tmp_path: Path) -> None:
    made = Inpaint(mask=half_mask(tmp_path))(np.zeros((40, 60, 3), np.uint8))
    assert (made[:, :30] == 0).all() and (made[:, 30:] == 128).all()


def test_a_mask_of_another_size_and_the_same_shape(tmp_path: Path) -> None:
    made = Inpaint(mask=half_mask(tmp_path, (120, 80)))(photo())
    assert (made[:, :30] == 0).all() and (made[:, 30:] >= 128).all()


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is 60x60, but the picture 60x40: another shape"):
        Inpaint(mask=half_mask(tmp_path, (60, 60)))(photo())


def test_transparent_pixels_are_the_hole() -> None:
    image = np.concatenate([photo(), np.full((40, 60, 1), 255, np.uint8)], axis=2)
    image[5:15, 20:40, 3] = 0
    made = Inpaint()(image)
    hole = (made == 0).all(axis=2)
    assert hole[5:15, 20:40].all() and hole.sum() == 200


def test_random_holes_follow_seed_and_picture() -> None:
    image = photo(64, 64)
    holes = [Inpaint(seed=seed)(image) == 0 for seed in (0, 0, 1)]
    assert np.array_equal(holes[0], holes[1]) and not np.array_equal(holes[0], holes[2])
    assert not np.array_equal(Inpaint()(image[::-1]) == 0, holes[0])


def test_random_holes_leave_something_and_take_something() -> None:
    shares = [random_hole((48, 72), np.random.default_rng(seed)).mean() for seed in range(200)]
    assert min(shares) > 0 and max(shares) < 1
    assert 0.15 < np.mean(shares) < 0.5


def test_wrong_options(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mask is empty"):
        Inpaint(mask="")
    with pytest.raises(UserError, match="seed must be 0 or more"):
        Inpaint(seed=-1)
    with pytest.raises(UserError, match="no file"):
        Inpaint(mask=str(tmp_path / "none.png"))(photo())
