"""Sizes of nearly one area, which picture goes where, and whose turn it is."""

import math
from collections import Counter
from itertools import islice

import pytest

from zeroconv.data.buckets import bucket_sizes, buckets_of, turns


@pytest.mark.parametrize(("side", "unit"), [(512, 64), (768, 64), (1024, 32), (128, 32), (64, 64)])
def test_sizes_are_multiples_of_nearly_the_area_in_both_orientations(side: int, unit: int) -> None:
    sizes = bucket_sizes(side, unit)
    assert sizes[0] == (side, side)
    for width, height in sizes:
        assert width % unit == height % unit == 0 and (height, width) in sizes
        assert width * height == pytest.approx(side**2, rel=0.1) and 0.5 <= width / height <= 2
    assert len(sizes) == len(set(sizes))


def test_the_sizes_of_stable_diffusion() -> None:
    wide = {(512, 512), (576, 448), (640, 384), (640, 448), (704, 384)}
    assert set(bucket_sizes(512, 64)) == wide | {(height, width) for width, height in wide}


def test_pictures_go_where_least_is_cut_off() -> None:
    shapes = [(600, 600), (900, 600), (600, 900), (1600, 900), (3000, 900), (590, 600), (580, 450)]
    buckets = {bucket.size: bucket.members for bucket in buckets_of(shapes, 512, 64, 9)}
    assert buckets == {(448, 640): (2,), (512, 512): (0, 5), (576, 448): (6,), (640, 448): (1,), (704, 384): (3, 4)}


@pytest.mark.parametrize(
    ("at_most", "expected"),
    [
        (1, {(512, 512): 15}),
        (2, {(512, 512): 10, (704, 384): 5}),
        (3, {(512, 512): 7, (704, 384): 5, (384, 704): 3}),
        (20, {(512, 512): 6, (704, 384): 4, (384, 704): 3, (640, 384): 1, (576, 448): 1}),
    ],
)
def test_few_buckets_are_those_that_save_most(at_most: int, expected: dict[tuple[int, int], int]) -> None:
    shapes = [(500, 500)] * 6 + [(704, 384)] * 4 + [(384, 704)] * 3 + [(640, 384), (576, 448)]
    buckets = buckets_of(shapes, 512, 64, at_most)
    assert {bucket.size: len(bucket.members) for bucket in buckets} == expected
    assert sorted(index for bucket in buckets for index in bucket.members) == list(range(len(shapes)))
    assert [bucket.size for bucket in buckets] == sorted(expected, key=lambda size: size[0] / size[1])


COUNTS = [7, 1, 12, 3]
BATCH = 4


def test_every_bucket_has_its_batches_in_order() -> None:
    first = list(islice(turns(COUNTS, BATCH, seed=1, start=0), 200))
    for bucket in range(4):
        assert [batch for whose, batch in first if whose == bucket] == list(range(Counter(b for b, _ in first)[bucket]))


@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
def test_after_an_epoch_less_than_a_batch_of_a_bucket_waits(epochs: int) -> None:
    steps = sum(epochs * count // BATCH for count in COUNTS)
    had = Counter(bucket for bucket, _ in islice(turns(COUNTS, BATCH, seed=1, start=0), steps))
    for bucket, count in enumerate(COUNTS):
        assert 0 <= epochs * count - had[bucket] * BATCH < BATCH


@pytest.mark.parametrize("start", [0, 1, 4, 5, 6, 17, 40, 123])
@pytest.mark.parametrize("counts", [COUNTS, [1], [2, 1], [100]])
def test_turns_start_anywhere(start: int, counts: list[int]) -> None:
    whole = list(islice(turns(counts, BATCH, seed=2, start=0), start + 30))
    assert list(islice(turns(counts, BATCH, seed=2, start=start), 30)) == whole[start:]


def test_turns_are_mixed_and_the_seed_decides() -> None:
    one, other = (list(islice(turns([400, 400], BATCH, seed=seed, start=0), 200)) for seed in (1, 2))
    changes = sum(one[k][0] != one[k + 1][0] for k in range(199))
    assert one != other and abs(changes - 100) < 5 * math.sqrt(50)


def test_the_turns_of_a_seed_are_these_for_ever() -> None:
    """A change here would break every run that is resumed with a newer version."""
    first = list(islice(turns(COUNTS, BATCH, seed=1, start=0), 8))
    assert first == [(2, 0), (2, 1), (0, 0), (2, 2), (2, 3), (2, 4), (2, 5), (3, 0)]
