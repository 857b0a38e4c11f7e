"""Scores of what is found in photographs, where the answer is known: maps of classes, depth, directions, persons."""

import numpy as np
import pytest
from numpy.typing import NDArray

from zeroconv.evaluation.people import persons_found
from zeroconv.evaluation.regions import mean_iou
from zeroconv.evaluation.surfaces import aligned_error, mean_angle

RAMP = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)


def test_iou_of_a_moved_square_is_what_is_left_of_it() -> None:
    asked = np.zeros((16, 16), np.int64)
    asked[4:12, 4:12] = 1
    found = np.roll(asked, 4, axis=1)  # half of it in place: 32 of 96
    assert mean_iou(asked, asked, (0, 1)) == 1.0
    assert mean_iou(found, asked, (1,)) == pytest.approx(1 / 3)
    assert mean_iou(found, asked, (0, 1)) == pytest.approx((1 / 3 + 160 / 224) / 2)
    assert mean_iou(found, asked, ()) == 1.0


def test_depth_is_compared_up_to_scale_and_shift() -> None:
    assert aligned_error(RAMP, RAMP) == pytest.approx(0, abs=1e-7)
    assert aligned_error(3 * RAMP - 7, RAMP) == pytest.approx(0, abs=1e-6)
    away = float(np.abs(RAMP - RAMP.mean()).mean())
    assert aligned_error(np.ones_like(RAMP), RAMP) == pytest.approx(away)
    assert aligned_error(-RAMP, RAMP) == pytest.approx(away)  # far for near is no better than nothing
    noisy = RAMP + np.where(np.indices(RAMP.shape).sum(0) % 2, 0.1, -0.1).astype(np.float32)
    assert 0.05 < aligned_error(noisy, RAMP) < 0.1


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_directions_turned_by_an_angle_are_that_far_apart(degrees: float) -> None:
    turn = np.radians(degrees)
    facing = np.broadcast_to(np.array([0, 0, 1], np.float32), (4, 4, 3))
    turned = np.broadcast_to(np.array([np.sin(turn), 0, np.cos(turn)], np.float32), (4, 4, 3))
    assert mean_angle(turned, facing) == pytest.approx(degrees, abs=1e-3)


def person(x: float, height: float = 100) -> NDArray[np.float32]:
    """Eighteen joints below one another."""
    return np.stack([np.full(18, x), np.linspace(0, height, 18), np.ones(18)], 1).astype(np.float32)


def moved(body: NDArray[np.float32], right: float) -> NDArray[np.float32]:
    return body + np.array([right, 0, 0], np.float32)


def test_joints_count_within_a_tenth_of_the_persons_size() -> None:
    one = person(50)
    assert persons_found([one], [one]) == 1.0
    assert persons_found([moved(one, 9.9)], [one]) == 1.0
    assert persons_found([moved(one, 10.1)], [one]) == 0.0
    assert persons_found([], [one]) == 0.0
    half = one.copy()
    half[9:] = 0
    assert persons_found([half], [one]) == 0.5
    assert persons_found([one], [half]) == 1.0  # what is not asked for does not count


def test_each_person_found_stands_for_one_asked_for() -> None:
    first, second = person(50), person(200, height=50)
    assert persons_found([second, first], [first, second]) == 1.0
    assert persons_found([first], [first, second]) == 0.5
    assert persons_found([first, first], [first, second]) == 0.5
    assert persons_found([first, second, person(300)], [first, second]) == 1.0
    assert persons_found([first, moved(second, 6)], [first, second]) == 0.5  # the smaller one's tenth is smaller
