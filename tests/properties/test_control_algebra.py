"""Property 6: addition commutes, strength 0 is no control, residuals are linear in strength, masks are exact."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zeroconv.control import Control

SHAPES = ((4, 8, 8), (4, 8, 8), (6, 4, 4), (6, 4, 4))
WEIGHTS = st.floats(-2, 2, width=32)
SEEDS = st.integers(0, 2**31)


def random_control(seed: int, batch: int = 3) -> Control:
    generator = torch.Generator().manual_seed(seed)
    return Control(tuple(torch.randn(batch, *shape, generator=generator) for shape in SHAPES))


def assert_same(one: Control, other: Control, tolerance: float = 0.0) -> None:
    for mine, theirs in zip(one.residuals, other.residuals, strict=True):
        torch.testing.assert_close(mine, theirs, atol=tolerance, rtol=tolerance)


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS)
def test_addition_commutes(first: int, second: int) -> None:
    a, b = random_control(first), random_control(second)
    assert_same(a + b, b + a)
    assert torch.equal((a + b).middle, a.middle + b.middle)


@settings(max_examples=20, deadline=None)
@given(SEEDS, WEIGHTS, WEIGHTS)
def test_residuals_are_linear_in_strength(seed: int, first: float, second: float) -> None:
    control = random_control(seed)
    assert_same(control.scaled(first) + control.scaled(second), control.scaled(first + second), 1e-5)
    assert_same(control.scaled(first).scaled(second), control.scaled(first * second), 1e-5)


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS, WEIGHTS)
def test_scaling_and_pooling_go_through_sums(first: int, second: int, weight: float) -> None:
    a, b = random_control(first), random_control(second)
    assert_same((a + b).scaled(weight), a.scaled(weight) + b.scaled(weight), 1e-5)
    assert_same((a + b).pooled(), a.pooled() + b.pooled(), 1e-5)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.lists(WEIGHTS, min_size=12, max_size=12))
def test_every_form_of_weights_is_a_case_of_one_per_picture_and_residual(seed: int, numbers: list[float]) -> None:
    control, table = random_control(seed), torch.tensor(numbers).reshape(3, 4)
    full = control.scaled(table)
    for row in range(3):
        for column in range(4):
            expected = control.residuals[column][row] * table[row, column]
            assert torch.equal(full.residuals[column][row], expected)
    assert_same(control.scaled(table[0].tolist()), control.scaled(table[:1].expand(3, 4)))
    assert_same(control.scaled(table[:, 0]), control.scaled(table[:, :1].expand(3, 4)))
    assert_same(control.scaled(numbers[0]), control.scaled(torch.tensor(numbers[0])))


def test_strength_one_changes_nothing_and_strength_zero_leaves_nothing() -> None:
    control = random_control(0)
    assert_same(control.scaled(1.0), control)
    assert not any(residual.any() for residual in control.scaled(0.0).residuals)


def test_operations_return_new_values() -> None:
    control = random_control(1)
    before = [residual.clone() for residual in control.residuals]
    control.scaled(2.0), control + control, control.pooled(), control.masked(torch.zeros(1, 1, 8, 8))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(control.residuals, before, strict=True))
    with pytest.raises(AttributeError):
        control.residuals = ()  # type: ignore[misc]


@pytest.mark.parametrize("size", [8, 64])
def test_a_mask_divides_the_picture_whatever_its_size(size: int) -> None:
    control = random_control(2)
    left = torch.zeros(1, 1, size, size)
    left[..., : size // 2] = 1
    masked, rest = control.masked(left), control.masked(1 - left)
    assert_same(masked + rest, control)
    for residual, whole in zip(masked.residuals, control.residuals, strict=True):
        half = whole.shape[-1] // 2
        assert torch.equal(residual[..., :half], whole[..., :half]) and not residual[..., half:].any()


def test_masks_of_a_batch_are_its_own() -> None:
    control = random_control(3)
    masks = torch.tensor([1.0, 0.0, 0.5])[:, None, None, None].expand(3, 1, 16, 16)
    assert_same(control.masked(masks), control.scaled(torch.tensor([1.0, 0.0, 0.5])))


def test_a_mask_holds_for_pooled_control_too() -> None:
    pooled = random_control(4).pooled()
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    for residual, whole in zip(pooled.masked(left).residuals, pooled.residuals, strict=True):
        half = whole.shape[-1] // 2
        assert torch.equal(residual[..., :half], whole[..., :half]) and not residual[..., half:].any()


def test_pooled_residuals_are_their_means() -> None:
    residual: Tensor
    for residual, pooled in zip(random_control(5).residuals, random_control(5).pooled().residuals, strict=True):
        assert pooled.shape == residual.shape
        torch.testing.assert_close(pooled[:, :, 0, 0], residual.flatten(2).mean(2))
        assert torch.equal(pooled, pooled.flip(2).flip(3))
