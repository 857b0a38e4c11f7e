"""Normals: known slopes give known directions, in the channel order of ControlNet 1.1 and of 1.0."""

from pathlib import Path

import numpy as np
import pytest

from zeroconv.conditions import Depth, Normal
from zeroconv.conditions.normal import Z, normals
from zeroconv.errors import UserError

FRONT = [128, 128, 255]


def slope(axis: int, size: int = 33) -> np.ndarray:
    """A nearness (size, size) that rises from 0 to 1 along an axis."""
    rise = np.linspace(0, 1, size, dtype=np.float32)
    return np.broadcast_to(rise[None, :] if axis == 1 else rise[:, None], (size, size)).copy()


@pytest.mark.parametrize(("axis", "component"), [(1, 0), (0, 1)])
@pytest.mark.parametrize("relief", [0.5, 2.0])
def test_a_plane_has_the_direction_of_its_slope(axis: int, component: int, relief: float) -> None:
    found = normals(slope(axis), 0.0, relief)[1:-1, 1:-1]
    expected = 8 * relief * 33 / 32 / Z  # Sobel's sum is eight times the rise of a pixel
    assert np.allclose(found[..., component] / found[..., 2], expected, rtol=1e-4)
    assert np.allclose(found[..., 1 - component], 0, atol=1e-6)
    assert np.allclose(np.linalg.norm(found, axis=2), 1, atol=1e-6)


def test_a_ball_is_red_on_its_left_green_on_top_and_blue_in_front() -> None:
    y, x = np.mgrid[-1:1:65j, -1:1:65j]
    height = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    made = Normal(method="algorithm", relief=0.5)(np.repeat((255 * height).astype(np.uint8)[..., None], 3, axis=2))
    left, right, top, bottom = made[32, 8], made[32, 56], made[8, 32], made[56, 32]
    assert left[0] > 180 and right[0] < 76 and top[1] > 180 and bottom[1] < 76
    assert abs(int(left[1]) - 128) < 8 and abs(int(top[0]) - 128) < 8
    assert made[32, 32, 2] > 250


def test_directions_do_not_depend_on_the_pictures_size() -> None:
    small, large = (normals(slope(1, size), 0.0, 1.0)[size // 2, size // 2] for size in (65, 257))
    assert np.allclose(small, large, atol=0.01)


def test_what_is_far_faces_the_viewer() -> None:
    grey = np.repeat((slope(1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    made = Normal(method="algorithm", bg_threshold=0.5)(grey)
    assert (made[:, :16] == FRONT).all()
    assert (made[:, 18:-1, 0] > 150).all()


def test_the_order_of_1_0_is_reversed() -> None:
    grey = np.repeat((slope(0) * 255).astype(np.uint8)[..., None], 3, axis=2)
    new, old = (Normal(method="algorithm", channels=channels)(grey) for channels in ("RGB", "BGR"))
    assert np.array_equal(old, new[:, :, ::-1])
    assert not np.array_equal(old, new)


def test_a_network_gives_the_normals_of_its_depth(tiny_networks: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    weights = str(tiny_networks / "depth")
    made = Normal(weights=weights)(image).astype(int)
    through_8_bits = Normal(method="algorithm")(Depth(weights=weights)(image)).astype(int)
    assert np.abs(made - through_8_bits).mean() < 4
    assert made.std() > 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"bg_threshold": 1.5}, "bg_threshold must be 0 to 1"), ({"relief": 0.0}, "relief must be more than 0")],
)
def test_impossible_options(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Normal(**options)  # type: ignore[arg-type]
