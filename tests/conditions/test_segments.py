"""Fragments of one line become one segment, others stay apart."""

import numpy as np

from zeroconv.conditions.segments import join_segments, lengths


def joined(*segments: tuple[float, float, float, float], gap: float = 5) -> list[list[float]]:
    return sorted(join_segments(np.array(segments, dtype=float).reshape(-1, 4), gap).tolist())


def test_lengths() -> None:
    assert lengths(np.array([[0.0, 0, 3, 4], [2, 2, 2, 2]])).tolist() == [5, 0]


def test_collinear_fragments_become_one_whatever_their_direction() -> None:
    (one,) = joined((0, 0, 10, 0), (24, 0, 13, 0.5), (28, 0, 60, 0))
    assert sorted([one[0], one[2]]) == [0, 60]


def test_what_is_far_or_beside_or_turned_stays() -> None:
    for other in ((16, 0, 20, 0), (11, 3, 20, 3), (11, 0, 20, 4), (5, -5, 5, 5)):
        assert len(joined((0, 0, 10, 0), other)) == 2


def test_a_diagonal_is_followed() -> None:
    (one,) = joined((0, 0, 30, 40), (33, 44, 45, 60))
    assert one == [0, 0, 45, 60]


def test_nothing_and_points() -> None:
    assert joined() == []
    assert joined((1, 1, 1, 1)) == [[1, 1, 1, 1]]
