"""Edge F1: the tolerance, one-to-one matching, symmetry, and a brute-force oracle."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from zeroconv.evaluation.edges import edge_agreement, edge_f1

Map = NDArray[np.uint8]


def blank(height: int = 16, width: int = 16) -> Map:
    return np.zeros((height, width), dtype=np.uint8)


def frame(offset: int = 0) -> Map:
    """The outline of a square of 16 pixels, moved diagonally."""
    edges = blank(32, 32)
    edges[8 + offset : 24 + offset, 8 + offset : 24 + offset] = 255
    edges[9 + offset : 23 + offset, 9 + offset : 23 + offset] = 0
    return edges


def largest_matching_by_hand(first: Map, second: Map) -> int:
    """Augmenting paths over a plain list of neighbours: the textbook's algorithm, written independently."""
    targets = [(int(y), int(x)) for y, x in np.argwhere(second)]
    partner: dict[tuple[int, int], tuple[int, int]] = {}

    def augment(point: tuple[int, int], seen: set[tuple[int, int]]) -> bool:
        for target in targets:
            if target in seen or max(abs(point[0] - target[0]), abs(point[1] - target[1])) > 1:
                continue
            seen.add(target)
            if target not in partner or augment(partner[target], seen):
                partner[target] = point
                return True
        return False

    return sum(augment((int(y), int(x)), set()) for y, x in np.argwhere(first))


def test_a_map_agrees_with_itself_and_with_itself_moved_by_one_pixel_in_each_direction() -> None:
    assert edge_f1(frame(), frame()) == 1.0
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            assert edge_f1(np.roll(frame(), (down, right), axis=(0, 1)), frame()) == 1.0


def test_a_line_moved_by_two_pixels_does_not_agree() -> None:
    first, second = blank(), blank()
    first[5], second[7] = 255, 255
    assert edge_f1(first, second) == 0.0
    assert edge_f1(frame(2), frame()) < 0.15  # only where moved corners happen to cross


def test_the_diagonal_neighbour_counts_and_the_next_but_one_does_not() -> None:
    first, near, far = blank(), blank(), blank()
    first[5, 5], near[6, 6], far[6, 7] = 255, 255, 255
    assert edge_f1(first, near) == 1.0
    assert edge_f1(first, far) == 0.0


def test_a_thick_edge_is_rewarded_once() -> None:
    asked, thick = blank(), blank()
    asked[5], thick[4:7] = 255, 255
    agreement = edge_agreement(thick, asked)
    assert (agreement.found, agreement.asked, agreement.matched) == (48, 16, 16)
    assert agreement.precision == pytest.approx(1 / 3)  # a dilated comparison would say 1
    assert agreement.recall == 1.0
    assert agreement.f1 == pytest.approx(0.5)


def test_doubled_edges_share_one_partner() -> None:
    """Two lines around one that was asked for: only one of them may have it, though both lie within a pixel."""
    asked, doubled = blank(), blank()
    asked[5], doubled[4], doubled[6] = 255, 255, 255
    assert edge_agreement(doubled, asked).matched == 16


def test_the_matching_is_the_largest_not_the_greedy_one() -> None:
    """Pixels 0 and 1 against 1 and 2: keeping the pair in the same place would leave the other two alone."""
    first, second = blank(1, 4), blank(1, 4)
    first[0, :2], second[0, 1:3] = 255, 255
    assert edge_agreement(first, second).matched == 2


@pytest.mark.parametrize("seed", range(40))
def test_matching_equals_brute_force_on_small_maps_and_is_symmetric(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shape = tuple(generator.integers(1, 10, size=2))
    density = generator.uniform(0.1, 0.9)
    first, second = ((generator.random((2, *shape)) < density) * 255).astype(np.uint8)
    agreement = edge_agreement(first, second)
    assert agreement.matched == largest_matching_by_hand(first, second)
    assert agreement.found == int((first > 0).sum())
    assert edge_agreement(second, first).matched == agreement.matched
    assert edge_f1(second, first) == agreement.f1


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    first, second = blank(), blank()
    first[3, :8], second[3, 4:] = 255, 255
    agreement = edge_agreement(first, second)
    precision, recall = agreement.precision, agreement.recall
    assert agreement.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert precision == 5 / 8  # four in the same place and one across the border
    assert recall == 5 / 12


def test_two_empty_maps_agree_and_one_empty_map_does_not() -> None:
    assert edge_f1(blank(), blank()) == 1.0
    assert edge_f1(frame(), np.zeros_like(frame())) == 0.0
    assert edge_f1(np.zeros_like(frame()), frame()) == 0.0
    assert edge_agreement(np.zeros_like(frame()), frame()).precision == 1.0


def test_three_channels_are_one_map() -> None:
    colour = np.repeat(frame()[:, :, None], 3, axis=2)
    assert edge_agreement(colour, frame()) == edge_agreement(frame(), frame())


def test_maps_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        edge_f1(blank(16, 16), blank(16, 17))
    with pytest.raises(ValueError, match="got shape"):
        edge_f1(np.zeros(4, dtype=np.uint8), np.zeros(4, dtype=np.uint8))


def test_large_maps_take_a_fraction_of_a_second() -> None:
    """512 x 512 with 10 % edge pixels, denser than what Canny draws; measured: 0.02 s."""
    generator = np.random.default_rng(0)
    first, second = ((generator.random((2, 512, 512)) < 0.1) * 255).astype(np.uint8)
    start = time.perf_counter()
    assert 0 < edge_f1(first, second) < 1
    assert time.perf_counter() - start < 2
