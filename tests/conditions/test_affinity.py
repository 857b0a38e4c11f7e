"""Persons are put together from maps: every keypoint in its place, and no limb mixed up between them."""

import numpy as np
import pytest

from drawn_maps import draw_maps, figure
from zeroconv.conditions.affinity import best_links, find_peaks, group_persons, score_limbs
from zeroconv.conditions.person import Keypoints

SIZE = (192, 256)


def found(persons: list[Keypoints], least: float = 0.1) -> list[Keypoints]:
    maps = draw_maps(persons, SIZE, sigma=3.5, width=4.0)
    return sorted(group_persons(maps[38:], maps[:38], least), key=lambda body: float(body[body[:, 2] > 0, 0].mean()))


def are_the_same(seen: list[Keypoints], given: list[Keypoints], within: float) -> bool:
    assert len(seen) == len(given)
    for body, truth in zip(seen, given, strict=True):
        assert np.array_equal(body[:, 2] > 0, truth[:, 2] > 0)
        assert np.abs(body[:, :2] - truth[:, :2]).max() <= within
    return True


@pytest.mark.parametrize(
    "persons",
    [
        [figure(120, 30, 130)],
        [figure(70.4, 30.3, 130), figure(180.7, 20.6, 150)],
        [figure(50, 70, 90), figure(120, 30, 130), figure(205, 40, 100)],
    ],
)
def test_every_person_is_found(persons: list[Keypoints]) -> None:
    assert are_the_same(found(persons), persons, within=0.75)


@pytest.mark.parametrize("apart", [26, 34, 48])
def test_persons_that_overlap_keep_their_limbs(apart: int) -> None:
    """Arms of one lie across the other's body; the maps of close keypoints lean towards each other."""
    persons = [figure(100, 20, 150), figure(100 + apart, 34, 140)]
    assert are_the_same(found(persons), persons, within=1.5)


@pytest.mark.parametrize("lacks", [(4, 7), (10, 13, 9, 12), (0, 14, 15, 16, 17), (2, 3, 4, 16), (1, 8, 11)])
def test_what_is_missing_stays_missing(lacks: tuple[int, ...]) -> None:
    persons = [figure(70, 30, 130, lacks), figure(180, 20, 150)]
    if 1 in lacks:  # without neck and hips the arms and the head are joined by the limbs from shoulder to ear
        persons[0][[9, 10, 12, 13]] = 0
    assert are_the_same(found(persons), persons, within=0.75)


def test_few_keypoints_are_no_person() -> None:
    arm = figure(120, 30, 130, tuple(set(range(18)) - {2, 3, 4}))
    longer = figure(120, 30, 130, tuple(set(range(18)) - {1, 2, 3, 4}))
    assert found([arm]) == []
    assert are_the_same(found([longer]), [longer], within=0.75)


def test_nobody_is_nobody() -> None:
    assert group_persons(np.zeros((19, 40, 50), np.float32), np.zeros((38, 40, 50), np.float32), 0.1) == []


def test_faint_persons_are_left_out() -> None:
    maps = draw_maps([figure(120, 30, 130)], SIZE, sigma=3.5, width=4.0)
    assert len(group_persons(0.3 * maps[38:], maps[:38], 0.1)) == 1
    assert group_persons(0.3 * maps[38:], maps[:38], 0.3) == []  # smoothed peaks are lower than 0.3
    assert group_persons(0.3 * maps[38:], 0.06 * maps[:38], 0.1) == []  # the sum of keypoints and limbs is too small


def test_a_shoulder_never_takes_another_persons_ear() -> None:
    """The limbs from shoulder to ear join what is apart but do not take from a person what it has."""
    persons = [figure(90, 30, 130), figure(150, 30, 130)]
    maps = draw_maps(persons, SIZE, sigma=3.5, width=4.0)
    mistaken = draw_maps([np.where(np.isin(np.arange(18), [2])[:, None], persons[1], persons[0])], SIZE, 3.5, 4.0)
    maps[18:20] = mistaken[18:20]  # from the right person's shoulder to the left one's ear
    bodies = group_persons(maps[38:], maps[:38], 0.1)
    bodies.sort(key=lambda body: float(body[0, 0]))
    assert are_the_same(bodies, persons, within=0.75)


def test_peaks_are_the_tops_of_hills() -> None:
    confidence = np.zeros((60, 80), np.float32)
    y, x = np.indices(confidence.shape)
    for row, column, height in ((10, 12, 1.0), (40, 60, 0.6), (30, 30, 0.05)):
        confidence = np.maximum(confidence, height * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 50)).astype("f")
    peaks = find_peaks(confidence, 0.1)
    assert peaks[:, :2].tolist() == [[12, 10], [60, 40]]
    assert peaks[:, 2] == pytest.approx([1.0, 0.6], abs=0.01)
    assert len(find_peaks(np.full((30, 30), 0.5, np.float32), 0.1)) == 1  # a plateau is one hill at most
    grass = np.random.default_rng(0).random((600, 600), np.float32)
    assert len(find_peaks(grass, 0.0)) == 127


def test_a_limb_scores_as_its_field_points() -> None:
    field = np.zeros((2, 100, 100), np.float32)
    field[0, 50] = 1
    starts, ends = np.array([[10, 50, 1]], "f"), np.array([[40, 50, 1], [90, 50, 1], [10, 80, 1]], "f")
    assert score_limbs(starts, ends, field) == pytest.approx(np.array([[1, 1 + 50 / 80 - 1, 0]]))
    assert score_limbs(ends[:1], starts, field).tolist() == [[0]]  # the other way round
    assert score_limbs(starts[:0], ends, field).shape == (0, 3)


def test_the_best_limbs_come_first_and_every_peak_once() -> None:
    links = best_links(np.array([[0.5, 0.9, 0.0], [0.6, 0.8, 0.0]]))
    assert [(link.start, link.end, link.score) for link in links] == [(0, 1, 0.9), (1, 0, 0.6)]
    assert best_links(np.zeros((2, 0))) == []
