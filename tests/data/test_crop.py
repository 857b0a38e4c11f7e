"""Random crops of pictures and of their conditions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.data.crop import MIDDLE, RandomCrop, mirrored_centring, told_sizes
from zeroconv.data.extraction import extraction_of
from zeroconv.data.folder import FolderSource
from zeroconv.data.opening import open_source


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    """Two wide and two tall pictures that grow brighter to the right and redder downwards; they are the conditions."""
    for number, (width, height) in enumerate([(96, 32), (80, 32), (32, 64), (16, 48)]):
        across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        for below in ("pictures", "ready"):
            (tmp_path / below).mkdir(exist_ok=True)
            image = Image.fromarray(np.stack([down, across, across], 2).astype(np.uint8))
            image.save(tmp_path / below / f"{number}.png")
    name = f"folder:{tmp_path / 'pictures'},conditions={tmp_path / 'ready'}"
    opened = open_source(name, extraction_of("custom", {}), 32)
    assert isinstance(opened, FolderSource)
    return opened


def test_the_condition_is_cut_as_the_picture_is(source: FolderSource) -> None:
    for example in source.cut_at_random(RandomCrop(0, 0)).read(range(3)):  # the fourth is enlarged: other filters
        assert example.image.shape == (32, 32, 3)
        assert np.abs(example.image.astype(int) - example.condition).max() <= 3


def test_crops_lie_anywhere_along_the_longer_side(source: FolderSource) -> None:
    crops = [source.cut_at_random(RandomCrop(0, number)) for number in range(40)]
    lefts = [crop.read([0])[0].image[0, 0, 1] for crop in crops]
    assert min(lefts) < 25 and max(lefts) > 255 * 2 / 3 - 25
    tops = [crop.read([2])[0].image[0, 0, 0] for crop in crops]
    assert min(tops) < 20 and max(tops) > 127 - 20
    assert all(crop.read([2])[0].image[0, -1, 1] == 255 for crop in crops[:3])  # and nowhere along the other


def test_a_crop_depends_on_seed_number_and_name_alone(source: FolderSource) -> None:
    assert RandomCrop(1, 2).centring("a") == RandomCrop(1, 2).centring("a")
    others = [RandomCrop(2, 2).centring("a"), RandomCrop(1, 3).centring("a"), RandomCrop(1, 2).centring("b")]
    assert len({RandomCrop(1, 2).centring("a"), *others}) == 4
    crop = source.cut_at_random(RandomCrop(0, 1))
    alone = replace(crop, entries=crop.entries[1:2])
    assert np.array_equal(alone.read([0])[0].image, crop.read([1])[0].image)
    descriptions = [source, crop, source.cut_at_random(RandomCrop(0, 2)), source.cut_at_random(RandomCrop(1, 1))]
    assert len({str(one.describe()) for one in descriptions}) == 4


def test_without_a_crop_the_middle_is_seen_and_nothing_is_told(source: FolderSource) -> None:
    (example,) = source.read([0])
    assert example.sizes is None
    assert example.image[0, :, 1].mean() == pytest.approx(127.5, abs=2)


def test_what_is_told_is_where_the_picture_was_cut(source: FolderSource) -> None:
    for number in range(5):
        (example,) = source.cut_at_random(RandomCrop(3, number)).read([0])
        assert example.sizes is not None
        height, width, top, left, *seen = example.sizes
        assert (height, width, top, seen) == (32, 96, 0, [32, 32])
        assert example.image[0, 0, 1] / 255 * 95 == pytest.approx(left, abs=1)
        (mirrored,) = source.cut_at_random(RandomCrop(3, number)).mirrored().read([0])
        assert mirrored.sizes is not None and mirrored.sizes[3] == pytest.approx(64 - left, abs=1)
        assert np.array_equal(mirrored.image, example.image[:, ::-1])


def test_sizes_are_those_of_the_original_and_offsets_those_of_the_scaled_picture() -> None:
    assert told_sizes((200, 100), (50, 50), MIDDLE) == (100, 200, 0, 25, 50, 50)
    assert told_sizes((200, 100), (50, 50), mirrored_centring((0.0, 0.5))) == (100, 200, 0, 50, 50, 50)
    assert told_sizes((30, 90), (60, 60), (0.3, 0.25)) == (90, 30, 30, 0, 60, 60)


def test_the_crops_of_a_seed_are_these_for_ever() -> None:
    """A change here would leave caches stale and break runs that are resumed with a newer version."""
    assert RandomCrop(3, 1).centring("a.png") == pytest.approx((0.9569078683853149, 0.9510778784751892))
