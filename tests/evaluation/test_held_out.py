"""Held-out scenes, the passage through the autoencoder, and rounding to 8 bits."""

import numpy as np
import pytest
import torch

from zeroconv.base import BaseModel
from zeroconv.data.scenes import HELD_OUT_SEEDS
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import (
    EVALUATION_SEED,
    HeldOut,
    groups,
    held_out_scenes,
    through_autoencoder,
    to_pictures,
)


def test_scenes_are_those_of_the_evaluation_seed_whatever_their_number(few_scenes: HeldOut) -> None:
    fewer = held_out_scenes(3, 32)
    assert fewer.captions == few_scenes.captions[:3]
    assert np.abs(np.stack(fewer.pictures).astype(int) - np.stack(few_scenes.pictures[:3]).astype(int)).max() <= 2
    assert few_scenes.pictures[0].shape == (32, 32, 3)
    assert few_scenes.pictures[0].dtype == np.uint8
    assert len(set(few_scenes.captions)) > 20
    assert EVALUATION_SEED > 2 * HELD_OUT_SEEDS - 1


def test_seeds_of_training_and_single_scenes_are_refused() -> None:
    with pytest.raises(UserError, match="trained on"):
        held_out_scenes(4, 32, seed=1)
    with pytest.raises(UserError, match="at least 2"):
        held_out_scenes(1, 32)


def test_the_autoencoder_keeps_order_and_size(small_base: BaseModel, few_scenes: HeldOut) -> None:
    decoded = through_autoencoder(small_base, few_scenes.pictures)
    alone = through_autoencoder(small_base, few_scenes.pictures[20:21])
    assert len(decoded) == 24
    assert decoded[0].shape == (32, 32, 3)
    assert np.abs(decoded[20].astype(int) - alone[0].astype(int)).max() <= 1
    assert (decoded[20] != decoded[19]).any()


def test_pictures_are_rounded_to_the_nearest_level() -> None:
    levels = torch.tensor([-1.2, -1.0, 0.5 / 127.5 - 1 - 1e-4, 0.5 / 127.5 - 1 + 1e-4, 1.0, 1.2])
    picture = to_pictures(levels.view(1, 1, 1, 6).expand(1, 3, 1, 6))[0]
    assert picture[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_groups_keep_every_item_in_order() -> None:
    assert groups(range(7), 3) == [range(0, 3), range(3, 6), range(6, 7)]
