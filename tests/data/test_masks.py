"""COCO's masks: run lengths in both forms, and polygons against areas known by arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroconv.data.masks import decode, unpacked


def packed(lengths: list[int]) -> str:
    """The text for run lengths, by the rule of the format read forwards."""
    text = ""
    for place, length in enumerate(lengths):
        number = length - (lengths[place - 2] if place > 2 else 0)
        while True:
            piece, number = number & 0x1F, number >> 5
            is_last = number == (-1 if piece & 0x10 else 0)
            text += chr(48 + piece + (0 if is_last else 0x20))
            if is_last:
                break
    return text


def test_run_lengths_go_down_the_columns() -> None:
    mask = decode({"size": [3, 4], "counts": [4, 3, 2, 1, 2]}, (3, 4))
    assert mask.astype(int).tolist() == [[0, 0, 1, 1], [0, 1, 0, 0], [0, 1, 0, 0]]


def test_a_published_text_is_read() -> None:
    assert list(unpacked("61X13mN000`0")) == [6, 1, 40, 4, 5, 4, 5, 4, 21]
    mask = decode({"size": [9, 10], "counts": "61X13mN000`0"}, (9, 10))
    assert mask.sum() == 1 + 4 + 4 + 4
    assert mask[6, 0] and mask[2:6, 5].all() and mask[2:6, 6].all() and mask[2:6, 7].all()


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=30))
def test_every_text_is_read_back(lengths: list[int]) -> None:
    assert list(unpacked(packed(lengths))) == lengths


@pytest.mark.parametrize("counts", [[4, 3], [13, -1], [], "61X13mN000`0"])
def test_run_lengths_that_do_not_fill_the_picture_are_refused(counts: object) -> None:
    with pytest.raises(ValueError, match=r"run lengths|empty"):
        decode({"size": [3, 4], "counts": counts}, (3, 4))
    with pytest.raises(ValueError, match="run lengths"):
        decode({"size": [4, 3], "counts": [12]}, (3, 4))


def test_polygons_cover_their_area() -> None:
    y, x = np.mgrid[:100, :120] + 0.5
    triangle = [[10.0, 10.0, 100.0, 10.0, 10.0, 90.0]]
    inside = (x > 10) & (y > 10) & ((x - 10) / 90 + (y - 10) / 80 < 1)
    drawn = decode(triangle, (100, 120))
    assert inside.sum() == pytest.approx(90 * 80 / 2, rel=0.01)
    assert not (inside & ~drawn).any()
    assert (drawn & ~inside).sum() < 90 / 5  # at most the pixels whose middle the slope all but touches


def test_polygons_on_the_grid_are_exact() -> None:
    drawn = decode([[3, 2, 9, 2, 9, 6, 3, 6]], (10, 12))
    assert drawn[2:6, 3:9].all() and drawn.sum() == 4 * 6
    assert decode([[-5, -5, 50, -5, 50, 50, -5, 50]], (10, 12)).all()
    assert not decode([[20, 20, 30, 20, 30, 30]], (10, 12)).any()


def test_overlapping_polygons_are_joined_not_cut_out() -> None:
    squares = [[0, 0, 20, 0, 20, 20, 0, 20], [10, 10, 30, 10, 30, 30, 10, 30]]
    assert decode(squares, (40, 40))[12:18, 12:18].all()
