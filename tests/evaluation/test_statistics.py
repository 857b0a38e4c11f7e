"""Means and intervals: repeatable, of the right width, covering as often as they say."""

import numpy as np
import pytest

from zeroconv.evaluation.statistics import estimate_closed, estimate_difference, estimate_mean, estimate_relative


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


def test_the_way_that_is_closed_is_a_share_of_the_means() -> None:
    generator = np.random.default_rng(5)
    lower = generator.normal(0.3, 0.1, 300)
    upper = lower + generator.normal(0.5, 0.05, 300)
    closed = estimate_closed(lower + 0.8 * (upper - lower), lower, upper)
    assert closed is not None
    assert closed.mean == pytest.approx(0.8) and closed.low == pytest.approx(0.8) and closed.high == pytest.approx(0.8)
    noisy = estimate_closed(lower + 0.8 * (upper - lower) + generator.normal(0, 0.3, 300), lower, upper)
    assert noisy is not None and noisy.low < 0.8 < noisy.high and noisy.high - noisy.low > 0.05


def test_a_relative_difference_is_one_of_means_and_paired() -> None:
    generator = np.random.default_rng(7)
    others = generator.normal(0.7, 0.2, 400)
    loss = estimate_relative(0.98 * others, others)
    assert [loss.mean, loss.low, loss.high] == pytest.approx([-0.02] * 3)
    noisy = estimate_relative(0.98 * others + generator.normal(0, 0.07, 400), others)
    half = 1.96 * 0.07 / 0.7 / 20
    assert [noisy.mean - noisy.low, noisy.high - noisy.mean] == pytest.approx([half, half], abs=0.002)
    with pytest.raises(ValueError, match="above 0"):
        estimate_relative([1, 2], [0, 0])


def test_the_way_is_the_same_for_errors() -> None:
    lower, values, upper = np.linspace(30, 40, 20), np.linspace(14, 24, 20), np.linspace(10, 20, 20)
    closed = estimate_closed(values, lower, upper)
    assert closed is not None and closed.mean == pytest.approx(0.8)


def test_where_there_is_no_way_nothing_is_said() -> None:
    generator = np.random.default_rng(6)
    lower, upper = generator.normal(0, 1, 50), generator.normal(0, 1, 50)
    assert estimate_closed(lower, lower, upper) is None
    assert estimate_closed(lower, lower, lower) is None
