"""The Frechet distance against closed forms and scipy's matrix root."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from zeroconv.evaluation.frechet import estimate_frechet, frechet_distance

RANDOM = np.random.default_rng(0)


def test_it_is_the_published_formula() -> None:
    first = RANDOM.normal(size=(200, 6)) @ RANDOM.normal(size=(6, 6))
    second = RANDOM.normal(size=(150, 6)) @ RANDOM.normal(size=(6, 6)) + 1.0
    one, two = np.cov(first.T), np.cov(second.T)
    gap = first.mean(0) - second.mean(0)
    expected = gap @ gap + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_a_shift_costs_its_square_and_nothing_else() -> None:
    features = RANDOM.normal(size=(50, 3))
    assert frechet_distance(features, features) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(features, features + np.array([0.0, 3.0, 4.0])) == pytest.approx(25.0, abs=1e-6)


def test_fewer_pictures_than_features_give_a_finite_distance() -> None:
    assert np.isfinite(frechet_distance(RANDOM.normal(size=(5, 20)), RANDOM.normal(size=(8, 20))))


def test_the_interval_is_around_the_distance() -> None:
    first, second = RANDOM.normal(size=(400, 2)), RANDOM.normal(size=(400, 2)) + 2.0
    estimate = estimate_frechet(first, second)
    assert estimate.low < 8.0 < estimate.high  # two unit Gaussians, their means (2, 2) apart
    assert estimate.low < estimate.mean < estimate.high
    assert estimate.count == 400
    again = [frechet_distance(RANDOM.normal(size=(400, 2)), RANDOM.normal(size=(400, 2)) + 2.0) for _ in range(100)]
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * np.std(again), rel=0.4)


def test_the_interval_covers_the_true_distance_about_as_often_as_it_says() -> None:
    pairs = ((RANDOM.normal(size=(300, 2)), RANDOM.normal(size=(300, 2)) * 2 + 1.0) for _ in range(80))
    estimates = [estimate_frechet(*pair) for pair in pairs]
    truth = 2.0 + 2 * (2 - 1) ** 2  # the means' squared distance, and the deviations' in each of two directions
    covered = sum(estimate.low <= truth <= estimate.high for estimate in estimates)
    assert 68 <= covered <= 80


def test_the_interval_of_hardly_different_sets_holds_their_distance() -> None:
    estimate = estimate_frechet(RANDOM.normal(size=(300, 20)), RANDOM.normal(size=(300, 20)))
    assert 0 <= estimate.low < estimate.mean < estimate.high


def test_one_picture_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="two or more pictures expected"):
        frechet_distance(np.ones((1, 3)), np.ones((5, 3)))


def test_of_fewer_pictures_than_features_it_is_the_formula_too() -> None:
    first = RANDOM.normal(size=(12, 30)) @ RANDOM.normal(size=(30, 30))
    second = RANDOM.normal(size=(9, 30)) @ RANDOM.normal(size=(30, 30)) + 1.0
    one, two = np.cov(first.T), np.cov(second.T)
    root = sqrtm(one + 1e-12 * np.eye(30)).real  # singular matrices: scipy's root of the product would not be reliable
    shared = np.sqrt(np.linalg.eigvalsh(root @ two @ root).clip(min=0)).sum()
    gap = first.mean(0) - second.mean(0)
    expected = gap @ gap + np.trace(one + two) - 2 * shared
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)


def test_few_pictures_enlarge_it_as_much_as_is_said() -> None:
    features, count = 40, 5 * 40
    found = [frechet_distance(*RANDOM.normal(size=(2, count, features))) for _ in range(20)]
    assert np.mean(found) / features == pytest.approx((features + 5) / (2 * count), rel=0.1)
