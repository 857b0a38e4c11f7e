"""Means and intervals: repeatable, of the right width, covering as often as they say."""

import numpy as np
import pytest

from zeroconv.evaluation.statistics import estimate_difference, estimate_mean


def test_the_interval_of_normal_values_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    estimate = estimate_mean(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.02)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.02)
    assert estimate.count == 400


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(2).random(50)
    assert estimate_mean(values) == estimate_mean(list(values))


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    estimates = [estimate_mean(generator.exponential(1.0, size=60)) for _ in range(100)]
    covered = sum(estimate.low <= 1.0 <= estimate.high for estimate in estimates)
    assert 85 <= covered <= 100  # skewed values: a little below 95 is the percentile bootstrap's known weakness


def test_paired_differences_are_sharper_than_the_two_means() -> None:
    generator = np.random.default_rng(4)
    easy = generator.normal(0, 1, size=200)
    first, second = easy + 0.3 + generator.normal(0, 0.1, 200), easy + generator.normal(0, 0.1, 200)
    difference = estimate_difference(first, second)
    assert difference.mean == pytest.approx(0.3, abs=0.05)
    assert difference.low > 0.25
    assert difference.high - difference.low < 0.3 * (estimate_mean(first).high - estimate_mean(first).low)
    reverse = estimate_difference(second, first)
    assert reverse.mean == pytest.approx(-difference.mean)
    assert reverse.low == pytest.approx(-difference.high, abs=0.01)


def test_what_has_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        estimate_mean([0.5])
    with pytest.raises(ValueError, match="finite"):
        estimate_mean([0.5, float("nan"), 1.0])
    with pytest.raises(ValueError, match="as many"):
        estimate_difference([1.0, 2.0], [1.0, 2.0, 3.0])
