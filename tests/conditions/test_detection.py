"""The size at which a network sees a picture, and the way back."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from published_annotators import noise
from zeroconv.conditions.detection import BATCH, as_map, as_tensor, batched, detection_picture, run, three_channels


@pytest.mark.parametrize(
    ("shape", "seen"),
    [
        ((512, 512), (512, 512)),
        ((768, 512), (768, 512)),
        ((300, 400), (512, 704)),
        ((33, 65), (512, 1024)),
        ((1, 1), (512, 512)),
        ((2, 97), (64, 2048)),
    ],
)
def test_short_side_and_multiples_of_64(shape: tuple[int, int], seen: tuple[int, int]) -> None:
    assert detection_picture(noise(*shape), 512).shape == (*seen, 3)


def test_the_right_size_is_left_alone() -> None:
    image = noise(64, 128)
    assert np.array_equal(detection_picture(image, 64), image)


def test_there_and_back() -> None:
    image = noise(6, 8)
    batch = as_tensor(image)
    assert batch.shape == (1, 3, 6, 8) and batch.dtype == torch.float32
    assert np.array_equal(as_map(batch[:, :1], (6, 8)), image[:, :, 0])
    assert as_map(batch[:, :1], (3, 5)).shape == (3, 5)


def test_no_gradient_is_recorded() -> None:
    assert not run(torch.nn.Conv2d(3, 1, 1), as_tensor(noise(4, 4))).requires_grad


def test_pictures_of_one_size_are_asked_about_together() -> None:
    given = [np.full((2, 3 + n % 2, 3), n, np.uint8) for n in range(2 * BATCH + 3)]
    asked: list[list[int]] = []

    def answer(some: Sequence[np.ndarray]) -> list[int]:
        assert len({each.shape for each in some}) == 1
        asked.append([int(each[0, 0, 0]) for each in some])
        return asked[-1]

    assert batched(given, answer) == list(range(2 * BATCH + 3))
    assert [len(some) for some in asked] == [BATCH, 2, BATCH, 1]
    with pytest.raises(ValueError, match="shorter"):
        batched(given, lambda some: [])


def test_three_channels_rounds_and_clips() -> None:
    assert three_channels(np.array([[-3.0, 1.6, 300.0]]))[0].tolist() == [[0] * 3, [2] * 3, [255] * 3]
