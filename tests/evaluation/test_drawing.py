"""Drawing in batches: independent of company, dependent on prompt, seed and condition."""

from dataclasses import replace

import numpy as np
import pytest

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.evaluation.drawing import Controls, draw
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.sampler import Sampler
from zeroconv.weights import Sidecar

SAMPLER = Sampler(steps=3, seed=7)
PROMPTS = ("a red cube", "a blue ring", "a tree in winter")


def distance(first: tuple[Picture, ...], second: tuple[Picture, ...]) -> int:
    return int(np.abs(np.stack(first).astype(int) - np.stack(second).astype(int)).max())


def stripes(period: int) -> Picture:
    columns = (np.arange(32) // period % 2 * 255).astype(np.uint8)
    return np.repeat(np.tile(columns, (32, 1))[:, :, None], 3, axis=2)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_picture_is_the_same_in_any_company(small_base: BaseModel, small_controlnet: ControlNet, batch: int) -> None:
    controls = Controls(small_controlnet, "canny", (stripes(2), stripes(4), stripes(8)))
    together = draw(small_base, PROMPTS, SAMPLER, controls=controls)
    apart = draw(small_base, PROMPTS, replace(SAMPLER, batch=batch), controls=controls)
    assert len(together) == 3
    assert together[0].shape == (32, 32, 3)
    assert distance(together, apart) <= 1


def test_prompt_seed_and_condition_each_change_the_picture(small_base: BaseModel, small_controlnet: ControlNet) -> None:
    def one(prompt: str = "a red cube", seed: int = 7, period: int = 0, strength: float = 1.0) -> tuple[Picture, ...]:
        sampler = replace(SAMPLER, seed=seed, strength=strength)
        if not period:
            return draw(small_base, (prompt,), sampler)
        controls = Controls(small_controlnet, "canny", (stripes(period),))
        return draw(small_base, (prompt,), sampler, controls=controls)

    assert distance(one(), one()) == 0
    assert distance(one(), one(prompt="a blue ring")) > 0
    assert distance(one(), one(seed=8)) > 0
    assert distance(one(), one(period=2)) > 0
    assert distance(one(period=2), one(period=8)) > 0
    assert distance(one(), one(period=2, strength=0.0)) == 0


def test_the_second_picture_starts_from_the_next_seed(small_base: BaseModel) -> None:
    both = draw(small_base, ("a red cube", "a red cube"), SAMPLER)
    alone = draw(small_base, ("a red cube",), replace(SAMPLER, seed=8))
    assert distance(both[1:], alone) <= 1


def test_the_sidecar_says_how_the_condition_is_read(small_controlnet: ControlNet) -> None:
    plain = Controls(small_controlnet, "canny", (stripes(4),)).image(0)
    inverted = Controls(small_controlnet, "canny", (stripes(4),), Sidecar(polarity="black on white")).image(0)
    assert plain.shape == (1, 3, 32, 32)
    assert set(plain.unique().tolist()) == {0.0, 1.0}
    assert (inverted == 1 - plain).all()
