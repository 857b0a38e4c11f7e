"""Slopes, their direction and evenness on pictures where they are known."""

import numpy as np
import pytest

from zeroconv.conditions.structure_tensor import blurred, shifted, structure_tensor


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_a_ramp_has_one_slope_and_its_direction(degrees: int) -> None:
    angle = np.deg2rad(degrees)
    y, x = np.indices((41, 43))
    ramp = (3 * (x * np.cos(angle) + y * np.sin(angle))).astype(np.float32)
    tensor = structure_tensor(ramp[..., None], 1.0, 2.0)
    middle = (slice(12, -12), slice(12, -12))
    assert np.allclose(tensor.strongest[middle], 3, atol=1e-3)
    assert tensor.weakest[middle].max() < 0.05
    along = tensor.normal[middle] @ np.array([np.cos(angle), np.sin(angle)])
    assert np.abs(along).min() > 0.999


def test_channels_add_up_and_texture_is_even() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (60, 60, 1)).astype(np.float32)
    one, three = (structure_tensor(np.repeat(noise, number, 2), 1.0, 6.0) for number in (1, 3))
    assert np.allclose(three.strongest, one.strongest * 3**0.5, rtol=1e-3)
    assert np.median(one.weakest / one.strongest) > 0.7


def test_shifted_reads_along_the_direction() -> None:
    values = np.arange(20, dtype=np.float32)[None].repeat(5, 0)
    right = np.zeros((5, 20, 2), np.float32)
    right[..., 0] = 1
    assert np.allclose(shifted(values, right, 2.5)[:, :17], values[:, :17] + 2.5)
    assert np.all(shifted(values, right, 30) == 19)


def test_blur_below_half_a_pixel_changes_nothing() -> None:
    image = np.eye(9, dtype=np.float32)
    assert blurred(image, 0.4) is image
    assert blurred(image, 1.0).max() < 0.6
