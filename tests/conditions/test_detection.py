"""The size at which a network sees a picture, and the way back."""

import numpy as np
import pytest
import torch

from published_annotators import noise
from zeroconv.conditions.detection import as_map, as_tensor, detection_picture, run, three_channels


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


def test_three_channels_rounds_and_clips() -> None:
    assert three_channels(np.array([[-3.0, 1.6, 300.0]]))[0].tolist() == [[0] * 3, [2] * 3, [255] * 3]
