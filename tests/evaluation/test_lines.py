"""Lines brought to one pixel, and the agreement of straight ones."""

import numpy as np
import pytest

from zeroconv.evaluation.lines import line_f1
from zeroconv.evaluation.thinning import thinned


def segments(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 4)


def test_a_bar_becomes_its_middle_line() -> None:
    mask = np.zeros((20, 30), bool)
    mask[8:13, 3:27] = True
    line = thinned(mask)
    assert set(np.nonzero(line)[0]) == {10}
    assert 18 <= line.sum() <= 24
    assert np.array_equal(thinned(line), line)


def test_a_ring_stays_closed_and_becomes_thin() -> None:
    y, x = np.mgrid[:40, :40] - 20
    ring = np.abs(np.hypot(y, x) - 12) <= 2.5
    line = thinned(ring)
    filled = np.zeros_like(line)
    filled[0, 0] = True
    for _ in range(80):  # the outside, spread through the four neighbours: it must not get in
        grown = np.pad(filled, 1)
        grown = grown[1:-1, 1:-1] | grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]
        filled = grown & ~line
    assert not filled[20, 20]
    assert line.sum() < 100
    assert np.abs(np.hypot(*np.nonzero(line) - np.array([[20], [20]])) - 12).max() < 2


def test_single_pixels_and_nothing_stay_what_they_are() -> None:
    mask = np.zeros((5, 5), bool)
    assert not thinned(mask).any()
    mask[2, 2] = True
    assert np.array_equal(thinned(mask), mask)


def test_lines_match_by_place_and_direction() -> None:
    asked = segments((10, 10, 50, 10))
    assert line_f1(asked, asked) == 1.0
    assert line_f1(segments((50, 11.5, 10, 11.5)), asked) == 1.0  # the other way round, 1.5 px beside
    assert line_f1(segments((10, 13, 50, 13)), asked) == 0.0
    assert line_f1(segments((30, -10, 30, 30)), asked) == 0.0  # across


def test_pieces_of_a_line_are_as_good_as_the_line_and_half_of_it_is_half() -> None:
    asked = segments((10, 10, 50, 10))
    assert line_f1(segments((10, 10, 22, 10), (22, 10, 50, 10)), asked) == 1.0
    assert line_f1(segments((10, 10, 30, 10)), asked) == pytest.approx(2 * 0.55 / 1.55, abs=0.03)  # and 2 px beyond


def test_no_lines_agree_with_no_lines_alone() -> None:
    nothing, one = segments(), segments((0, 0, 9, 9))
    assert (line_f1(nothing, nothing), line_f1(one, nothing), line_f1(nothing, one)) == (1.0, 0.0, 0.0)
