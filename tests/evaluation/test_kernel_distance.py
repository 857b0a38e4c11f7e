"""The kernel distance against its definition, and its interval against simulated truth."""

import numpy as np
import pytest

from zeroconv.evaluation.quality.kernel import estimate_kernel

RANDOM = np.random.default_rng(0)


def polynomial(x: np.ndarray, y: np.ndarray) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def test_it_is_the_unbiased_estimate_of_the_definition() -> None:
    first, second = RANDOM.normal(size=(9, 4)), RANDOM.normal(size=(7, 4)) + 0.5
    within = [
        np.mean([polynomial(x, y) for i, x in enumerate(some) for j, y in enumerate(some) if i != j])
        for some in (first, second)
    ]
    between = np.mean([polynomial(x, y) for x in first for y in second])
    assert estimate_kernel(first, second).mean == pytest.approx(sum(within) - 2 * between, rel=1e-12)


def test_more_pictures_than_are_held_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = RANDOM.normal(size=(40, 3)), RANDOM.normal(size=(30, 3)) + 0.3
    whole = estimate_kernel(first, second)
    monkeypatch.setattr("zeroconv.evaluation.quality.kernel.ROWS", 7)
    assert estimate_kernel(first, second).mean == pytest.approx(whole.mean, rel=1e-12)
    assert estimate_kernel(first, second).low == pytest.approx(whole.low, rel=1e-9)


def true_distance(shift: float, features: int) -> float:
    """Of N(0, 1) and N(shift, 1) in every feature, from the moments: (x.y/F + 1)^3 is a sum of powers of x.y."""
    unit, mean = np.eye(features), np.full(features, shift)
    cubic = np.einsum("i,jk->ijk", mean, unit)
    third = np.einsum("i,j,k->ijk", mean, mean, mean) + cubic + cubic.transpose(1, 0, 2) + cubic.transpose(2, 1, 0)
    gaps = (mean, np.outer(mean, mean), third)
    factors = (3 / features, 3 / features**2, 1 / features**3)
    return float(sum(factor * np.square(gap).sum() for factor, gap in zip(factors, gaps, strict=True)))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = true_distance(1.0, 4)
    estimates = [estimate_kernel(RANDOM.normal(size=(60, 4)), RANDOM.normal(size=(60, 4)) + 1.0) for _ in range(100)]
    covered = sum(estimate.low <= truth <= estimate.high for estimate in estimates)
    assert 87 <= covered <= 100
    spread = np.std([estimate.mean for estimate in estimates])
    assert np.mean([e.high - e.low for e in estimates]) == pytest.approx(2 * 1.96 * spread, rel=0.3)
    assert np.mean([e.mean for e in estimates]) == pytest.approx(truth, abs=4 * spread / 10)


def test_equal_sets_are_at_zero_on_average_and_within_the_interval() -> None:
    estimates = [estimate_kernel(RANDOM.normal(size=(40, 4)), RANDOM.normal(size=(40, 4))) for _ in range(50)]
    means = np.array([estimate.mean for estimate in estimates])
    assert abs(means.mean()) < 3 * means.std() / np.sqrt(50)
    assert (means < 0).any()
    assert all(estimate.low <= 0 <= estimate.high for estimate in estimates)


def test_few_pictures_have_an_interval_too() -> None:
    estimate = estimate_kernel(RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 4)))
    assert estimate.low < estimate.mean < estimate.high


def test_one_picture_has_no_pair() -> None:
    with pytest.raises(ValueError, match="two or more pictures expected"):
        estimate_kernel(np.ones((1, 3)), np.ones((5, 3)))
